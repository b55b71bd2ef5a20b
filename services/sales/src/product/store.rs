//! All SQL of products.

use crm_kit_api::{Error, Result};
use crm_kit_pg::{constraint, db::database_error};
use sqlx::{PgConnection, types::Json};
use tonic::Code;
use uuid::Uuid;

use super::model::Product;
use crate::DOMAIN;

/// Columns of [`Product`], for the list builder.
pub const COLUMNS: &str = "tenant_id, id, create_time, update_time, delete_time, revision, display_name, number, family, unit, tax_rate_percent, \
     retired, description, owner_id, tags, external_ids, custom";

/// Inserts products, however many, in one statement.
pub async fn insert(conn: &mut PgConnection, rows: &[Product]) -> Result<()> {
    let rows: Vec<_> = rows.iter().map(Product::to_stored).collect();
    sqlx::query!(
        r#"INSERT INTO product SELECT * FROM jsonb_populate_recordset(NULL::product, $1)"#,
        Json(rows) as _
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(|error| constraint::map(error, reason))
}

/// Writes products over their rows, which the transaction holds; each carries its new revision.
pub async fn update(conn: &mut PgConnection, rows: &[Product]) -> Result<()> {
    let stored: Vec<_> = rows.iter().map(Product::to_stored).collect();
    let done = sqlx::query!(
        r#"
        UPDATE product AS p SET (
                update_time, delete_time, revision, display_name, number, family, unit, tax_rate_percent, retired,
                description, owner_id, tags, external_ids, custom, search_name
            ) = ROW (
                n.update_time, n.delete_time, n.revision, n.display_name, n.number, n.family, n.unit, n.tax_rate_percent,
                n.retired, n.description, n.owner_id, n.tags, n.external_ids, n.custom, n.search_name
            )
        FROM jsonb_populate_recordset(NULL::product, $1) AS n
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

/// Drops the prices of products that go for good.
pub async fn forget_prices(conn: &mut PgConnection, tenant_id: Uuid, product_ids: &[Uuid]) -> Result<()> {
    sqlx::query!(
        r#"DELETE FROM price_entry WHERE tenant_id = $1 AND product_id = ANY ($2)"#,
        tenant_id,
        product_ids,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

fn reason(constraint: &str) -> Option<Error> {
    (constraint == "product_number_key").then(|| {
        let message = "another product has the code";
        Error::new(Code::AlreadyExists, DOMAIN, "NUMBER_TAKEN", message)
    })
}
