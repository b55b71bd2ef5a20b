//! All SQL of accounts.

use crm_kit_api::{Error, Result};
use crm_kit_pg::{constraint, db::database_error};
use crm_kit_record::hierarchy::{Fault, MAX_DEPTH};
use sqlx::{PgConnection, types::Json};
use tonic::Code;
use uuid::Uuid;

use super::{COLLECTION, model::Account};
use crate::{
    DOMAIN,
    duplicate::store::{Exchange, Keyed, Written},
};

/// Columns of [`Account`], for the list builder.
pub const COLUMNS: &str = "tenant_id, id, create_time, update_time, delete_time, revision, display_name, number, legal_name, \
     unified_social_credit_code, tax_id, parent_id, kind, industry, employee_count, region, website, website_domain, phone, email, \
     billing_address, shipping_address, level, life_cycle_stage, source, annual_revenue, annual_revenue_currency, credit_status, \
     credit_limit, credit_limit_currency, owner_id, pool_id, claim_time, last_activity_time, last_deal_time, blocked, tags, \
     description, external_ids, custom";

/// Inserts accounts, however many, in one statement.
pub async fn insert(conn: &mut PgConnection, accounts: &[Account]) -> Result<()> {
    let Some(exchange) = exchange(accounts) else { return Ok(()) };
    let rows: Vec<_> = accounts.iter().map(Account::to_stored).collect();
    let written = sqlx::query_as!(
        Written,
        r#"
        WITH written AS (
            INSERT INTO account (
                tenant_id, id, create_time, update_time, delete_time, revision, display_name, number, legal_name,
                unified_social_credit_code, tax_id, parent_id, kind, industry, employee_count, region, website,
                website_domain, phone, email, billing_address, shipping_address, level, life_cycle_stage, source,
                annual_revenue, annual_revenue_currency, credit_status, credit_limit, credit_limit_currency, owner_id,
                pool_id, claim_time, last_activity_time, last_deal_time, blocked, tags, description, external_ids, custom,
                search_name, search_phone, search_email, search_identity
            )
            SELECT
                tenant_id, id, create_time, update_time, delete_time, revision, display_name, number, legal_name,
                unified_social_credit_code, tax_id, parent_id, kind, industry, employee_count, region, website,
                website_domain, phone, email, billing_address, shipping_address, level, life_cycle_stage, source,
                annual_revenue, annual_revenue_currency, credit_status, credit_limit, credit_limit_currency, owner_id,
                pool_id, claim_time, last_activity_time, last_deal_time, blocked, tags, description, external_ids, custom,
                search_name, search_phone, search_email, search_identity
            FROM jsonb_populate_recordset(NULL::account, $1)
            RETURNING id
        )
        SELECT (SELECT count(*) FROM written) AS "count!", k.kind AS "kind?", k.key AS "key?", k.record_id AS "record_id?",
               k.other_id AS "other_id?"
        FROM (VALUES (1)) AS once LEFT JOIN exchange_match_keys($2, $3, $4, $5, $6, TRUE) AS k ON TRUE
        "#,
        Json(rows) as _,
        exchange.tenant_id,
        exchange.collection,
        &exchange.ids,
        &exchange.keys as _,
        &exchange.built_in,
    )
    .fetch_all(&mut *conn)
    .await
    .map_err(|error| constraint::map(error, reason))?;
    exchange.settle(conn, written).await
}

/// Writes accounts over their rows, which the transaction holds; each carries its new revision.
pub async fn update(conn: &mut PgConnection, accounts: &[Account]) -> Result<()> {
    let Some(exchange) = exchange(accounts) else { return Ok(()) };
    let rows: Vec<_> = accounts.iter().map(Account::to_stored).collect();
    let written = sqlx::query_as!(
        Written,
        r#"
        WITH written AS (
            UPDATE account AS a SET (
                update_time, delete_time, revision, display_name, number, legal_name, unified_social_credit_code, tax_id, parent_id, kind,
                industry, employee_count, region, website, website_domain, phone, email, billing_address, shipping_address, level,
                life_cycle_stage, source, annual_revenue, annual_revenue_currency, credit_status, credit_limit, credit_limit_currency,
                owner_id, pool_id, claim_time, last_activity_time, last_deal_time, blocked, tags, description, external_ids, custom,
                search_name, search_phone, search_email, search_identity
            ) = ROW (
                n.update_time, n.delete_time, n.revision, n.display_name, n.number, n.legal_name, n.unified_social_credit_code, n.tax_id,
                n.parent_id, n.kind, n.industry, n.employee_count, n.region, n.website, n.website_domain, n.phone, n.email,
                n.billing_address, n.shipping_address, n.level, n.life_cycle_stage, n.source, n.annual_revenue,
                n.annual_revenue_currency, n.credit_status, n.credit_limit, n.credit_limit_currency, n.owner_id, n.pool_id, n.claim_time,
                n.last_activity_time, n.last_deal_time, n.blocked, n.tags, n.description, n.external_ids, n.custom, n.search_name,
                n.search_phone, n.search_email, n.search_identity
            )
            FROM jsonb_populate_recordset(NULL::account, $1) AS n
            WHERE a.tenant_id = n.tenant_id AND a.id = n.id AND a.revision = n.revision - 1
            RETURNING a.id
        )
        SELECT (SELECT count(*) FROM written) AS "count!", k.kind AS "kind?", k.key AS "key?", k.record_id AS "record_id?",
               k.other_id AS "other_id?"
        FROM (VALUES (1)) AS once LEFT JOIN exchange_match_keys($2, $3, $4, $5, $6, FALSE) AS k ON TRUE
        "#,
        Json(rows) as _,
        exchange.tenant_id,
        exchange.collection,
        &exchange.ids,
        &exchange.keys as _,
        &exchange.built_in,
    )
    .fetch_all(&mut *conn)
    .await
    .map_err(|error| constraint::map(error, reason))?;
    exchange.settle(conn, written).await
}

/// The keys under which duplicates of the accounts are found, none of those in the recycle bin; `None` for no accounts.
fn exchange(accounts: &[Account]) -> Option<Exchange> {
    let tenant_id = accounts.first()?.tenant_id;
    let keyed = |account: &Account| Keyed::of(account.id, &account.profile(), account.delete_time.is_some());
    Some(Exchange::of(tenant_id, COLLECTION, accounts.iter().map(keyed).collect()))
}

/// Of (child, parent) pairs, the first whose parent is not a live account within the scope of `owners`, or lies below its child.
pub async fn parent_fault(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    (children, parents): (&[Uuid], &[Uuid]),
    owners: Option<&[Uuid]>,
) -> Result<Option<Fault>> {
    let fault = sqlx::query_as!(
        Fault,
        r#"
        WITH RECURSIVE pair AS (
            SELECT * FROM unnest($2::uuid[], $3::uuid[]) AS p (child, parent)
        ), climb AS (
            SELECT child, parent AS at, 1 AS depth FROM pair
            UNION ALL
            SELECT c.child, a.parent_id, c.depth + 1
            FROM climb c JOIN account a ON a.tenant_id = $1 AND a.id = c.at
            WHERE a.parent_id IS NOT NULL AND c.at <> c.child AND c.depth < $5
        )
        SELECT p.child AS "record_id!", p.parent AS "above!",
               EXISTS (SELECT 1 FROM climb c WHERE c.child = p.child AND (c.at = c.child OR c.depth = $5)) AS "circle!"
        FROM pair p
        LEFT JOIN account a ON a.tenant_id = $1 AND a.id = p.parent AND a.delete_time IS NULL
            AND ($4::uuid[] IS NULL OR a.owner_id = ANY ($4))
        WHERE a.id IS NULL OR EXISTS (SELECT 1 FROM climb c WHERE c.child = p.child AND (c.at = c.child OR c.depth = $5))
        LIMIT 1
        "#,
        tenant_id,
        children,
        parents,
        owners,
        MAX_DEPTH,
    )
    .fetch_optional(conn)
    .await
    .map_err(database_error)?;
    Ok(fault)
}

/// Ids of accounts right below any of the given ones, with those in the recycle bin; at most `most`.
pub async fn below(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    parents: &[Uuid],
    most: i64,
) -> Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        r#"SELECT id FROM account WHERE tenant_id = $1 AND parent_id = ANY ($2) AND id <> ALL ($2) LIMIT $3"#,
        tenant_id,
        parents,
        most,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// The first of the ids that is no live account within the scope of `owners`.
pub async fn missing(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    ids: &[Uuid],
    owners: Option<&[Uuid]>,
) -> Result<Option<Uuid>> {
    sqlx::query_scalar!(
        r#"
        SELECT w.id AS "id!" FROM unnest($2::uuid[]) AS w (id)
        WHERE NOT EXISTS (
            SELECT 1 FROM account a
            WHERE a.tenant_id = $1 AND a.id = w.id AND a.delete_time IS NULL AND ($3::uuid[] IS NULL OR a.owner_id = ANY ($3))
        )
        LIMIT 1
        "#,
        tenant_id,
        ids,
        owners,
    )
    .fetch_optional(conn)
    .await
    .map_err(database_error)
}

fn reason(constraint: &str) -> Option<Error> {
    match constraint {
        "account_number_key" => {
            let message = "another account has the number";
            Some(Error::new(Code::AlreadyExists, DOMAIN, "NUMBER_TAKEN", message))
        }
        "account_parent_fkey" => Some(Error::not_found(COLLECTION, "")),
        _ => None,
    }
}
