//! All SQL of allocations.

use crm_kit_api::{Error, Result};
use crm_kit_pg::db::database_error;
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::{
    model::{Allocation, Entry},
    page::Side,
};

/// What a receipt pays, by instalment.
pub async fn of_receipt(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    receipt_id: Uuid,
) -> Result<Vec<Allocation>> {
    sqlx::query_as!(
        Allocation,
        r#"
        SELECT receipt_id, payment_plan_id, create_time, update_time, amount, amount_currency
        FROM allocation
        WHERE tenant_id = $1 AND receipt_id = $2
        "#,
        tenant_id,
        receipt_id,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// Ids of open instalments of an account and a currency within the scope of `owners`, those due first first.
pub async fn due(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    (account_id, currency): (Uuid, &str),
    owners: Option<&[Uuid]>,
    most: i64,
) -> Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        r#"
        SELECT id
        FROM payment_plan
        WHERE tenant_id = $1 AND account_id = $2 AND amount_currency = $3 AND state IN (1, 2) AND delete_time IS NULL
          AND ($4::uuid[] IS NULL OR owner_id = ANY ($4))
        ORDER BY due_date, id
        LIMIT $5
        "#,
        tenant_id,
        account_id,
        currency,
        owners,
        most,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// Adds entries, at most one for a receipt and an instalment, and changes what stands there by their amounts; what comes to nothing is dropped. The
/// receipt is held, so nobody else changes what stands there.
pub async fn add(conn: &mut PgConnection, entries: &[Entry]) -> Result<()> {
    if entries.is_empty() {
        return Ok(());
    }
    let changed = sqlx::query_scalar!(
        r#"
        WITH n AS MATERIALIZED (
            SELECT * FROM jsonb_populate_recordset(NULL::allocation_entry, $1)
        ), told AS (
            INSERT INTO allocation_entry (tenant_id, id, create_time, receipt_id, payment_plan_id, amount, amount_currency, kind,
                                          actor_id)
            SELECT tenant_id, id, create_time, receipt_id, payment_plan_id, amount, amount_currency, kind, actor_id FROM n
        ), raised AS (
            INSERT INTO allocation (tenant_id, receipt_id, payment_plan_id, create_time, update_time, amount, amount_currency)
            SELECT tenant_id, receipt_id, payment_plan_id, create_time, create_time, amount, amount_currency FROM n WHERE amount > 0
            ON CONFLICT (tenant_id, receipt_id, payment_plan_id)
            DO UPDATE SET amount = allocation.amount + excluded.amount, update_time = excluded.update_time
            RETURNING 1
        ), lowered AS (
            UPDATE allocation AS a SET amount = a.amount + n.amount, update_time = n.create_time
            FROM n
            WHERE a.tenant_id = n.tenant_id AND a.receipt_id = n.receipt_id AND a.payment_plan_id = n.payment_plan_id
              AND n.amount < 0 AND a.amount + n.amount <> 0
            RETURNING 1
        ), dropped AS (
            DELETE FROM allocation AS a USING n
            WHERE a.tenant_id = n.tenant_id AND a.receipt_id = n.receipt_id AND a.payment_plan_id = n.payment_plan_id
              AND n.amount < 0 AND a.amount + n.amount = 0
            RETURNING 1
        )
        SELECT (SELECT count(*) FROM raised) + (SELECT count(*) FROM lowered) + (SELECT count(*) FROM dropped) AS "count!"
        "#,
        Json(entries) as _
    )
    .fetch_one(conn)
    .await
    .map_err(database_error)?;
    if usize::try_from(changed).is_ok_and(|changed| changed == entries.len()) {
        Ok(())
    } else {
        Err(Error::concurrent_change())
    }
}

/// What stands on one side, by receipt and instalment, after a place.
pub async fn allocations(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    side: Side,
    (after_receipt, after_plan): (Uuid, Uuid),
    limit: i64,
) -> Result<Vec<Allocation>> {
    sqlx::query_as!(
        Allocation,
        r#"
        SELECT receipt_id, payment_plan_id, create_time, update_time, amount, amount_currency
        FROM allocation
        WHERE tenant_id = $1 AND ($2::uuid IS NULL OR receipt_id = $2) AND ($3::uuid IS NULL OR payment_plan_id = $3)
          AND (receipt_id, payment_plan_id) > ($4, $5)
        ORDER BY receipt_id, payment_plan_id
        LIMIT $6
        "#,
        tenant_id,
        side.receipt_id(),
        side.payment_plan_id(),
        after_receipt,
        after_plan,
        limit,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// The history of one side after a place, the first entry first.
pub async fn entries(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    side: Side,
    after: i64,
    limit: i64,
) -> Result<Vec<Entry>> {
    sqlx::query_as!(
        Entry,
        r#"
        SELECT tenant_id, id, seq, create_time, receipt_id, payment_plan_id, amount, amount_currency, kind AS "kind: _", actor_id
        FROM allocation_entry
        WHERE tenant_id = $1 AND ($2::uuid IS NULL OR receipt_id = $2) AND ($3::uuid IS NULL OR payment_plan_id = $3)
          AND seq > $4
        ORDER BY seq
        LIMIT $5
        "#,
        tenant_id,
        side.receipt_id(),
        side.payment_plan_id(),
        after,
        limit,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}
