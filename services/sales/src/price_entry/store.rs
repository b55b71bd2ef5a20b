//! All SQL of price entries.

use chrono::NaiveDate;
use crm_kit_api::{Error, Result};
use crm_kit_pg::{constraint, db::database_error};
use sqlx::{PgConnection, types::Json};
use tonic::Code;
use uuid::Uuid;

use super::model::PriceEntry;
use crate::{DOMAIN, price_book, product};

/// Columns of [`PriceEntry`], for the list builder.
pub const COLUMNS: &str = "tenant_id, id, create_time, update_time, delete_time, revision, price_book_id, product_id, unit, start_date, end_date, \
     tier_mode, tiers, owner_id, external_ids, custom";

/// Inserts price entries, however many, in one statement.
pub async fn insert(conn: &mut PgConnection, rows: &[PriceEntry]) -> Result<()> {
    let rows: Vec<_> = rows.iter().map(PriceEntry::to_stored).collect();
    sqlx::query!(
        r#"INSERT INTO price_entry SELECT * FROM jsonb_populate_recordset(NULL::price_entry, $1)"#,
        Json(rows) as _
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(|error| constraint::map(error, reason))
}

/// Writes price entries over their rows, which the transaction holds; each carries its new revision.
pub async fn update(conn: &mut PgConnection, rows: &[PriceEntry]) -> Result<()> {
    let stored: Vec<_> = rows.iter().map(PriceEntry::to_stored).collect();
    let done = sqlx::query!(
        r#"
        UPDATE price_entry AS p SET (
                update_time, delete_time, revision, price_book_id, product_id, unit, start_date, end_date, tier_mode, tiers,
                owner_id, external_ids, custom, search_name
            ) = ROW (
                n.update_time, n.delete_time, n.revision, n.price_book_id, n.product_id, n.unit, n.start_date, n.end_date,
                n.tier_mode, n.tiers, n.owner_id, n.external_ids, n.custom, n.search_name
            )
        FROM jsonb_populate_recordset(NULL::price_entry, $1) AS n
        WHERE p.tenant_id = n.tenant_id AND p.id = n.id AND p.revision = n.revision - 1
        "#,
        Json(stored) as _
    )
    .execute(conn)
    .await
    .map_err(|error| constraint::map(error, reason))?;
    if usize::try_from(done.rows_affected()).is_ok_and(|count| count == rows.len()) {
        Ok(())
    } else {
        Err(Error::concurrent_change())
    }
}

/// The entry of a book that holds for a product and unit on a day: of several, the one that began last. `unit` is empty for the product's own unit.
pub async fn holding(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    (price_book_id, product_id): (Uuid, Uuid),
    unit: &str,
    day: NaiveDate,
) -> Result<Option<PriceEntry>> {
    sqlx::query_as!(
        PriceEntry,
        r#"
        SELECT tenant_id, id, create_time, update_time, delete_time, revision, price_book_id, product_id, unit, start_date,
               end_date, tier_mode AS "tier_mode: _", tiers AS "tiers: _", owner_id, external_ids AS "external_ids: _",
               custom AS "custom: _"
        FROM price_entry
        WHERE tenant_id = $1 AND price_book_id = $2 AND product_id = $3 AND unit = $4 AND delete_time IS NULL
          AND (start_date IS NULL OR start_date <= $5) AND (end_date IS NULL OR end_date >= $5)
        ORDER BY start_date DESC NULLS LAST
        LIMIT 1
        "#,
        tenant_id,
        price_book_id,
        product_id,
        unit,
        day,
    )
    .fetch_optional(conn)
    .await
    .map_err(database_error)
}

fn reason(constraint: &str) -> Option<Error> {
    match constraint {
        "price_entry_start_key" => {
            let message = "the price book has a price of the product and unit that begins on the same day";
            Some(Error::new(Code::AlreadyExists, DOMAIN, "PRICE_EXISTS", message))
        }
        "price_entry_price_book_fkey" => Some(Error::not_found(price_book::COLLECTION, "")),
        "price_entry_product_fkey" => Some(Error::not_found(product::COLLECTION, "")),
        _ => None,
    }
}
