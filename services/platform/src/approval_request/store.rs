//! All SQL of approval requests, except that of lists.

use crm_kit_api::Result;
use crm_kit_pg::db::database_error;
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::model::{Automatic, Request, State, Task};
use crate::role::built_in::ADMINISTRATOR;

/// One request.
pub async fn find(conn: &mut PgConnection, tenant_id: Uuid, id: Uuid) -> Result<Option<Request>> {
    Ok(find_all(conn, tenant_id, &[id]).await?.pop())
}

/// The requests of these ids.
pub async fn find_all(conn: &mut PgConnection, tenant_id: Uuid, ids: &[Uuid]) -> Result<Vec<Request>> {
    sqlx::query_as!(
        Request,
        r#"
        SELECT r.id, r.create_time, r.update_time, r.revision, r.display_name, r.service, r.object_type, r.object_id, r.object_revision,
               r.submitted_values, r.comment, r.owner_id, r.state AS "state: State", r.automatic_reason AS "automatic_reason: Automatic",
               r.flow_id, r.flow_version, r.node, r.decided_by_id, r.decide_time, r.decision_comment,
               COALESCE((SELECT jsonb_agg(to_jsonb(t) ORDER BY t.node, t.position) FROM approval_task t
                         WHERE t.tenant_id = $1 AND t.request_id = r.id), '[]') AS "tasks!: Json<Vec<Task>>"
        FROM approval_request r
        WHERE r.tenant_id = $1 AND r.id = ANY ($2)
        "#,
        tenant_id,
        ids,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// One request, held until the end of the transaction.
pub async fn lock(conn: &mut PgConnection, tenant_id: Uuid, id: Uuid) -> Result<Option<Request>> {
    sqlx::query_scalar!(
        r#"SELECT id FROM approval_request WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE"#,
        tenant_id,
        id
    )
    .fetch_optional(&mut *conn)
    .await
    .map_err(database_error)?;
    find(conn, tenant_id, id).await
}

/// The request of the latest revision of an object, submitted by the same service, that runs or was approved, held until the end of the transaction.
pub async fn lock_latest(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    Request { service, object_type, object_id, .. }: &Request,
) -> Result<Option<Request>> {
    let id = sqlx::query_scalar!(
        r#"
        SELECT id FROM approval_request
        WHERE tenant_id = $1 AND service = $2 AND object_type = $3 AND object_id = $4 AND state IN (1, 2, 3)
        ORDER BY object_revision DESC, id DESC LIMIT 1
        FOR NO KEY UPDATE
        "#,
        tenant_id,
        service,
        object_type,
        object_id,
    )
    .fetch_optional(&mut *conn)
    .await
    .map_err(database_error)?;
    match id {
        Some(id) => find(conn, tenant_id, id).await,
        None => Ok(None),
    }
}

/// Adds a request without its tasks; false when another request of the object runs, or of the revision was approved.
pub async fn insert(conn: &mut PgConnection, tenant_id: Uuid, request: &Request) -> Result<bool> {
    sqlx::query!(
        r#"
        INSERT INTO approval_request (tenant_id, id, create_time, update_time, revision, display_name, service, object_type, object_id,
                                      object_revision, submitted_values, comment, owner_id, state, automatic_reason, flow_id,
                                      flow_version, node, decided_by_id, decide_time, decision_comment)
        VALUES ($1, $2, $3, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
        ON CONFLICT DO NOTHING
        "#,
        tenant_id,
        request.id,
        request.create_time,
        request.revision,
        request.display_name,
        request.service,
        request.object_type,
        request.object_id,
        request.object_revision,
        request.submitted_values,
        request.comment,
        request.owner_id,
        request.state as State,
        request.automatic_reason as Automatic,
        request.flow_id,
        request.flow_version,
        request.node,
        request.decided_by_id,
        request.decide_time,
        request.decision_comment,
    )
    .execute(conn)
    .await
    .map(|done| done.rows_affected() == 1)
    .map_err(database_error)
}

/// Writes how far a request is, without its tasks.
pub async fn update(conn: &mut PgConnection, tenant_id: Uuid, request: &Request) -> Result<()> {
    sqlx::query!(
        r#"
        UPDATE approval_request
        SET update_time = $3, revision = $4, state = $5, node = $6, decided_by_id = $7, decide_time = $8, decision_comment = $9
        WHERE tenant_id = $1 AND id = $2
        "#,
        tenant_id,
        request.id,
        request.update_time,
        request.revision,
        request.state as State,
        request.node,
        request.decided_by_id,
        request.decide_time,
        request.decision_comment,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// Writes the tasks of a request.
pub async fn save_tasks(conn: &mut PgConnection, tenant_id: Uuid, request: &Request) -> Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO approval_task (tenant_id, id, request_id, create_time, node, node_name, mode, position, approver_id, state, comment,
                                   decide_time)
        SELECT $1, t.id, $2, t.create_time, t.node, t.node_name, t.mode, t.position, t.approver_id, t.state, t.comment, t.decide_time
        FROM jsonb_populate_recordset(NULL::approval_task, $3) AS t
        ON CONFLICT ON CONSTRAINT approval_task_pkey
        DO UPDATE SET state = excluded.state, comment = excluded.comment, decide_time = excluded.decide_time
        "#,
        tenant_id,
        request.id,
        &request.tasks as &Json<Vec<Task>>,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// The request of a task, and the approver who is asked.
pub async fn request_of(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    task_id: Uuid,
) -> Result<Option<(Uuid, Uuid)>> {
    let found = sqlx::query!(
        r#"SELECT request_id, approver_id FROM approval_task WHERE tenant_id = $1 AND id = $2"#,
        tenant_id,
        task_id,
    )
    .fetch_optional(conn)
    .await
    .map_err(database_error)?;
    Ok(found.map(|row| (row.request_id, row.approver_id)))
}

/// Tasks of an approver in a state with their requests, oldest first, after one of them.
pub async fn tasks(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    approver_id: Uuid,
    (state, after, limit): (i16, Option<Uuid>, i64),
) -> Result<Vec<(Uuid, Uuid)>> {
    let rows = sqlx::query!(
        r#"
        SELECT id, request_id FROM approval_task
        WHERE tenant_id = $1 AND approver_id = $2 AND state = $3 AND ($4::uuid IS NULL OR id > $4)
        ORDER BY id LIMIT $5
        "#,
        tenant_id,
        approver_id,
        state,
        after,
        limit,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)?;
    Ok(rows.into_iter().map(|row| (row.id, row.request_id)).collect())
}

/// Those above a user, nearest first, and whether each can work.
pub async fn superiors(conn: &mut PgConnection, tenant_id: Uuid, user_id: Uuid) -> Result<Vec<(Uuid, bool)>> {
    let rows = sqlx::query!(
        r#"
        WITH RECURSIVE above AS (
            SELECT u.superior_id AS id, 1 AS depth FROM app_user u WHERE u.tenant_id = $1 AND u.id = $2
            UNION ALL
            SELECT u.superior_id, a.depth + 1 FROM above a JOIN app_user u ON u.tenant_id = $1 AND u.id = a.id
            WHERE a.depth < 64
        )
        SELECT u.id, u.state = 1 AND u.delete_time IS NULL AND NOT u.service_account AS "works!"
        FROM above a JOIN app_user u ON u.tenant_id = $1 AND u.id = a.id
        ORDER BY a.depth
        "#,
        tenant_id,
        user_id,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)?;
    Ok(rows.into_iter().map(|row| (row.id, row.works)).collect())
}

/// The user, if it is a person who can work.
pub async fn working(conn: &mut PgConnection, tenant_id: Uuid, id: Uuid) -> Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        r#"
        SELECT id FROM app_user
        WHERE tenant_id = $1 AND id = $2 AND state = 1 AND delete_time IS NULL AND NOT service_account
        "#,
        tenant_id,
        id,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// People who hold a role and can work, in the order they were created.
pub async fn holders(conn: &mut PgConnection, tenant_id: Uuid, role_id: Uuid) -> Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        r#"
        SELECT u.id FROM user_role ur JOIN app_user u ON u.tenant_id = $1 AND u.id = ur.user_id
        WHERE ur.tenant_id = $1 AND ur.role_id = $2 AND u.state = 1 AND u.delete_time IS NULL AND NOT u.service_account
        ORDER BY u.id
        "#,
        tenant_id,
        role_id,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// Administrators who can work; there is always one.
pub async fn administrators(conn: &mut PgConnection, tenant_id: Uuid) -> Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        r#"
        SELECT u.id
        FROM role r
        JOIN user_role ur ON ur.tenant_id = $1 AND ur.role_id = r.id
        JOIN app_user u ON u.tenant_id = $1 AND u.id = ur.user_id
        WHERE r.tenant_id = $1 AND r.built_in = $2 AND u.state = 1 AND u.delete_time IS NULL AND NOT u.service_account
        ORDER BY u.id
        "#,
        tenant_id,
        ADMINISTRATOR,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// The name of a user.
pub async fn name(conn: &mut PgConnection, tenant_id: Uuid, id: Uuid) -> Result<Option<String>> {
    sqlx::query_scalar!(r#"SELECT username FROM app_user WHERE tenant_id = $1 AND id = $2"#, tenant_id, id)
        .fetch_optional(conn)
        .await
        .map_err(database_error)
}
