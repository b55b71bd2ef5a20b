//! All SQL of conversions.

use chrono::{DateTime, TimeDelta, Utc};
use crm_kit_api::Result;
use crm_kit_pg::db::database_error;
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::model::{Conversion, Problem};

/// A conversion.
pub async fn get(conn: &mut PgConnection, tenant_id: Uuid, id: Uuid) -> Result<Option<Conversion>> {
    sqlx::query_as!(
        Conversion,
        r#"
        SELECT tenant_id, lead_id, id, create_time, update_time, operator_id, state AS "state: _", account_id, contact_id,
               opportunity_id, filled_fields, owner_id, context AS "context: _", traces AS "traces: _", request, attempts,
               attempt_time, doubt_until, problem AS "problem: _", kept
        FROM conversion
        WHERE tenant_id = $1 AND id = $2
        "#,
        tenant_id,
        id,
    )
    .fetch_optional(conn)
    .await
    .map_err(database_error)
}

/// As [`get`], and holds the row until the transaction ends.
pub async fn lock(conn: &mut PgConnection, tenant_id: Uuid, id: Uuid) -> Result<Option<Conversion>> {
    sqlx::query_as!(
        Conversion,
        r#"
        SELECT tenant_id, lead_id, id, create_time, update_time, operator_id, state AS "state: _", account_id, contact_id,
               opportunity_id, filled_fields, owner_id, context AS "context: _", traces AS "traces: _", request, attempts,
               attempt_time, doubt_until, problem AS "problem: _", kept
        FROM conversion
        WHERE tenant_id = $1 AND id = $2
        FOR NO KEY UPDATE
        "#,
        tenant_id,
        id,
    )
    .fetch_optional(conn)
    .await
    .map_err(database_error)
}

/// Stores a conversion that begins.
pub async fn insert(conn: &mut PgConnection, conversion: &Conversion) -> Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO conversion (tenant_id, lead_id, id, create_time, update_time, operator_id, state, account_id, contact_id,
                                opportunity_id, filled_fields, owner_id, context, traces, request, attempts, attempt_time)
        VALUES ($1, $2, $3, $4, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
        "#,
        conversion.tenant_id,
        conversion.lead_id,
        conversion.id,
        conversion.create_time,
        conversion.operator_id,
        conversion.state as _,
        conversion.account_id,
        conversion.contact_id,
        conversion.opportunity_id,
        &conversion.filled_fields,
        conversion.owner_id,
        Json(&*conversion.context) as _,
        Json(&*conversion.traces) as _,
        conversion.request,
        conversion.attempts,
        conversion.attempt_time,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// Counts a question to sales that is about to be asked; the number of it, or none when the conversion is past that. A question before it without a
/// certain answer stays in doubt for a while.
pub async fn ask(
    conn: &mut PgConnection,
    (tenant_id, id): (Uuid, Uuid),
    now: DateTime<Utc>,
    doubt: TimeDelta,
) -> Result<Option<i32>> {
    let doubt = doubt.num_seconds();
    sqlx::query_scalar!(
        r#"
        UPDATE conversion
        SET attempts = attempts + 1, attempt_time = $3,
            doubt_until = COALESCE(attempt_time + make_interval(secs => $4::bigint::double precision), doubt_until)
        WHERE tenant_id = $1 AND id = $2 AND state = 2
        RETURNING attempts
        "#,
        tenant_id,
        id,
        now,
        doubt,
    )
    .fetch_optional(conn)
    .await
    .map_err(database_error)
}

/// Remembers what became of a question, if no later one was asked: whether it is certain that it had no effect.
pub async fn note(
    conn: &mut PgConnection,
    conversion: &Conversion,
    now: DateTime<Utc>,
    problem: &Problem,
    certain: bool,
) -> Result<()> {
    sqlx::query!(
        r#"
        UPDATE conversion
        SET update_time = $4, problem = $5, attempt_time = CASE WHEN $6 THEN NULL ELSE attempt_time END
        WHERE tenant_id = $1 AND id = $2 AND state = 2 AND attempts = $3
        "#,
        conversion.tenant_id,
        conversion.id,
        conversion.attempts,
        now,
        Json(problem) as _,
        certain,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// Remembers the opportunity; whether the conversion waited for it.
pub async fn meet(
    conn: &mut PgConnection,
    (tenant_id, id): (Uuid, Uuid),
    opportunity_id: Uuid,
    now: DateTime<Utc>,
) -> Result<bool> {
    let done = sqlx::query!(
        r#"
        UPDATE conversion SET state = 3, opportunity_id = $3, update_time = $4, problem = NULL, request = NULL
        WHERE tenant_id = $1 AND id = $2 AND state = 2
        "#,
        tenant_id,
        id,
        opportunity_id,
        now,
    )
    .execute(conn)
    .await
    .map_err(database_error)?;
    Ok(done.rows_affected() > 0)
}

/// Writes how a conversion ended over its row, which the transaction holds.
pub async fn end(conn: &mut PgConnection, conversion: &Conversion) -> Result<()> {
    sqlx::query!(
        r#"
        UPDATE conversion
        SET state = $3, update_time = $4, account_id = $5, contact_id = $6, problem = $7, kept = $8, request = NULL
        WHERE tenant_id = $1 AND id = $2
        "#,
        conversion.tenant_id,
        conversion.id,
        conversion.state as _,
        conversion.update_time,
        conversion.account_id,
        conversion.contact_id,
        conversion.problem.as_ref().map(|problem| Json(&**problem)) as _,
        &conversion.kept,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// How often the server itself has brought a record's computed values up to date since.
pub async fn refreshes(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    record_id: Uuid,
    since: DateTime<Utc>,
) -> Result<i64> {
    sqlx::query_scalar!(
        r#"
        SELECT count(*) AS "count!" FROM audit_log
        WHERE tenant_id = $1 AND record_id = $2 AND action = 'refresh' AND audit_time >= $3
        "#,
        tenant_id,
        record_id,
        since,
    )
    .fetch_one(conn)
    .await
    .map_err(database_error)
}

/// Whether anything else hangs on an account: a contact other than the given one, or an account below it.
pub async fn is_used(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    account_id: Uuid,
    but: Option<Uuid>,
) -> Result<bool> {
    sqlx::query_scalar!(
        r#"
        SELECT EXISTS (SELECT 1 FROM contact_account c JOIN contact p ON p.tenant_id = $1 AND p.id = c.contact_id
                       WHERE c.tenant_id = $1 AND c.account_id = $2 AND c.contact_id IS DISTINCT FROM $3 AND p.delete_time IS NULL)
            OR EXISTS (SELECT 1 FROM account a WHERE a.tenant_id = $1 AND a.parent_id = $2 AND a.delete_time IS NULL) AS "used!"
        "#,
        tenant_id,
        account_id,
        but,
    )
    .fetch_one(conn)
    .await
    .map_err(database_error)
}
