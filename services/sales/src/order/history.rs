//! What is kept beside an order: its amendments, and what was fulfilled when. Rows are only added.

use chrono::{DateTime, NaiveDate, Utc};
use crm_kit_api::{Result, time};
use crm_kit_pg::db::database_error;
use crm_kit_record::field::id_text;
use crm_proto::crm::sales::v1::{FulfilledLine, OrderAmendment, OrderFulfilment};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::fulfilment::Quantities;
use crate::document::{self, Sheet};

/// A row of `order_amendment`.
#[derive(Clone, Debug)]
pub struct Amendment {
    pub number: i64,
    pub create_time: DateTime<Utc>,
    pub actor_id: Uuid,
    pub reason: String,
    pub previous: Json<Sheet>,
    pub sheet: Json<Sheet>,
}

/// A row of `order_fulfilment`.
#[derive(Clone, Debug)]
pub struct Fulfilment {
    pub id: Uuid,
    pub create_time: DateTime<Utc>,
    pub actor_id: Uuid,
    pub reference: String,
    pub fulfilment_date: NaiveDate,
    pub quantities: Json<Quantities>,
}

/// Adds an amendment of an order.
pub async fn add_amendment(
    conn: &mut PgConnection,
    (tenant_id, order_id): (Uuid, Uuid),
    amendment: &Amendment,
) -> Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO order_amendment (tenant_id, order_id, number, create_time, actor_id, reason, previous, sheet)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        "#,
        tenant_id,
        order_id,
        amendment.number,
        amendment.create_time,
        amendment.actor_id,
        amendment.reason,
        &amendment.previous as _,
        &amendment.sheet as _,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// The amendments of an order after a number, the first one first.
pub async fn amendments(
    conn: &mut PgConnection,
    (tenant_id, order_id): (Uuid, Uuid),
    after: i64,
    most: i64,
) -> Result<Vec<Amendment>> {
    sqlx::query_as!(
        Amendment,
        r#"
        SELECT number, create_time, actor_id, reason, previous AS "previous: _", sheet AS "sheet: _"
        FROM order_amendment
        WHERE tenant_id = $1 AND order_id = $2 AND number > $3
        ORDER BY number
        LIMIT $4
        "#,
        tenant_id,
        order_id,
        after,
        most,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// Adds a record of fulfilment of an order.
pub async fn add_fulfilment(
    conn: &mut PgConnection,
    (tenant_id, order_id): (Uuid, Uuid),
    fulfilment: &Fulfilment,
) -> Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO order_fulfilment (tenant_id, order_id, id, create_time, actor_id, reference, fulfilment_date, quantities)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        "#,
        tenant_id,
        order_id,
        fulfilment.id,
        fulfilment.create_time,
        fulfilment.actor_id,
        fulfilment.reference,
        fulfilment.fulfilment_date,
        &fulfilment.quantities as _,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// The record of fulfilment of an order with a reference; none for an empty one.
pub async fn fulfilment(
    conn: &mut PgConnection,
    (tenant_id, order_id): (Uuid, Uuid),
    reference: &str,
) -> Result<Option<Fulfilment>> {
    if reference.is_empty() {
        return Ok(None);
    }
    sqlx::query_as!(
        Fulfilment,
        r#"
        SELECT id, create_time, actor_id, reference, fulfilment_date, quantities AS "quantities: _"
        FROM order_fulfilment
        WHERE tenant_id = $1 AND order_id = $2 AND reference = $3 AND reference <> ''
        "#,
        tenant_id,
        order_id,
        reference,
    )
    .fetch_optional(conn)
    .await
    .map_err(database_error)
}

/// The records of fulfilment of an order after an id, the first one first.
pub async fn fulfilments(
    conn: &mut PgConnection,
    (tenant_id, order_id): (Uuid, Uuid),
    after: Uuid,
    most: i64,
) -> Result<Vec<Fulfilment>> {
    sqlx::query_as!(
        Fulfilment,
        r#"
        SELECT id, create_time, actor_id, reference, fulfilment_date, quantities AS "quantities: _"
        FROM order_fulfilment
        WHERE tenant_id = $1 AND order_id = $2 AND id > $3
        ORDER BY id
        LIMIT $4
        "#,
        tenant_id,
        order_id,
        after,
        most,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

impl Amendment {
    /// The amendment on the wire.
    pub fn to_wire(&self) -> OrderAmendment {
        OrderAmendment {
            number: i32::try_from(self.number).unwrap_or(i32::MAX),
            create_time: Some(time::timestamp(self.create_time)),
            actor_id: id_text(Some(self.actor_id).filter(|id| !id.is_nil())),
            reason: self.reason.clone(),
            previous_lines: document::convert::lines(&self.previous),
            lines: document::convert::lines(&self.sheet),
            previous_total: document::convert::totals(&self.previous).gross_amount,
            total: document::convert::totals(&self.sheet).gross_amount,
        }
    }
}

impl Fulfilment {
    /// The record on the wire.
    pub fn to_wire(&self) -> OrderFulfilment {
        let lines = self.quantities.iter().map(|(line_id, quantity)| FulfilledLine {
            line_id: line_id.to_string(),
            quantity: quantity.normalize().to_string(),
        });
        OrderFulfilment {
            id: self.id.to_string(),
            create_time: Some(time::timestamp(self.create_time)),
            actor_id: id_text(Some(self.actor_id).filter(|id| !id.is_nil())),
            reference: self.reference.clone(),
            fulfilment_date: Some(time::date(self.fulfilment_date)),
            lines: lines.collect(),
        }
    }
}
