//! All SQL of single quotas. The statements that write them also write their months and, when a published one changes, what it was.

use chrono::{DateTime, NaiveDate, Utc};
use crm_kit_api::{Error, Result};
use crm_kit_pg::{constraint, db::database_error};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::{
    model::{Month, Quota},
    reason,
};

/// Columns of [`Quota`], for the list builder.
pub const COLUMNS: &str = "tenant_id, id, create_time, update_time, delete_time, revision, owner_id, department_id, measure, level, period_kind, \
     start_date, end_date, amount, amount_currency, count, state, version, version_time, version_actor_id, publish_time, note, external_ids, custom";

/// Inserts quotas, however many, with their months.
pub async fn insert(conn: &mut PgConnection, rows: &[Quota]) -> Result<()> {
    let stored: Vec<_> = rows.iter().map(Quota::to_stored).collect();
    sqlx::query!(
        r#"
        WITH stored AS (
            INSERT INTO quota (tenant_id, id, create_time, update_time, delete_time, revision, owner_id, department_id, measure,
                               level, period_kind, start_date, end_date, amount, amount_currency, count, state, version,
                               version_time, version_actor_id, publish_time, note, external_ids, custom, search_name)
            SELECT tenant_id, id, create_time, update_time, delete_time, revision, owner_id, department_id, measure, level,
                   period_kind, start_date, end_date, amount, amount_currency, count, state, version, version_time,
                   version_actor_id, publish_time, note, external_ids, custom, search_name
            FROM jsonb_populate_recordset(NULL::quota, $1)
        )
        INSERT INTO quota_month (tenant_id, subject_id, month, measure, level, amount_currency, value, quota_id)
        SELECT tenant_id, subject_id, month, measure, level, amount_currency, value, quota_id
        FROM jsonb_populate_recordset(NULL::quota_month, $2)
        "#,
        Json(stored) as _,
        Json(months(rows)) as _,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(|error| constraint::map(error, taken))
}

/// Writes quotas over their rows, which the transaction holds; each carries its new revision. A quota with a new version leaves what it was, and one in the
/// recycle bin has no months.
pub async fn update(conn: &mut PgConnection, rows: &[Quota]) -> Result<()> {
    let stored: Vec<_> = rows.iter().map(Quota::to_stored).collect();
    let count = sqlx::query_scalar!(
        r#"
        WITH n AS MATERIALIZED (
            SELECT * FROM jsonb_populate_recordset(NULL::quota, $1)
        ), was AS MATERIALIZED (
            SELECT q.* FROM quota q JOIN n ON q.tenant_id = n.tenant_id AND q.id = n.id
        ), stored AS (
            UPDATE quota AS q SET (
                update_time, delete_time, revision, owner_id, department_id, measure, level, period_kind, start_date, end_date,
                amount, amount_currency, count, state, version, version_time, version_actor_id, publish_time, note,
                external_ids, custom, search_name
            ) = ROW (
                n.update_time, n.delete_time, n.revision, n.owner_id, n.department_id, n.measure, n.level, n.period_kind,
                n.start_date, n.end_date, n.amount, n.amount_currency, n.count, n.state, n.version, n.version_time,
                n.version_actor_id, n.publish_time, n.note, n.external_ids, n.custom, n.search_name
            )
            FROM n
            WHERE q.tenant_id = n.tenant_id AND q.id = n.id AND q.revision = n.revision - 1
            RETURNING q.id
        ), versioned AS (
            INSERT INTO quota_version (tenant_id, quota_id, version, start_time, end_time, actor_id, amount, amount_currency, count,
                                       note)
            SELECT w.tenant_id, w.id, w.version, w.version_time, n.version_time, w.version_actor_id, w.amount, w.amount_currency,
                   w.count, w.note
            FROM n JOIN was w ON w.id = n.id
            WHERE n.version > w.version
        )
        SELECT count(*) AS "count!" FROM stored
        "#,
        Json(stored) as _,
    )
    .fetch_one(&mut *conn)
    .await
    .map_err(database_error)?;
    if !usize::try_from(count).is_ok_and(|count| count == rows.len()) {
        return Err(Error::concurrent_change());
    }
    set_months(conn, rows).await
}

/// Sets the months of quotas. Two statements, because the new rows may have the keys of the old ones.
async fn set_months(conn: &mut PgConnection, rows: &[Quota]) -> Result<()> {
    let Some(first) = rows.first() else { return Ok(()) };
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    sqlx::query!(
        r#"DELETE FROM quota_month WHERE tenant_id = $1 AND quota_id = ANY ($2)"#,
        first.tenant_id,
        &ids
    )
    .execute(&mut *conn)
    .await
    .map_err(database_error)?;
    sqlx::query!(
        r#"
        INSERT INTO quota_month (tenant_id, subject_id, month, measure, level, amount_currency, value, quota_id)
        SELECT tenant_id, subject_id, month, measure, level, amount_currency, value, quota_id
        FROM jsonb_populate_recordset(NULL::quota_month, $1)
        "#,
        Json(months(rows)) as _,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(|error| constraint::map(error, taken))
}

fn months(rows: &[Quota]) -> Vec<Month<'_>> {
    rows.iter().filter(|row| row.delete_time.is_none()).flat_map(Quota::months).collect()
}

/// A row of `quota_version`.
#[derive(Clone, Debug)]
pub struct Version {
    pub version: i64,
    pub start_time: DateTime<Utc>,
    pub end_time: DateTime<Utc>,
    pub actor_id: Uuid,
    pub amount: Option<i64>,
    pub amount_currency: String,
    pub count: Option<i64>,
    pub note: String,
}

/// What a quota was, the last versions, the first one first.
pub async fn versions(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    quota_id: Uuid,
    most: i64,
) -> Result<Vec<Version>> {
    let mut found = sqlx::query_as!(
        Version,
        r#"
        SELECT version, start_time, end_time, actor_id, amount, amount_currency, count, note
        FROM quota_version
        WHERE tenant_id = $1 AND quota_id = $2
        ORDER BY version DESC
        LIMIT $3
        "#,
        tenant_id,
        quota_id,
        most,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)?;
    found.reverse();
    Ok(found)
}

/// Published quotas, of all tenants, whose period ended before a day.
pub async fn ended(conn: &mut PgConnection, day: NaiveDate, most: i64) -> Result<Vec<(Uuid, Uuid)>> {
    let rows = sqlx::query!(
        r#"SELECT tenant_id AS "tenant_id!", id AS "id!" FROM quota_ended_before($1, $2)"#,
        day,
        most
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)?;
    Ok(rows.into_iter().map(|row| (row.tenant_id, row.id)).collect())
}

fn taken(constraint: &str) -> Option<Error> {
    (constraint == "quota_month_pkey").then(reason::exists)
}
