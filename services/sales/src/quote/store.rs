//! All SQL of quotes.

use crm_kit_api::{Error, Result};
use crm_kit_pg::{constraint, db::database_error};
use sqlx::{PgConnection, types::Json};
use tonic::Code;
use uuid::Uuid;

use super::model::Quote;
use crate::{DOMAIN, opportunity};

/// Columns of [`Quote`], for the list builder.
pub const COLUMNS: &str = "tenant_id, id, create_time, update_time, delete_time, revision, display_name, number, revision_number, base_number, \
     base_quote_id, state, opportunity_id, account_id, account_name, contact_id, contact_name, sheet, valid_until, \
     expire_time, terms, description, approval_state, approval_request_id, approval_comment, submitted_revision, \
     submit_time, close_time, close_reason, owner_id, tags, external_ids, custom";

/// Every revision of the quote that `id` is a revision of, held, in the order of the ids; with those in the recycle bin.
pub async fn lock_revisions(conn: &mut PgConnection, tenant_id: Uuid, id: Uuid) -> Result<Vec<Quote>> {
    sqlx::query_as!(
        Quote,
        r#"
        SELECT tenant_id, id, create_time, update_time, delete_time, revision, display_name, number, revision_number,
               base_number, base_quote_id, state AS "state: _", opportunity_id, account_id, account_name, contact_id,
               contact_name, sheet AS "sheet: _", valid_until, expire_time, terms, description,
               approval_state AS "approval_state: _", approval_request_id, approval_comment, submitted_revision,
               submit_time, close_time, close_reason, owner_id, tags, external_ids AS "external_ids: _",
               custom AS "custom: _"
        FROM quote
        WHERE tenant_id = $1
          AND base_quote_id = (SELECT q.base_quote_id FROM quote q WHERE q.tenant_id = $1 AND q.id = $2)
        ORDER BY id
        FOR NO KEY UPDATE
        "#,
        tenant_id,
        id,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// Inserts quotes, however many, in one statement.
pub async fn insert(conn: &mut PgConnection, rows: &[Quote]) -> Result<()> {
    let rows: Vec<_> = rows.iter().map(Quote::to_stored).collect();
    sqlx::query!(
        r#"INSERT INTO quote SELECT * FROM jsonb_populate_recordset(NULL::quote, $1)"#,
        Json(rows) as _
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(|error| constraint::map(error, reason))
}

/// Writes quotes over their rows, which the transaction holds; each carries its new revision.
pub async fn update(conn: &mut PgConnection, rows: &[Quote]) -> Result<()> {
    let stored: Vec<_> = rows.iter().map(Quote::to_stored).collect();
    let done = sqlx::query!(
        r#"
        UPDATE quote AS q SET (
                update_time, delete_time, revision, display_name, number, revision_number, base_number, base_quote_id,
                state, opportunity_id, account_id, account_name, contact_id, contact_name, sheet, valid_until,
                expire_time, terms, description, approval_state, approval_request_id, approval_comment,
                submitted_revision, submit_time, close_time, close_reason, owner_id, tags, external_ids, custom,
                currency_code, net_amount, gross_amount, search_name
            ) = ROW (
                n.update_time, n.delete_time, n.revision, n.display_name, n.number, n.revision_number, n.base_number,
                n.base_quote_id, n.state, n.opportunity_id, n.account_id, n.account_name, n.contact_id, n.contact_name,
                n.sheet, n.valid_until, n.expire_time, n.terms, n.description, n.approval_state, n.approval_request_id,
                n.approval_comment, n.submitted_revision, n.submit_time, n.close_time, n.close_reason, n.owner_id,
                n.tags, n.external_ids, n.custom, n.currency_code, n.net_amount, n.gross_amount, n.search_name
            )
        FROM jsonb_populate_recordset(NULL::quote, $1) AS n
        WHERE q.tenant_id = n.tenant_id AND q.id = n.id AND q.revision = n.revision - 1
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

/// The accepted quote of a deal.
pub async fn accepted(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    opportunity_id: Uuid,
) -> Result<Option<Uuid>> {
    sqlx::query_scalar!(
        r#"SELECT id FROM quote WHERE tenant_id = $1 AND opportunity_id = $2 AND state = 5 AND delete_time IS NULL"#,
        tenant_id,
        opportunity_id,
    )
    .fetch_optional(conn)
    .await
    .map_err(database_error)
}

/// Those of the deals that are live and within the scope of `owners`.
pub async fn live_deals(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    ids: &[Uuid],
    owners: Option<&[Uuid]>,
) -> Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        r#"
        SELECT id FROM opportunity
        WHERE tenant_id = $1 AND id = ANY ($2) AND delete_time IS NULL AND ($3::uuid[] IS NULL OR owner_id = ANY ($3))
        "#,
        tenant_id,
        ids,
        owners,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// Ids of quotes, with those in the recycle bin, for these deals; at most `most`.
pub async fn of_deals(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    deals: &[Uuid],
    most: i64,
) -> Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        r#"SELECT id FROM quote WHERE tenant_id = $1 AND opportunity_id = ANY ($2) LIMIT $3"#,
        tenant_id,
        deals,
        most,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

fn reason(constraint: &str) -> Option<Error> {
    match constraint {
        "quote_number_key" => {
            let message = "another quote has the number";
            Some(Error::new(Code::AlreadyExists, DOMAIN, "NUMBER_TAKEN", message))
        }
        "quote_accepted_key" => {
            let message = "another quote of the deal is accepted already";
            Some(Error::new(Code::FailedPrecondition, DOMAIN, "QUOTE_ACCEPTED", message))
        }
        "quote_opportunity_fkey" => Some(Error::not_found(opportunity::COLLECTION, "")),
        _ => None,
    }
}
