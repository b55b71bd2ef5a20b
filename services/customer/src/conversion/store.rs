//! All SQL of conversions.

use chrono::{DateTime, Utc};
use crm_kit_api::Result;
use crm_kit_pg::db::database_error;
use sqlx::PgConnection;
use uuid::Uuid;

/// A row of `conversion`.
#[derive(Clone, Debug)]
pub struct Conversion {
    pub tenant_id: Uuid,
    pub lead_id: Uuid,
    pub id: Uuid,
    pub create_time: DateTime<Utc>,
    pub operator_id: Uuid,
    pub account_id: Option<Uuid>,
    pub contact_id: Option<Uuid>,
    pub opportunity_id: Option<Uuid>,
    pub filled_fields: Vec<String>,
}

/// The conversion of a lead.
pub async fn get(conn: &mut PgConnection, tenant_id: Uuid, lead_id: Uuid) -> Result<Option<Conversion>> {
    sqlx::query_as!(
        Conversion,
        r#"
        SELECT tenant_id, lead_id, id, create_time, operator_id, account_id, contact_id, opportunity_id, filled_fields
        FROM conversion
        WHERE tenant_id = $1 AND lead_id = $2
        "#,
        tenant_id,
        lead_id,
    )
    .fetch_optional(conn)
    .await
    .map_err(database_error)
}

/// Remembers a conversion.
pub async fn insert(conn: &mut PgConnection, conversion: &Conversion) -> Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO conversion (tenant_id, lead_id, id, create_time, operator_id, account_id, contact_id, opportunity_id, filled_fields)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        "#,
        conversion.tenant_id,
        conversion.lead_id,
        conversion.id,
        conversion.create_time,
        conversion.operator_id,
        conversion.account_id,
        conversion.contact_id,
        conversion.opportunity_id,
        &conversion.filled_fields,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}
