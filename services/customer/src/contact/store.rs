//! All SQL of contacts.

use crm_kit_api::{Error, Result};
use crm_kit_pg::{constraint, db::database_error};
use crm_kit_record::hierarchy::{Fault, MAX_DEPTH};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::{
    COLLECTION,
    model::{Contact, Pairs},
};
use crate::{
    account,
    duplicate::store::{Exchange, Keyed, Written},
};

/// Columns of [`Contact`], for the list builder.
pub const COLUMNS: &str = "tenant_id, id, create_time, update_time, delete_time, revision, display_name, family_name, given_name, middle_name, \
     salutation, job_title, department, reports_to_id, emails, phones, accounts, mailing_address, birth_date, \
     language_code, source, owner_id, life_cycle_stage, last_activity_time, tags, description, external_ids, custom";

/// Inserts contacts, however many, in one statement.
pub async fn insert(conn: &mut PgConnection, contacts: &[Contact]) -> Result<()> {
    let Some(exchange) = exchange(contacts) else { return Ok(()) };
    let rows: Vec<_> = contacts.iter().map(Contact::to_stored).collect();
    let written = sqlx::query_as!(
        Written,
        r#"
        WITH written AS (
            INSERT INTO contact (
                tenant_id, id, create_time, update_time, delete_time, revision, display_name, family_name, given_name,
                middle_name, salutation, job_title, department, reports_to_id, emails, phones, accounts, mailing_address,
                birth_date, language_code, source, owner_id, life_cycle_stage, last_activity_time, tags, description,
                external_ids, custom, account_id, email, phone, search_name, search_phone, search_email
            )
            SELECT
                tenant_id, id, create_time, update_time, delete_time, revision, display_name, family_name, given_name,
                middle_name, salutation, job_title, department, reports_to_id, emails, phones, accounts, mailing_address,
                birth_date, language_code, source, owner_id, life_cycle_stage, last_activity_time, tags, description,
                external_ids, custom, account_id, email, phone, search_name, search_phone, search_email
            FROM jsonb_populate_recordset(NULL::contact, $1)
            RETURNING id
        )
        SELECT (SELECT count(*) FROM written) AS "count!", k.kind AS "kind?", k.key AS "key?", k.record_id AS "record_id?",
               k.other_id AS "other_id?"
        FROM (VALUES (1)) AS once LEFT JOIN exchange_match_keys($2, $3, $4, $5, $6, TRUE) AS k ON TRUE
        "#,
        Json(rows) as _,
        exchange.tenant_id,
        exchange.collection,
        &exchange.ids,
        &exchange.keys as _,
        &exchange.built_in,
    )
    .fetch_all(&mut *conn)
    .await
    .map_err(database_error)?;
    exchange.settle(conn, written).await
}

/// Writes contacts over their rows, which the transaction holds; each carries its new revision.
pub async fn update(conn: &mut PgConnection, contacts: &[Contact]) -> Result<()> {
    let Some(exchange) = exchange(contacts) else { return Ok(()) };
    let rows: Vec<_> = contacts.iter().map(Contact::to_stored).collect();
    let written = sqlx::query_as!(
        Written,
        r#"
        WITH written AS (
            UPDATE contact AS c SET (
                update_time, delete_time, revision, display_name, family_name, given_name, middle_name, salutation, job_title,
                department, reports_to_id, emails, phones, accounts, mailing_address, birth_date, language_code, source, owner_id,
                life_cycle_stage, last_activity_time, tags, description, external_ids, custom, account_id, email, phone, search_name,
                search_phone, search_email
            ) = ROW (
                n.update_time, n.delete_time, n.revision, n.display_name, n.family_name, n.given_name, n.middle_name, n.salutation,
                n.job_title, n.department, n.reports_to_id, n.emails, n.phones, n.accounts, n.mailing_address, n.birth_date,
                n.language_code, n.source, n.owner_id, n.life_cycle_stage, n.last_activity_time, n.tags, n.description,
                n.external_ids, n.custom, n.account_id, n.email, n.phone, n.search_name, n.search_phone, n.search_email
            )
            FROM jsonb_populate_recordset(NULL::contact, $1) AS n
            WHERE c.tenant_id = n.tenant_id AND c.id = n.id AND c.revision = n.revision - 1
            RETURNING c.id
        )
        SELECT (SELECT count(*) FROM written) AS "count!", k.kind AS "kind?", k.key AS "key?", k.record_id AS "record_id?",
               k.other_id AS "other_id?"
        FROM (VALUES (1)) AS once LEFT JOIN exchange_match_keys($2, $3, $4, $5, $6, FALSE) AS k ON TRUE
        "#,
        Json(rows) as _,
        exchange.tenant_id,
        exchange.collection,
        &exchange.ids,
        &exchange.keys as _,
        &exchange.built_in,
    )
    .fetch_all(&mut *conn)
    .await
    .map_err(database_error)?;
    exchange.settle(conn, written).await
}

/// The keys under which duplicates of the contacts are found, none of those in the recycle bin; `None` for no contacts.
fn exchange(contacts: &[Contact]) -> Option<Exchange> {
    let tenant_id = contacts.first()?.tenant_id;
    let keyed = |contact: &Contact| Keyed::of(contact.id, &contact.profile(), contact.delete_time.is_some());
    Some(Exchange::of(tenant_id, COLLECTION, contacts.iter().map(keyed).collect()))
}

/// Of (contact, manager) pairs, the first whose manager is not a live contact within the scope of `owners`, or reports to the contact.
pub async fn reports_to_fault(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    (contacts, managers): (&[Uuid], &[Uuid]),
    owners: Option<&[Uuid]>,
) -> Result<Option<Fault>> {
    let fault = sqlx::query_as!(
        Fault,
        r#"
        WITH RECURSIVE pair AS (
            SELECT * FROM unnest($2::uuid[], $3::uuid[]) AS p (contact, manager)
        ), climb AS (
            SELECT contact, manager AS at, 1 AS depth FROM pair
            UNION ALL
            SELECT c.contact, m.reports_to_id, c.depth + 1
            FROM climb c JOIN contact m ON m.tenant_id = $1 AND m.id = c.at
            WHERE m.reports_to_id IS NOT NULL AND c.at <> c.contact AND c.depth < $5
        )
        SELECT p.contact AS "record_id!", p.manager AS "above!",
               EXISTS (SELECT 1 FROM climb c WHERE c.contact = p.contact AND (c.at = c.contact OR c.depth = $5)) AS "circle!"
        FROM pair p
        LEFT JOIN contact m ON m.tenant_id = $1 AND m.id = p.manager AND m.delete_time IS NULL
            AND ($4::uuid[] IS NULL OR m.owner_id = ANY ($4))
        WHERE m.id IS NULL OR EXISTS (SELECT 1 FROM climb c WHERE c.contact = p.contact AND (c.at = c.contact OR c.depth = $5))
        LIMIT 1
        "#,
        tenant_id,
        contacts,
        managers,
        owners,
        MAX_DEPTH,
    )
    .fetch_optional(conn)
    .await
    .map_err(database_error)?;
    Ok(fault)
}

/// Ids of contacts that report to any of the given ones, with those in the recycle bin; at most `most`.
pub async fn reporting_to(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    managers: &[Uuid],
    most: i64,
) -> Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        r#"SELECT id FROM contact WHERE tenant_id = $1 AND reports_to_id = ANY ($2) AND id <> ALL ($2) LIMIT $3"#,
        tenant_id,
        managers,
        most,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// Ids of contacts that belong to any of the accounts, with those in the recycle bin; at most `most`.
pub async fn tied_to(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    account_ids: &[Uuid],
    most: i64,
) -> Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        r#"SELECT DISTINCT contact_id FROM contact_account WHERE tenant_id = $1 AND account_id = ANY ($2) LIMIT $3"#,
        tenant_id,
        account_ids,
        most,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// Stores that contacts belong to accounts.
pub async fn tie(conn: &mut PgConnection, tenant_id: Uuid, pairs: &Pairs) -> Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO contact_account (tenant_id, contact_id, account_id)
        SELECT $1, p.contact_id, p.account_id FROM unnest($2::uuid[], $3::uuid[]) AS p (contact_id, account_id)
        "#,
        tenant_id,
        &pairs.contact_ids,
        &pairs.account_ids,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(|error| constraint::map(error, reason))
}

/// Forgets that contacts belong to accounts.
pub async fn untie(conn: &mut PgConnection, tenant_id: Uuid, pairs: &Pairs) -> Result<()> {
    sqlx::query!(
        r#"
        DELETE FROM contact_account t
        USING unnest($2::uuid[], $3::uuid[]) AS p (contact_id, account_id)
        WHERE t.tenant_id = $1 AND t.contact_id = p.contact_id AND t.account_id = p.account_id
        "#,
        tenant_id,
        &pairs.contact_ids,
        &pairs.account_ids,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// An account that was purged between the check and the write.
fn reason(constraint: &str) -> Option<Error> {
    (constraint == "contact_account_account_fkey").then(|| Error::not_found(account::COLLECTION, ""))
}
