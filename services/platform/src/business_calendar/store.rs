//! Business calendars in the database.

use crm_kit_api::{Error, Result};
use crm_kit_pg::{constraint, db::database_error};
use sqlx::PgConnection;
use uuid::Uuid;

use super::model::BusinessCalendar;
use crate::{paging::Paging, reason, text};

/// One calendar that is not deleted.
pub async fn find(conn: &mut PgConnection, tenant_id: Uuid, id: Uuid) -> Result<Option<BusinessCalendar>> {
    Ok(select(conn, tenant_id, Some(id), None, 1).await?.pop())
}

/// One page of calendars.
pub async fn page(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    paging: &Paging,
) -> Result<Vec<BusinessCalendar>> {
    select(conn, tenant_id, None, paging.after, paging.rows()).await
}

async fn select(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    id: Option<Uuid>,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<BusinessCalendar>> {
    sqlx::query_as!(
        BusinessCalendar,
        r#"
        SELECT c.id, c.create_time, c.update_time, c.delete_time, c.revision, c.display_name, c.time_zone, c.version, v.hours
        FROM business_calendar c
        JOIN business_calendar_version v ON v.tenant_id = $1 AND v.calendar_id = c.id AND v.version = c.version
        WHERE c.tenant_id = $1 AND c.delete_time IS NULL AND ($2::uuid IS NULL OR c.id = $2) AND ($3::uuid IS NULL OR c.id > $3)
        ORDER BY c.id LIMIT $4
        "#,
        tenant_id,
        id,
        after,
        limit,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// Holds a calendar until the end of the transaction.
pub async fn lock(conn: &mut PgConnection, tenant_id: Uuid, id: Uuid) -> Result<()> {
    sqlx::query_scalar!(
        r#"SELECT id FROM business_calendar WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE"#,
        tenant_id,
        id
    )
    .fetch_optional(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// Adds a calendar, without its hours.
pub async fn insert(conn: &mut PgConnection, tenant_id: Uuid, calendar: &BusinessCalendar) -> Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO business_calendar (tenant_id, id, create_time, update_time, revision, display_name, name_key, time_zone, version)
        VALUES ($1, $2, $3, $3, $4, $5, $6, $7, $8)
        "#,
        tenant_id,
        calendar.id,
        calendar.create_time,
        calendar.revision,
        calendar.display_name,
        text::key(&calendar.display_name),
        calendar.time_zone,
        calendar.version,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(|error| violated(error, calendar))
}

/// Adds the hours of the calendar's version.
pub async fn add_version(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    calendar: &BusinessCalendar,
) -> Result<()> {
    sqlx::query!(
        r#"INSERT INTO business_calendar_version (tenant_id, calendar_id, version, create_time, hours) VALUES ($1, $2, $3, $4, $5)"#,
        tenant_id,
        calendar.id,
        calendar.version,
        calendar.update_time,
        calendar.hours,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// Writes a calendar's values, without its hours.
pub async fn update(conn: &mut PgConnection, tenant_id: Uuid, calendar: &BusinessCalendar) -> Result<()> {
    sqlx::query!(
        r#"
        UPDATE business_calendar
        SET update_time = $3, delete_time = $4, revision = $5, display_name = $6, name_key = $7, version = $8
        WHERE tenant_id = $1 AND id = $2
        "#,
        tenant_id,
        calendar.id,
        calendar.update_time,
        calendar.delete_time,
        calendar.revision,
        calendar.display_name,
        text::key(&calendar.display_name),
        calendar.version,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(|error| violated(error, calendar))
}

fn violated(error: sqlx::Error, calendar: &BusinessCalendar) -> Error {
    constraint::map(error, |name| {
        (name == "business_calendar_name_key")
            .then(|| reason::name_taken("businessCalendars", &calendar.display_name))
    })
}
