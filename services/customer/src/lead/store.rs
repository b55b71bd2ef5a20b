//! All SQL of leads.

use crm_kit_api::{Error, Result};
use crm_kit_pg::db::database_error;
use crm_proto::crm::customer::v1::lead::Status;
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::model::{Lead, StatusChange};
use crm_kit_record::Choice;

/// Columns of [`Lead`], for the list builder.
pub const COLUMNS: &str = "tenant_id, id, create_time, update_time, delete_time, revision, display_name, family_name, given_name, salutation, job_title, \
     department, company_name, industry, employee_count, region, website, phone, email, address, source, channel, campaign_id, utm, \
     score, rating, status, status_reason, status_time, owner_id, pool_id, claim_time, last_activity_time, duplicate_of_id, \
     converted_account_id, converted_contact_id, converted_opportunity_id, convert_time, conversion_id, tags, description, external_ids, custom";

/// Inserts leads, however many, in one statement.
pub async fn insert(conn: &mut PgConnection, leads: &[Lead]) -> Result<()> {
    let rows: Vec<_> = leads.iter().map(Lead::to_stored).collect();
    sqlx::query!(
        r#"
        INSERT INTO lead (
            tenant_id, id, create_time, update_time, delete_time, revision, display_name, family_name, given_name, salutation,
            job_title, department, company_name, industry, employee_count, region, website, phone, email, address, source, channel,
            campaign_id, utm, score, rating, status, status_reason, status_time, owner_id, pool_id, claim_time, last_activity_time,
            duplicate_of_id, converted_account_id, converted_contact_id, converted_opportunity_id, convert_time, conversion_id, tags,
            description, external_ids, custom, search_name, search_phone, search_email
        )
        SELECT
            tenant_id, id, create_time, update_time, delete_time, revision, display_name, family_name, given_name, salutation,
            job_title, department, company_name, industry, employee_count, region, website, phone, email, address, source, channel,
            campaign_id, utm, score, rating, status, status_reason, status_time, owner_id, pool_id, claim_time, last_activity_time,
            duplicate_of_id, converted_account_id, converted_contact_id, converted_opportunity_id, convert_time, conversion_id, tags,
            description, external_ids, custom, search_name, search_phone, search_email
        FROM jsonb_populate_recordset(NULL::lead, $1)
        "#,
        Json(rows) as _
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// Ids of leads that repeat any of the given ones, with those in the recycle bin; at most `most`.
pub async fn repeating(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    originals: &[Uuid],
    most: i64,
) -> Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        r#"SELECT id FROM lead WHERE tenant_id = $1 AND duplicate_of_id = ANY ($2) AND id <> ALL ($2) LIMIT $3"#,
        tenant_id,
        originals,
        most,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// Writes leads over their rows, which the transaction holds; each carries its new revision.
pub async fn update(conn: &mut PgConnection, leads: &[Lead]) -> Result<()> {
    let rows: Vec<_> = leads.iter().map(Lead::to_stored).collect();
    let done = sqlx::query!(
        r#"
        UPDATE lead AS l SET (
            update_time, delete_time, revision, display_name, family_name, given_name, salutation, job_title, department,
            company_name, industry, employee_count, region, website, phone, email, address, source, channel, campaign_id, utm,
            score, rating, status, status_reason, status_time, owner_id, pool_id, claim_time, last_activity_time, duplicate_of_id,
            converted_account_id, converted_contact_id, converted_opportunity_id, convert_time, conversion_id, tags, description,
            external_ids, custom, search_name, search_phone, search_email
        ) = ROW (
            n.update_time, n.delete_time, n.revision, n.display_name, n.family_name, n.given_name, n.salutation, n.job_title,
            n.department, n.company_name, n.industry, n.employee_count, n.region, n.website, n.phone, n.email, n.address, n.source,
            n.channel, n.campaign_id, n.utm, n.score, n.rating, n.status, n.status_reason, n.status_time, n.owner_id, n.pool_id,
            n.claim_time, n.last_activity_time, n.duplicate_of_id, n.converted_account_id, n.converted_contact_id,
            n.converted_opportunity_id, n.convert_time, n.conversion_id, n.tags, n.description, n.external_ids, n.custom, n.search_name,
            n.search_phone, n.search_email
        )
        FROM jsonb_populate_recordset(NULL::lead, $1) AS n
        WHERE l.tenant_id = n.tenant_id AND l.id = n.id AND l.revision = n.revision - 1
        "#,
        Json(rows) as _
    )
    .execute(conn)
    .await
    .map_err(database_error)?;
    if usize::try_from(done.rows_affected()).is_ok_and(|count| count == leads.len()) {
        Ok(())
    } else {
        Err(Error::concurrent_change())
    }
}

/// Adds changes of status.
pub async fn add_status_changes(conn: &mut PgConnection, changes: &[StatusChange]) -> Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO lead_status_change (tenant_id, lead_id, revision, step, change_time, from_status, to_status, actor_id, reason)
        SELECT tenant_id, lead_id, revision, step, change_time, from_status, to_status, actor_id, reason
        FROM jsonb_populate_recordset(NULL::lead_status_change, $1)
        "#,
        Json(changes) as _
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// All changes of status of leads, each lead with a JSON array of its rows.
pub async fn status_change_documents(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    lead_ids: &[Uuid],
) -> Result<Vec<(Uuid, serde_json::Value)>> {
    let rows = sqlx::query!(
        r#"
        SELECT c.lead_id, jsonb_agg(to_jsonb(c)) AS "changes!" FROM lead_status_change c
        WHERE c.tenant_id = $1 AND c.lead_id = ANY ($2) GROUP BY c.lead_id
        "#,
        tenant_id,
        lead_ids,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)?;
    Ok(rows.into_iter().map(|row| (row.lead_id, row.changes)).collect())
}

/// Puts back such rows.
pub async fn put_status_changes(conn: &mut PgConnection, documents: Vec<serde_json::Value>) -> Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO lead_status_change (tenant_id, lead_id, revision, step, change_time, from_status, to_status, actor_id, reason)
        SELECT r.tenant_id, r.lead_id, r.revision, r.step, r.change_time, r.from_status, r.to_status, r.actor_id, r.reason
        FROM unnest($1::jsonb[]) AS d (rows) CROSS JOIN LATERAL jsonb_populate_recordset(NULL::lead_status_change, d.rows) AS r
        "#,
        &documents,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// Ids of leads that were converted to any of these accounts or contacts, with those in the recycle bin; at most `most`.
pub async fn converted_to(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    ids: &[Uuid],
    most: i64,
) -> Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        r#"
        SELECT id AS "id!" FROM (
            SELECT id FROM lead WHERE tenant_id = $1 AND converted_account_id = ANY ($2)
            UNION
            SELECT id FROM lead WHERE tenant_id = $1 AND converted_contact_id = ANY ($2)
        ) AS converted
        LIMIT $3
        "#,
        tenant_id,
        ids,
        most,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// Changes of a lead's status after a place, oldest first.
pub async fn status_changes(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    lead_id: Uuid,
    (revision, step): (i64, i32),
    limit: i64,
) -> Result<Vec<StatusChange>> {
    sqlx::query_as!(
        StatusChange,
        r#"
        SELECT tenant_id, lead_id, revision, step, change_time, from_status AS "from_status: Choice<Status>",
               to_status AS "to_status: Choice<Status>", actor_id, reason
        FROM lead_status_change
        WHERE tenant_id = $1 AND lead_id = $2 AND (revision, step) > ($3, $4)
        ORDER BY revision, step
        LIMIT $5
        "#,
        tenant_id,
        lead_id,
        revision,
        step,
        limit,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}
