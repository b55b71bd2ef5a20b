//! All SQL of pools.

use chrono::{DateTime, NaiveDate, Utc};
use crm_kit_api::{Error, Result};
use crm_kit_pg::{constraint, db::database_error};
use sqlx::{PgConnection, types::Json};
use tonic::Code;
use uuid::Uuid;

use super::model::Pool;
use crate::DOMAIN;

/// Every pool of a tenant, oldest first.
pub async fn all(conn: &mut PgConnection, tenant_id: Uuid) -> Result<Vec<Pool>> {
    sqlx::query_as!(
        Pool,
        r#"
        SELECT tenant_id, id, create_time, update_time, revision, display_name, collection, is_default, user_ids, department_ids, role_ids, admin_ids,
               daily_claim_limit, holding_limit, holding_exempt, cool_down_days, protection_days, freeze_days,
               recycle_rules AS "recycle_rules: _", recycle_paused, recycle_limit
        FROM pool
        WHERE tenant_id = $1
        ORDER BY id
        "#,
        tenant_id,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// As [`all`], and holds the rows, so that changes of a tenant's pools, which share their defaults, follow one another.
pub async fn lock_all(conn: &mut PgConnection, tenant_id: Uuid) -> Result<Vec<Pool>> {
    sqlx::query!(r#"SELECT id FROM pool WHERE tenant_id = $1 ORDER BY id FOR NO KEY UPDATE"#, tenant_id)
        .fetch_all(&mut *conn)
        .await
        .map_err(database_error)?;
    // Read after the wait, to see what the one before wrote.
    all(conn, tenant_id).await
}

/// The pool with an id.
pub async fn get(conn: &mut PgConnection, tenant_id: Uuid, id: Uuid) -> Result<Option<Pool>> {
    sqlx::query_as!(
        Pool,
        r#"
        SELECT tenant_id, id, create_time, update_time, revision, display_name, collection, is_default, user_ids, department_ids, role_ids, admin_ids,
               daily_claim_limit, holding_limit, holding_exempt, cool_down_days, protection_days, freeze_days,
               recycle_rules AS "recycle_rules: _", recycle_paused, recycle_limit
        FROM pool
        WHERE tenant_id = $1 AND id = $2
        "#,
        tenant_id,
        id,
    )
    .fetch_optional(conn)
    .await
    .map_err(database_error)
}

/// Inserts a pool.
pub async fn insert(conn: &mut PgConnection, pool: &Pool) -> Result<()> {
    sqlx::query!(r#"INSERT INTO pool SELECT * FROM jsonb_populate_record(NULL::pool, $1)"#, Json(pool) as _)
        .execute(conn)
        .await
        .map(drop)
        .map_err(|error| constraint::map(error, |name| reason(name, pool)))
}

/// Writes a pool over its row, which the transaction holds.
pub async fn update(conn: &mut PgConnection, pool: &Pool) -> Result<()> {
    let done = sqlx::query!(
        r#"
        UPDATE pool AS p SET (
            update_time, revision, display_name, is_default, user_ids, department_ids, role_ids, admin_ids, daily_claim_limit,
            holding_limit, holding_exempt, cool_down_days, protection_days, freeze_days, recycle_rules, recycle_paused, recycle_limit
        ) = ROW (
            n.update_time, n.revision, n.display_name, n.is_default, n.user_ids, n.department_ids, n.role_ids, n.admin_ids,
            n.daily_claim_limit, n.holding_limit, n.holding_exempt, n.cool_down_days, n.protection_days, n.freeze_days,
            n.recycle_rules, n.recycle_paused, n.recycle_limit
        )
        FROM jsonb_populate_record(NULL::pool, $1) AS n
        WHERE p.tenant_id = n.tenant_id AND p.id = n.id AND p.revision = n.revision - 1
        "#,
        Json(pool) as _
    )
    .execute(conn)
    .await
    .map_err(|error| constraint::map(error, |name| reason(name, pool)))?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(Error::concurrent_change()) }
}

/// Removes a pool that no record waits in.
pub async fn delete(conn: &mut PgConnection, pool: &Pool) -> Result<()> {
    sqlx::query!(r#"DELETE FROM pool WHERE tenant_id = $1 AND id = $2"#, pool.tenant_id, pool.id)
        .execute(conn)
        .await
        .map(drop)
        .map_err(|error| constraint::map(error, |name| reason(name, pool)))
}

/// Waits until no other claim of the user runs, and holds others off until this transaction ends: what it may claim is counted in it.
pub async fn hold_claims(conn: &mut PgConnection, tenant_id: Uuid, user_id: Uuid) -> Result<()> {
    let key = format!("claims/{tenant_id}/{user_id}");
    sqlx::query!(r#"SELECT pg_advisory_xact_lock(hashtextextended($1, 0)) AS "held: ()""#, key)
        .fetch_one(conn)
        .await
        .map(drop)
        .map_err(database_error)
}

/// Notes that a rule takes records back on the days they are due; those of which it is noted already are left out of the answer.
pub async fn note_reclaims(
    conn: &mut PgConnection,
    (tenant_id, pool_id, rule_key): (Uuid, Uuid, &str),
    record_ids: &[Uuid],
    due_dates: &[NaiveDate],
    now: DateTime<Utc>,
) -> Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        r#"
        INSERT INTO reclaim (tenant_id, pool_id, record_id, rule_key, due_date, reclaim_time)
        SELECT $1, $2, r.record_id, $3, r.due_date, $6 FROM unnest($4::uuid[], $5::date[]) AS r (record_id, due_date)
        ON CONFLICT ON CONSTRAINT reclaim_pkey DO NOTHING
        RETURNING record_id
        "#,
        tenant_id,
        pool_id,
        rule_key,
        record_ids,
        due_dates,
        now,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

fn reason(constraint: &str, pool: &Pool) -> Option<Error> {
    match constraint {
        "pool_display_name_key" => {
            let message = "another pool of the collection has the name";
            let error = Error::new(Code::AlreadyExists, DOMAIN, "POOL_NAME_TAKEN", message);
            Some(error.with("display_name", &pool.display_name))
        }
        "account_pool_fkey" | "lead_pool_fkey" | "assignment_rule_pool_fkey" => {
            let message =
                "records wait in the pool, or a rule sends leads there: move them to another one first";
            Some(Error::new(Code::FailedPrecondition, DOMAIN, "POOL_NOT_EMPTY", message).with("id", pool.id))
        }
        _ => None,
    }
}
