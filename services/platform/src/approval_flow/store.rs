//! All SQL of approval flows.

use crm_kit_api::{Error, Result};
use crm_kit_pg::{constraint, db::database_error};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::model::{Definition, Flow};
use crate::{paging::Paging, reason, text};

/// One flow that is not deleted.
pub async fn find(conn: &mut PgConnection, tenant_id: Uuid, id: Uuid) -> Result<Option<Flow>> {
    Ok(select(conn, tenant_id, (Some(id), ""), None, 1).await?.pop())
}

/// One page of flows, of all or of one kind of object.
pub async fn page(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    object_type: &str,
    paging: &Paging,
) -> Result<Vec<Flow>> {
    select(conn, tenant_id, (None, object_type), paging.after, paging.rows()).await
}

/// The flows in use of a kind of object, in the order they are tried.
pub async fn in_use(conn: &mut PgConnection, tenant_id: Uuid, object_type: &str) -> Result<Vec<Flow>> {
    let mut flows = select(conn, tenant_id, (None, object_type), None, i64::MAX).await?;
    flows.retain(|flow| !flow.disabled);
    flows.sort_by_key(|flow| (flow.priority, flow.id));
    Ok(flows)
}

async fn select(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    (id, object_type): (Option<Uuid>, &str),
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Flow>> {
    sqlx::query_as!(
        Flow,
        r#"
        SELECT f.id, f.create_time, f.update_time, f.delete_time, f.revision, f.display_name, f.object_type, f.priority, f.disabled,
               f.version, v.definition AS "definition: Json<Definition>"
        FROM approval_flow f
        JOIN approval_flow_version v ON v.tenant_id = $1 AND v.flow_id = f.id AND v.version = f.version
        WHERE f.tenant_id = $1 AND f.delete_time IS NULL AND ($2::uuid IS NULL OR f.id = $2)
          AND ($3 = '' OR f.object_type = $3) AND ($4::uuid IS NULL OR f.id > $4)
        ORDER BY f.id LIMIT $5
        "#,
        tenant_id,
        id,
        object_type,
        after,
        limit,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// What a version of a flow says, also of a deleted one.
pub async fn definition(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    flow_id: Uuid,
    version: i32,
) -> Result<Option<Definition>> {
    let definition = sqlx::query_scalar!(
        r#"
        SELECT definition AS "definition: Json<Definition>"
        FROM approval_flow_version
        WHERE tenant_id = $1 AND flow_id = $2 AND version = $3
        "#,
        tenant_id,
        flow_id,
        version,
    )
    .fetch_optional(conn)
    .await
    .map_err(database_error)?;
    Ok(definition.map(|definition| definition.0))
}

/// Holds a flow until the end of the transaction.
pub async fn lock(conn: &mut PgConnection, tenant_id: Uuid, id: Uuid) -> Result<()> {
    sqlx::query_scalar!(
        r#"SELECT id FROM approval_flow WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE"#,
        tenant_id,
        id
    )
    .fetch_optional(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// The first of these users and roles that does not exist: its collection and id.
pub async fn missing(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    users: &[Uuid],
    roles: &[Uuid],
) -> Result<Option<(String, Uuid)>> {
    let found = sqlx::query!(
        r#"
        SELECT 'users' AS "collection!", asked.id AS "id!" FROM unnest($2::uuid[]) AS asked (id)
        WHERE NOT EXISTS (SELECT 1 FROM app_user u WHERE u.tenant_id = $1 AND u.id = asked.id AND u.delete_time IS NULL)
        UNION ALL
        SELECT 'roles', asked.id FROM unnest($3::uuid[]) AS asked (id)
        WHERE NOT EXISTS (SELECT 1 FROM role r WHERE r.tenant_id = $1 AND r.id = asked.id)
        LIMIT 1
        "#,
        tenant_id,
        users,
        roles,
    )
    .fetch_optional(conn)
    .await
    .map_err(database_error)?;
    Ok(found.map(|found| (found.collection, found.id)))
}

/// Adds a flow, without what its version says.
pub async fn insert(conn: &mut PgConnection, tenant_id: Uuid, flow: &Flow) -> Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO approval_flow (tenant_id, id, create_time, update_time, revision, display_name, name_key, object_type, priority,
                                   disabled, version)
        VALUES ($1, $2, $3, $3, $4, $5, $6, $7, $8, $9, $10)
        "#,
        tenant_id,
        flow.id,
        flow.create_time,
        flow.revision,
        flow.display_name,
        text::key(&flow.display_name),
        flow.object_type,
        flow.priority,
        flow.disabled,
        flow.version,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(|error| violated(error, flow))
}

/// Adds what the flow's version says.
pub async fn add_version(conn: &mut PgConnection, tenant_id: Uuid, flow: &Flow) -> Result<()> {
    sqlx::query!(
        r#"INSERT INTO approval_flow_version (tenant_id, flow_id, version, create_time, definition) VALUES ($1, $2, $3, $4, $5)"#,
        tenant_id,
        flow.id,
        flow.version,
        flow.update_time,
        &flow.definition as &Json<Definition>,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// Writes a flow's values, without what its version says.
pub async fn update(conn: &mut PgConnection, tenant_id: Uuid, flow: &Flow) -> Result<()> {
    sqlx::query!(
        r#"
        UPDATE approval_flow
        SET update_time = $3, delete_time = $4, revision = $5, display_name = $6, name_key = $7, priority = $8, disabled = $9, version = $10
        WHERE tenant_id = $1 AND id = $2
        "#,
        tenant_id,
        flow.id,
        flow.update_time,
        flow.delete_time,
        flow.revision,
        flow.display_name,
        text::key(&flow.display_name),
        flow.priority,
        flow.disabled,
        flow.version,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(|error| violated(error, flow))
}

fn violated(error: sqlx::Error, flow: &Flow) -> Error {
    constraint::map(error, |name| {
        (name == "approval_flow_name_key").then(|| reason::name_taken("approvalFlows", &flow.display_name))
    })
}
