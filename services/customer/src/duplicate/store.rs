//! All SQL of match keys.

use crm_kit_api::{Error, Result, error::Violation};
use crm_kit_pg::db::database_error;
use crm_kit_value::name::person;
use sqlx::PgConnection;
use tonic::Code;
use uuid::Uuid;

use super::{
    key::{Key, KeyKind, MAX_SHARED, keys},
    profile::Profile,
    rule,
};
use crate::{DOMAIN, account, contact, duplicate_rule::BLOCK};

/// Permission to set blocking rules aside, as `crm-override` names it.
pub const OVERRIDE: &str = "customer.duplicates.override";

/// A record whose keys are written.
#[derive(Debug)]
pub struct Keyed {
    /// The record.
    pub id: Uuid,
    /// Its keys; none for a record in the recycle bin.
    pub keys: Vec<Key>,
}

impl Keyed {
    /// The keys of a record, or none when it is deleted.
    pub fn of(id: Uuid, profile: &Profile, deleted: bool) -> Self {
        Self { id, keys: if deleted { Vec::new() } else { keys(profile).into_iter().collect() } }
    }
}

/// A key that a record must not have, because another one has it.
#[derive(Debug)]
struct Conflict {
    kind: String,
    key: String,
    record_id: Uuid,
    other_id: Option<Uuid>,
}

/// Makes these the keys of the records, in one statement, and takes those by which a rule of the tenant blocks. Fails with
/// `ALREADY_EXISTS / DUPLICATE_BLOCKED` when another record has such a key already, unless the request sets that aside.
pub async fn write(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    collection: &'static str,
    records: &[Keyed],
) -> Result<()> {
    let conflicts = exchange(conn, tenant_id, collection, records).await?;
    for conflict in conflicts {
        let other = match conflict.other_id {
            Some(other) => Some(other),
            None => claim(conn, tenant_id, collection, &conflict).await?,
        };
        if let Some(other) = other {
            return Err(blocked(conn, tenant_id, collection, &conflict, other).await?);
        }
    }
    Ok(())
}

/// Only keys that are new to a record can block, so that records which were duplicates before their rule stay writable. A key is taken by
/// inserting its hold, at which two writes at once meet; the record whose hold was not inserted is told, and so is one whose key a record
/// without a hold has.
async fn exchange(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    collection: &'static str,
    records: &[Keyed],
) -> Result<Vec<Conflict>> {
    let ids: Vec<Uuid> = records.iter().map(|record| record.id).collect();
    let (mut kinds, mut texts, mut owners) = (Vec::new(), Vec::new(), Vec::new());
    for record in records {
        for key in &record.keys {
            kinds.push(key.kind.name().to_owned());
            texts.push(key.text.clone());
            owners.push(record.id);
        }
    }
    let built_in: Vec<String> =
        rule::blocking_defaults(collection).map(|kind| kind.name().to_owned()).collect();
    sqlx::query_as!(
        Conflict,
        r#"
        WITH given AS (
            SELECT * FROM unnest($4::text[], $5::text[], $6::uuid[]) AS g (kind, key, record_id)
        ), freed AS (
            DELETE FROM match_key AS m
            WHERE m.tenant_id = $1 AND m.record_id = ANY ($3) AND NOT EXISTS (
                SELECT 1 FROM given g WHERE g.record_id = m.record_id AND g.kind = m.kind AND g.key = m.key)
        ), let_go AS (
            DELETE FROM duplicate_hold AS h
            WHERE h.tenant_id = $1 AND h.record_id = ANY ($3) AND NOT EXISTS (
                SELECT 1 FROM given g WHERE g.record_id = h.record_id AND g.kind = h.kind AND g.key = h.key)
        ), fresh AS (
            INSERT INTO match_key (tenant_id, collection, kind, key, record_id)
            SELECT $1, $2, kind, key, record_id FROM given
            ON CONFLICT ON CONSTRAINT match_key_pkey DO NOTHING
            RETURNING kind, key, record_id
        ), blocking AS (
            SELECT r.keys[1] AS kind, r.ignored_keys FROM duplicate_rule r
            WHERE r.tenant_id = $1 AND r.collection = $2 AND r.outcome = $8 AND NOT r.disabled
            UNION ALL
            SELECT b.kind, '{}'::text[] FROM unnest($7::text[]) AS b (kind)
            WHERE NOT EXISTS (SELECT 1 FROM duplicate_rule r WHERE r.tenant_id = $1 AND r.collection = $2)
        ), wanted AS (
            SELECT f.kind, f.key, f.record_id FROM fresh f
            WHERE EXISTS (SELECT 1 FROM blocking b WHERE b.kind = f.kind AND f.key <> ALL (b.ignored_keys))
              AND $9 <> ALL (string_to_array(COALESCE(current_setting('app.overrides', true), ''), ','))
        ), held AS (
            INSERT INTO duplicate_hold (tenant_id, collection, kind, key, record_id)
            SELECT $1, $2, kind, key, record_id FROM wanted ORDER BY kind, key
            ON CONFLICT ON CONSTRAINT duplicate_hold_pkey DO NOTHING
            RETURNING kind, key, record_id
        )
        SELECT w.kind AS "kind!", w.key AS "key!", w.record_id AS "record_id!", other.record_id AS "other_id?"
        FROM wanted w
        LEFT JOIN LATERAL (
            SELECT m.record_id FROM match_key m
            WHERE m.tenant_id = $1 AND m.collection = $2 AND m.kind = w.kind AND m.key = w.key AND m.record_id <> ALL ($3)
            LIMIT 1
        ) AS other ON TRUE
        WHERE other.record_id IS NOT NULL
           OR NOT EXISTS (SELECT 1 FROM held h WHERE h.kind = w.kind AND h.key = w.key AND h.record_id = w.record_id)
        "#,
        tenant_id,
        collection,
        &ids,
        &kinds,
        &texts,
        &owners,
        &built_in,
        BLOCK,
        OVERRIDE,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// Takes a key that a record of the same write has let go of by now; tells who has it when nobody did.
async fn claim(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    collection: &str,
    conflict: &Conflict,
) -> Result<Option<Uuid>> {
    let holder = sqlx::query_scalar!(
        r#"
        INSERT INTO duplicate_hold AS h (tenant_id, collection, kind, key, record_id) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT ON CONSTRAINT duplicate_hold_pkey DO UPDATE SET record_id = h.record_id
        RETURNING h.record_id
        "#,
        tenant_id,
        collection,
        conflict.kind,
        conflict.key,
        conflict.record_id,
    )
    .fetch_one(conn)
    .await
    .map_err(database_error)?;
    Ok(Some(holder).filter(|holder| *holder != conflict.record_id))
}

/// `ALREADY_EXISTS / DUPLICATE_BLOCKED`. The other record may lie outside the caller's scope, so its name is masked.
async fn blocked(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    collection: &'static str,
    conflict: &Conflict,
    other: Uuid,
) -> Result<Error> {
    let rule = blocking_rule(conn, tenant_id, collection, &conflict.kind).await?;
    let stands = standing(conn, tenant_id, collection, &[other]).await?.pop();
    let field = field(collection, &conflict.kind);
    let message = format!("another record has the same {field}");
    let mut error = Error::new(Code::AlreadyExists, DOMAIN, "DUPLICATE_BLOCKED", message)
        .with("collection", collection)
        .with("key", &conflict.kind)
        .with("rule", rule)
        .with("field", field)
        .with_violation(Violation::new(field, "DUPLICATE", "is that of another record"))
        .about(conflict.record_id);
    if let Some(stands) = stands {
        error = error.with("id", stands.id).with("display_name", person::mask(&stands.display_name));
        if let Some(owner) = stands.owner_id {
            error = error.with("owner_id", owner);
        }
    }
    Ok(error)
}

/// The field of a request that a key is made of.
fn field(collection: &str, kind: &str) -> &'static str {
    let account = collection == account::COLLECTION;
    match KeyKind::of_name(kind) {
        Some(KeyKind::Identity) => "account.unified_social_credit_code",
        Some(KeyKind::TaxNumber) => "account.tax_id",
        Some(KeyKind::Email) if account => "account.email",
        Some(KeyKind::Phone | KeyKind::PhoneTail) if account => "account.phone",
        Some(KeyKind::Domain) if account => "account.website",
        Some(KeyKind::Email | KeyKind::Domain) => "contact.emails",
        Some(KeyKind::Phone | KeyKind::PhoneTail) => "contact.phones",
        _ if account => "account.display_name",
        _ => "contact.display_name",
    }
}

async fn blocking_rule(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    collection: &str,
    kind: &str,
) -> Result<String> {
    let own = sqlx::query_scalar!(
        r#"
        SELECT display_name FROM duplicate_rule
        WHERE tenant_id = $1 AND collection = $2 AND keys[1] = $3 AND outcome = $4 AND NOT disabled
        ORDER BY id LIMIT 1
        "#,
        tenant_id,
        collection,
        kind,
        BLOCK,
    )
    .fetch_optional(conn)
    .await
    .map_err(database_error)?;
    Ok(own.unwrap_or_else(|| kind.to_lowercase()))
}

/// A live record, whoever may see it.
#[derive(Debug)]
pub struct Standing {
    /// The record.
    pub id: Uuid,
    /// Its name, unmasked.
    pub display_name: String,
    /// Who answers for it.
    pub owner_id: Option<Uuid>,
}

/// Where live records stand, above every scope.
pub async fn standing(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    collection: &str,
    ids: &[Uuid],
) -> Result<Vec<Standing>> {
    sqlx::query_as!(
        Standing,
        r#"
        SELECT id AS "id!", display_name AS "display_name!", owner_id FROM (
            SELECT id, display_name, owner_id FROM account
            WHERE $2 = 'accounts' AND tenant_id = $1 AND id = ANY ($3) AND delete_time IS NULL
            UNION ALL
            SELECT id, display_name, owner_id FROM contact
            WHERE $2 = 'contacts' AND tenant_id = $1 AND id = ANY ($3) AND delete_time IS NULL
        ) AS record
        "#,
        tenant_id,
        collection,
        ids,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// Records other than `except` that share a key, except one that more than [`MAX_SHARED`] records share; by kind and text of the key.
pub async fn sharing(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    collection: &str,
    keys: &[Key],
    except: Option<Uuid>,
) -> Result<Vec<(Uuid, Key)>> {
    let kinds: Vec<String> = keys.iter().map(|key| key.kind.name().to_owned()).collect();
    let texts: Vec<String> = keys.iter().map(|key| key.text.clone()).collect();
    let rows = sqlx::query!(
        r#"
        SELECT w.kind AS "kind!", w.key AS "key!", unnest(found.ids) AS "record_id!"
        FROM unnest($3::text[], $4::text[]) AS w (kind, key)
        CROSS JOIN LATERAL (
            SELECT array_agg(m.record_id) AS ids FROM (
                SELECT record_id FROM match_key
                WHERE tenant_id = $1 AND collection = $2 AND kind = w.kind AND key = w.key
                  AND record_id IS DISTINCT FROM $5
                LIMIT $6
            ) AS m
        ) AS found
        WHERE cardinality(found.ids) < $6
        "#,
        tenant_id,
        collection,
        &kinds,
        &texts,
        except,
        i64::try_from(MAX_SHARED + 1).map_err(Error::internal)?,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)?;
    let found = rows
        .into_iter()
        .filter_map(|row| Some((row.record_id, Key { kind: KeyKind::of_name(&row.kind)?, text: row.key })));
    Ok(found.collect())
}

/// The collections that have keys.
pub const COLLECTIONS: [&str; 2] = [account::COLLECTION, contact::COLLECTION];
