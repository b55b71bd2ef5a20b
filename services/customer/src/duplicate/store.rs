//! All SQL of match keys.

use crm_kit_api::{Error, Result, error::Violation};
use crm_kit_pg::db::database_error;
use crm_kit_value::name::person;
use serde::Serialize;
use sqlx::{PgConnection, types::Json};
use tonic::Code;
use uuid::Uuid;

use super::{
    key::{Key, KeyKind, MAX_SHARED, keys},
    profile::Profile,
    rule,
};
use crate::{DOMAIN, account, contact, duplicate_rule::BLOCK};

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

/// What `exchange_match_keys` takes: the keys that records have from now on. The statement that writes the records calls it, so that both take one
/// round trip.
///
/// Only keys that are new to a record can block, so that records which were duplicates before their rule stay writable. A key is taken by
/// inserting its hold, at which two writes at once meet; the record whose hold was not inserted is told, and so is one whose key a record
/// without a hold has.
#[derive(Debug)]
pub struct Exchange {
    /// Tenant of the records.
    pub tenant_id: Uuid,
    /// Their collection.
    pub collection: &'static str,
    /// The records.
    pub ids: Vec<Uuid>,
    /// Their keys.
    pub keys: Json<Vec<GivenKey>>,
    /// Kinds that block for a tenant without rules of its own.
    pub built_in: Vec<String>,
}

/// A key of a record, as the database reads it.
#[derive(Debug, Serialize)]
pub struct GivenKey {
    kind: &'static str,
    key: String,
    record_id: Uuid,
}

/// A row of a statement that writes records: how many it wrote, and a key that one of them must not have, because another one has it.
#[derive(Debug)]
pub struct Written {
    /// Records written, the same in every row.
    pub count: i64,
    /// Kind of the key; `None` in the only row of a write without conflict.
    pub kind: Option<String>,
    /// The key.
    pub key: Option<String>,
    /// The record that must not have it.
    pub record_id: Option<Uuid>,
    /// The record that has it, if it is seen.
    pub other_id: Option<Uuid>,
}

struct Conflict {
    kind: String,
    key: String,
    record_id: Uuid,
    other_id: Option<Uuid>,
}

impl Exchange {
    /// The keys of records of one tenant.
    pub fn of(tenant_id: Uuid, collection: &'static str, records: Vec<Keyed>) -> Self {
        let built_in = rule::blocking_defaults(collection).map(|kind| kind.name().to_owned()).collect();
        let ids = records.iter().map(|record| record.id).collect();
        let of_record = |record: Keyed| {
            let record_id = record.id;
            record.keys.into_iter().map(move |key| GivenKey {
                kind: key.kind.name(),
                key: key.text,
                record_id,
            })
        };
        let keys = Json(records.into_iter().flat_map(of_record).collect());
        Self { tenant_id, collection, ids, keys, built_in }
    }

    /// Fails with `ALREADY_EXISTS / DUPLICATE_BLOCKED` when another record has such a key already, unless the request sets that aside, and when
    /// not all records were written, because somebody else wrote them at the same time.
    pub async fn settle(&self, conn: &mut PgConnection, rows: Vec<Written>) -> Result<()> {
        let count = rows.first().map_or(0, |row| row.count);
        if usize::try_from(count) != Ok(self.ids.len()) {
            return Err(Error::concurrent_change());
        }
        for conflict in rows.into_iter().filter_map(Conflict::of) {
            let other = match conflict.other_id {
                Some(other) => Some(other),
                None => claim(conn, self.tenant_id, self.collection, &conflict).await?,
            };
            if let Some(other) = other {
                return Err(blocked(conn, self.tenant_id, self.collection, &conflict, other).await?);
            }
        }
        Ok(())
    }
}

impl Conflict {
    fn of(row: Written) -> Option<Self> {
        let Written { kind, key, record_id, other_id, .. } = row;
        Some(Self { kind: kind?, key: key?, record_id: record_id?, other_id })
    }
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

/// Drops all keys and holds of records. Those in the recycle bin have none as a rule.
pub async fn forget(conn: &mut PgConnection, tenant_id: Uuid, record_ids: &[Uuid]) -> Result<()> {
    sqlx::query!(
        r#"
        WITH freed AS (DELETE FROM match_key WHERE tenant_id = $1 AND record_id = ANY ($2))
        DELETE FROM duplicate_hold WHERE tenant_id = $1 AND record_id = ANY ($2)
        "#,
        tenant_id,
        record_ids,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
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
