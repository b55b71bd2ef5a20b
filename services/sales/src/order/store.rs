//! The SQL of orders; what is kept beside them is in `history`.

use crm_kit_api::{Error, Result};
use crm_kit_pg::{constraint, db::database_error};
use crm_kit_record::recycle_bin::Gone;
use sqlx::{PgConnection, types::Json};
use tonic::Code;
use uuid::Uuid;

use super::model::Order;
use crate::DOMAIN;

/// Columns of [`Order`], for the list builder.
pub const COLUMNS: &str = "tenant_id, id, create_time, update_time, delete_time, revision, display_name, number, account_id, \
     account_name, contact_id, contact_name, opportunity_id, quote_id, contract_id, customer_reference, order_date, \
     sheet, state, fulfilled, confirm_time, close_time, cancel_reason, amendment_number, erp_state, erp_id, \
     erp_message, erp_push_time, erp_answer_time, description, owner_id, tags, external_ids, custom";

/// Inserts orders, however many, in one statement.
pub async fn insert(conn: &mut PgConnection, rows: &[Order]) -> Result<()> {
    let rows: Vec<_> = rows.iter().map(Order::to_stored).collect();
    sqlx::query!(
        r#"
        INSERT INTO sales_order (
            tenant_id, id, create_time, update_time, delete_time, revision, display_name, number, account_id,
            account_name, contact_id, contact_name, opportunity_id, quote_id, contract_id, customer_reference,
            order_date, sheet, state, fulfilled, confirm_time, close_time, cancel_reason, amendment_number, erp_state,
            erp_id, erp_message, erp_push_time, erp_answer_time, description, owner_id, tags, external_ids, custom,
            currency_code, price_book_id, net_amount, gross_amount, search_name
        )
        SELECT
            tenant_id, id, create_time, update_time, delete_time, revision, display_name, number, account_id,
            account_name, contact_id, contact_name, opportunity_id, quote_id, contract_id, customer_reference,
            order_date, sheet, state, fulfilled, confirm_time, close_time, cancel_reason, amendment_number, erp_state,
            erp_id, erp_message, erp_push_time, erp_answer_time, description, owner_id, tags, external_ids, custom,
            currency_code, price_book_id, net_amount, gross_amount, search_name
        FROM jsonb_populate_recordset(NULL::sales_order, $1)
        "#,
        Json(rows) as _
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(|error| constraint::map(error, reason))
}

/// Writes orders over their rows, which the transaction holds; each carries its new revision.
pub async fn update(conn: &mut PgConnection, rows: &[Order]) -> Result<()> {
    let stored: Vec<_> = rows.iter().map(Order::to_stored).collect();
    let done = sqlx::query!(
        r#"
        UPDATE sales_order AS o SET (
            update_time, delete_time, revision, display_name, number, account_id, account_name, contact_id,
            contact_name, opportunity_id, quote_id, contract_id, customer_reference, order_date, sheet, state,
            fulfilled, confirm_time, close_time, cancel_reason, amendment_number, erp_state, erp_id, erp_message,
            erp_push_time, erp_answer_time, description, owner_id, tags, external_ids, custom, currency_code,
            price_book_id, net_amount, gross_amount, search_name
        ) = ROW (
            n.update_time, n.delete_time, n.revision, n.display_name, n.number, n.account_id, n.account_name,
            n.contact_id, n.contact_name, n.opportunity_id, n.quote_id, n.contract_id, n.customer_reference,
            n.order_date, n.sheet, n.state, n.fulfilled, n.confirm_time, n.close_time, n.cancel_reason,
            n.amendment_number, n.erp_state, n.erp_id, n.erp_message, n.erp_push_time, n.erp_answer_time, n.description,
            n.owner_id, n.tags, n.external_ids, n.custom, n.currency_code, n.price_book_id, n.net_amount,
            n.gross_amount, n.search_name
        )
        FROM jsonb_populate_recordset(NULL::sales_order, $1) AS n
        WHERE o.tenant_id = n.tenant_id AND o.id = n.id AND o.revision = n.revision - 1
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

/// Ids of orders that refer to records of a collection that go for good; those that go themselves are left out.
pub async fn referring(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    gone: Gone<'_>,
    most: i64,
) -> Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        r#"
        SELECT id
        FROM sales_order
        WHERE tenant_id = $1
          AND (($2 = 'opportunities' AND opportunity_id = ANY ($3)) OR
               ($2 = 'quotes' AND quote_id = ANY ($3)) OR
               ($2 = 'contracts' AND contract_id = ANY ($3)))
        LIMIT $4
        "#,
        tenant_id,
        gone.collection,
        gone.ids,
        most,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// The id of the order that comes of a quote and is neither cancelled nor deleted.
pub async fn of_quote(conn: &mut PgConnection, tenant_id: Uuid, quote_id: Uuid) -> Result<Option<Uuid>> {
    sqlx::query_scalar!(
        r#"SELECT id FROM sales_order WHERE tenant_id = $1 AND quote_id = $2 AND delete_time IS NULL AND state <> 6"#,
        tenant_id,
        quote_id,
    )
    .fetch_optional(conn)
    .await
    .map_err(database_error)
}

/// Another order comes of the quote.
pub fn ordered() -> Error {
    let message = "another order comes of the quote";
    Error::new(Code::AlreadyExists, DOMAIN, "QUOTE_ORDERED", message)
}

fn reason(constraint: &str) -> Option<Error> {
    match constraint {
        "sales_order_number_key" => {
            let message = "another order has the number";
            Some(Error::new(Code::AlreadyExists, DOMAIN, "NUMBER_TAKEN", message))
        }
        "sales_order_of_quote_key" => Some(ordered()),
        _ => None,
    }
}
