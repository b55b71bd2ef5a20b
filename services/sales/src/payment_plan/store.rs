//! All SQL of payment plans.

use crm_kit_api::{Error, Result};
use crm_kit_pg::constraint;
use sqlx::{PgConnection, types::Json};
use tonic::Code;

use super::model::PaymentPlan;
use crate::DOMAIN;

/// Columns of [`PaymentPlan`], for the list builder.
pub const COLUMNS: &str = "tenant_id, id, create_time, update_time, delete_time, revision, number, account_id, account_name, order_id, \
     contract_id, sequence, due_date, amount, allocated, amount_currency, state, cancel_reason, description, owner_id, \
     tags, external_ids, custom";

/// Inserts payment plans, however many, in one statement.
pub async fn insert(conn: &mut PgConnection, rows: &[PaymentPlan]) -> Result<()> {
    let rows: Vec<_> = rows.iter().map(PaymentPlan::to_stored).collect();
    sqlx::query!(
        r#"INSERT INTO payment_plan SELECT * FROM jsonb_populate_recordset(NULL::payment_plan, $1)"#,
        Json(rows) as _
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(|error| constraint::map(error, reason))
}

/// Writes payment plans over their rows, which the transaction holds; each carries its new revision.
pub async fn update(conn: &mut PgConnection, rows: &[PaymentPlan]) -> Result<()> {
    let stored: Vec<_> = rows.iter().map(PaymentPlan::to_stored).collect();
    let done = sqlx::query!(
        r#"
        UPDATE payment_plan AS p SET (
                update_time, delete_time, revision, number, account_id, account_name, order_id, contract_id, sequence, due_date,
                amount, allocated, amount_currency, state, cancel_reason, description, owner_id, tags, external_ids, custom,
                search_name
            ) = ROW (
                n.update_time, n.delete_time, n.revision, n.number, n.account_id, n.account_name, n.order_id, n.contract_id,
                n.sequence, n.due_date, n.amount, n.allocated, n.amount_currency, n.state, n.cancel_reason, n.description,
                n.owner_id, n.tags, n.external_ids, n.custom, n.search_name
            )
        FROM jsonb_populate_recordset(NULL::payment_plan, $1) AS n
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

fn reason(constraint: &str) -> Option<Error> {
    (constraint == "payment_plan_number_key").then(|| {
        let message = "another payment plan has the number";
        Error::new(Code::AlreadyExists, DOMAIN, "NUMBER_TAKEN", message)
    })
}
