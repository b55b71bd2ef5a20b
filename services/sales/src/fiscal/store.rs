//! All SQL of fiscal calendars.

use chrono::{DateTime, Utc};
use crm_kit_api::{Result, etag, time};
use crm_kit_pg::db::database_error;
use crm_proto::crm::sales::v1::FiscalCalendar as Wire;
use sqlx::PgConnection;
use uuid::Uuid;

use super::Fiscal;

/// A row of `fiscal_calendar`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub update_time: DateTime<Utc>,
    pub revision: i64,
    pub first_month: i16,
}

impl Row {
    /// What it says.
    pub fn fiscal(&self) -> Fiscal {
        Fiscal { first_month: u32::try_from(self.first_month).unwrap_or(1) }
    }

    /// The calendar on the wire.
    pub fn to_wire(&self) -> Wire {
        Wire {
            update_time: Some(time::timestamp(self.update_time)),
            etag: etag::of(self.revision),
            first_month: self.first_month.into(),
        }
    }
}

/// The calendar of a tenant, unless it never set one.
pub async fn get(conn: &mut PgConnection, tenant_id: Uuid) -> Result<Option<Row>> {
    sqlx::query_as!(
        Row,
        r#"SELECT update_time, revision, first_month FROM fiscal_calendar WHERE tenant_id = $1"#,
        tenant_id,
    )
    .fetch_optional(conn)
    .await
    .map_err(database_error)
}

/// Sets the calendar over revision `row.revision - 1`, which is 0 when there is none; whether it was that one.
pub async fn set(conn: &mut PgConnection, tenant_id: Uuid, row: &Row) -> Result<bool> {
    sqlx::query!(
        r#"
        INSERT INTO fiscal_calendar AS c (tenant_id, update_time, revision, first_month)
        VALUES ($1, $2, $3, $4)
        ON CONFLICT ON CONSTRAINT fiscal_calendar_pkey DO UPDATE
            SET update_time = excluded.update_time, revision = excluded.revision, first_month = excluded.first_month
            WHERE c.revision = excluded.revision - 1
        "#,
        tenant_id,
        row.update_time,
        row.revision,
        row.first_month,
    )
    .execute(conn)
    .await
    .map(|done| done.rows_affected() == 1)
    .map_err(database_error)
}
