//! The SQL of contracts; what is kept beside them is in `version`.

use chrono::NaiveDate;
use crm_kit_api::{Error, Result};
use crm_kit_pg::{constraint, db::database_error};
use crm_kit_record::recycle_bin::Gone;
use sqlx::{PgConnection, types::Json};
use tonic::Code;
use uuid::Uuid;

use super::model::Contract;
use crate::DOMAIN;

/// Columns of [`Contract`], for the list builder.
pub const COLUMNS: &str = "tenant_id, id, create_time, update_time, delete_time, revision, display_name, number, contract_type, \
     account_id, account_name, customer_party, own_party, customer_signer, own_signer, opportunity_id, quote_id, \
     start_date, end_date, term_months, renewal_rule, notice_days, notice_date, payment_method, amount, sheet, \
     state, version, amend_reason, amended_state, sign_time, complete_time, void_reason, renewal_of_id, renewal_id, \
     approval_state, approval_request_id, approval_comment, submitted_revision, description, owner_id, tags, external_ids, custom";

/// Inserts contracts, however many, in one statement.
pub async fn insert(conn: &mut PgConnection, rows: &[Contract]) -> Result<()> {
    let rows: Vec<_> = rows.iter().map(Contract::to_stored).collect();
    sqlx::query!(
        r#"
        INSERT INTO contract (
            tenant_id, id, create_time, update_time, delete_time, revision, display_name, number, contract_type,
            account_id, account_name, customer_party, own_party, customer_signer, own_signer, opportunity_id, quote_id,
            start_date, end_date, term_months, renewal_rule, notice_days, notice_date, payment_method, amount, sheet,
            state, version, amend_reason, amended_state, sign_time, complete_time, void_reason, renewal_of_id,
            renewal_id, approval_state, approval_request_id, approval_comment, submitted_revision, description,
            owner_id, tags, external_ids, custom, currency_code, search_name
        )
        SELECT
            tenant_id, id, create_time, update_time, delete_time, revision, display_name, number, contract_type,
            account_id, account_name, customer_party, own_party, customer_signer, own_signer, opportunity_id, quote_id,
            start_date, end_date, term_months, renewal_rule, notice_days, notice_date, payment_method, amount, sheet,
            state, version, amend_reason, amended_state, sign_time, complete_time, void_reason, renewal_of_id,
            renewal_id, approval_state, approval_request_id, approval_comment, submitted_revision, description,
            owner_id, tags, external_ids, custom, currency_code, search_name
        FROM jsonb_populate_recordset(NULL::contract, $1)
        "#,
        Json(rows) as _
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(|error| constraint::map(error, reason))
}

/// Writes contracts over their rows, which the transaction holds; each carries its new revision.
pub async fn update(conn: &mut PgConnection, rows: &[Contract]) -> Result<()> {
    let stored: Vec<_> = rows.iter().map(Contract::to_stored).collect();
    let done = sqlx::query!(
        r#"
        UPDATE contract AS c SET (
            update_time, delete_time, revision, display_name, number, contract_type, account_id, account_name,
            customer_party, own_party, customer_signer, own_signer, opportunity_id, quote_id, start_date, end_date,
            term_months, renewal_rule, notice_days, notice_date, payment_method, amount, sheet, state, version,
            amend_reason, amended_state, sign_time, complete_time, void_reason, renewal_of_id, renewal_id,
            approval_state, approval_request_id, approval_comment, submitted_revision, description, owner_id, tags,
            external_ids, custom, currency_code, search_name
        ) = ROW (
            n.update_time, n.delete_time, n.revision, n.display_name, n.number, n.contract_type, n.account_id,
            n.account_name, n.customer_party, n.own_party, n.customer_signer, n.own_signer, n.opportunity_id,
            n.quote_id, n.start_date, n.end_date, n.term_months, n.renewal_rule, n.notice_days, n.notice_date,
            n.payment_method, n.amount, n.sheet, n.state, n.version, n.amend_reason, n.amended_state, n.sign_time,
            n.complete_time, n.void_reason, n.renewal_of_id, n.renewal_id, n.approval_state, n.approval_request_id,
            n.approval_comment, n.submitted_revision, n.description, n.owner_id, n.tags, n.external_ids, n.custom,
            n.currency_code, n.search_name
        )
        FROM jsonb_populate_recordset(NULL::contract, $1) AS n
        WHERE c.tenant_id = n.tenant_id AND c.id = n.id AND c.revision = n.revision - 1
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

/// Ids of contracts that refer to records of a collection that go for good; those that go themselves are left out.
pub async fn referring(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    gone: Gone<'_>,
    most: i64,
) -> Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        r#"
        SELECT id
        FROM contract
        WHERE tenant_id = $1 AND NOT ($2 = 'contracts' AND id = ANY ($3))
          AND (($2 = 'opportunities' AND opportunity_id = ANY ($3)) OR
               ($2 = 'quotes' AND quote_id = ANY ($3)) OR
               ($2 = 'contracts' AND renewal_id = ANY ($3)) OR
               ($2 = 'contracts' AND renewal_of_id = ANY ($3)))
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

/// Which of a deal and a quote are there, also in the recycle bin.
pub async fn known(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    (opportunity_id, quote_id): (Option<Uuid>, Option<Uuid>),
) -> Result<(Option<Uuid>, Option<Uuid>)> {
    if opportunity_id.is_none() && quote_id.is_none() {
        return Ok((None, None));
    }
    let row = sqlx::query!(
        r#"
        SELECT (SELECT id FROM opportunity WHERE tenant_id = $1 AND id = $2) AS opportunity_id,
               (SELECT id FROM quote WHERE tenant_id = $1 AND id = $3) AS quote_id
        "#,
        tenant_id,
        opportunity_id,
        quote_id,
    )
    .fetch_one(conn)
    .await
    .map_err(database_error)?;
    Ok((row.opportunity_id, row.quote_id))
}

/// Contracts of all tenants, after a place, that are to be renewed by the server: their day of notice lies before `day`, and they end on `since` or later. Only where they
/// stand; the work is done tenant by tenant under row-level security.
pub async fn renewable(
    conn: &mut PgConnection,
    (day, since): (NaiveDate, NaiveDate),
    (after_tenant, after): (Uuid, Uuid),
    most: i64,
) -> Result<Vec<(Uuid, Uuid)>> {
    let rows = sqlx::query!(
        r#"SELECT tenant_id AS "tenant_id!", id AS "id!" FROM contract_renewable($1, $2, $3, $4, $5)"#,
        day,
        since,
        after_tenant,
        after,
        most,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)?;
    Ok(rows.into_iter().map(|row| (row.tenant_id, row.id)).collect())
}

fn reason(constraint: &str) -> Option<Error> {
    (constraint == "contract_number_key").then(|| {
        let message = "another contract has the number";
        Error::new(Code::AlreadyExists, DOMAIN, "NUMBER_TAKEN", message)
    })
}
