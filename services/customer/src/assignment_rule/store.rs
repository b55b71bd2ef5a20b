//! All SQL of rules.

use crm_kit_api::{Error, Result};
use crm_kit_pg::db::database_error;
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::model::AssignmentRule;

/// Every rule of a tenant, in the order they are tried.
pub async fn all(conn: &mut PgConnection, tenant_id: Uuid) -> Result<Vec<AssignmentRule>> {
    sqlx::query_as!(
        AssignmentRule,
        r#"
        SELECT tenant_id, id, create_time, update_time, revision, display_name, position, condition, disabled, user_ids, pool_id, turn
        FROM assignment_rule
        WHERE tenant_id = $1
        ORDER BY position, id
        "#,
        tenant_id,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// As [`all`], and holds the rows, so that changes of a tenant's rules follow one another.
pub async fn lock_all(conn: &mut PgConnection, tenant_id: Uuid) -> Result<Vec<AssignmentRule>> {
    sqlx::query!(
        r#"SELECT id FROM assignment_rule WHERE tenant_id = $1 ORDER BY id FOR NO KEY UPDATE"#,
        tenant_id
    )
    .fetch_all(&mut *conn)
    .await
    .map_err(database_error)?;
    // Read after the wait, to see what the one before wrote.
    all(conn, tenant_id).await
}

/// Inserts a rule.
pub async fn insert(conn: &mut PgConnection, rule: &AssignmentRule) -> Result<()> {
    sqlx::query!(
        r#"INSERT INTO assignment_rule SELECT * FROM jsonb_populate_record(NULL::assignment_rule, $1)"#,
        Json(rule) as _
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// Writes a rule over its row, which the transaction holds; whose turn it is stays.
pub async fn update(conn: &mut PgConnection, rule: &AssignmentRule) -> Result<()> {
    let done = sqlx::query!(
        r#"
        UPDATE assignment_rule AS r SET (update_time, revision, display_name, position, condition, disabled, user_ids, pool_id)
            = ROW (n.update_time, n.revision, n.display_name, n.position, n.condition, n.disabled, n.user_ids, n.pool_id)
        FROM jsonb_populate_record(NULL::assignment_rule, $1) AS n
        WHERE r.tenant_id = n.tenant_id AND r.id = n.id AND r.revision = n.revision - 1
        "#,
        Json(rule) as _
    )
    .execute(conn)
    .await
    .map_err(database_error)?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(Error::concurrent_change()) }
}

/// Removes a rule.
pub async fn delete(conn: &mut PgConnection, rule: &AssignmentRule) -> Result<()> {
    sqlx::query!(r#"DELETE FROM assignment_rule WHERE tenant_id = $1 AND id = $2"#, rule.tenant_id, rule.id)
        .execute(conn)
        .await
        .map(drop)
        .map_err(database_error)
}

/// Takes turns of a rule and returns the first of them. The row is held until the transaction ends. `None` when the rule is gone.
pub async fn take_turns(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    id: Uuid,
    count: i64,
) -> Result<Option<i64>> {
    sqlx::query_scalar!(
        r#"UPDATE assignment_rule SET turn = turn + $3 WHERE tenant_id = $1 AND id = $2 RETURNING turn - $3 AS "first!""#,
        tenant_id,
        id,
        count,
    )
    .fetch_optional(conn)
    .await
    .map_err(database_error)
}
