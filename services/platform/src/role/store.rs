//! All SQL of roles.

use crm_kit_api::{Error, Result};
use crm_kit_pg::{Tx, constraint, db::database_error};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::model::{ClassMasks, RecordScope, Role};
use crate::{paging::Paging, reason, text};

/// The roles of these ids, in the order they were created.
pub async fn find(conn: &mut PgConnection, tenant_id: Uuid, ids: &[Uuid]) -> Result<Vec<Role>> {
    select(conn, tenant_id, Some(ids), None, i64::MAX).await
}

/// One page of roles.
pub async fn page(tx: &mut Tx<'_>, paging: &Paging) -> Result<Vec<Role>> {
    let tenant_id = tx.tenant_id();
    select(tx.conn(), tenant_id, None, paging.after, paging.rows()).await
}

async fn select(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    ids: Option<&[Uuid]>,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Role>> {
    sqlx::query_as!(
        Role,
        r#"
        SELECT id, create_time, update_time, revision, display_name, description, permissions,
               record_scope AS "record_scope: RecordScope", masks AS "masks: Json<ClassMasks>", built_in
        FROM role
        WHERE tenant_id = $1 AND ($2::uuid[] IS NULL OR id = ANY($2)) AND ($3::uuid IS NULL OR id > $3)
        ORDER BY id LIMIT $4
        "#,
        tenant_id,
        ids,
        after,
        limit,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// Holds a role until the end of the transaction; whether there is one.
pub async fn lock(conn: &mut PgConnection, tenant_id: Uuid, id: Uuid) -> Result<bool> {
    sqlx::query_scalar!(r#"SELECT id FROM role WHERE tenant_id = $1 AND id = $2 FOR UPDATE"#, tenant_id, id)
        .fetch_optional(conn)
        .await
        .map(|found| found.is_some())
        .map_err(database_error)
}

/// Id of a built-in role, held until the end of the transaction against others who count its users.
pub async fn lock_built_in(conn: &mut PgConnection, tenant_id: Uuid, key: &str) -> Result<Option<Uuid>> {
    sqlx::query_scalar!(
        r#"SELECT id FROM role WHERE tenant_id = $1 AND built_in = $2 FOR NO KEY UPDATE"#,
        tenant_id,
        key
    )
    .fetch_optional(conn)
    .await
    .map_err(database_error)
}

/// The broadest record scope of a user's roles.
pub async fn scope_of(conn: &mut PgConnection, tenant_id: Uuid, user_id: Uuid) -> Result<RecordScope> {
    let scope = sqlx::query_scalar!(
        r#"
        SELECT max(r.record_scope) AS "scope: RecordScope"
        FROM user_role ur JOIN role r ON r.tenant_id = ur.tenant_id AND r.id = ur.role_id
        WHERE ur.tenant_id = $1 AND ur.user_id = $2
        "#,
        tenant_id,
        user_id,
    )
    .fetch_one(conn)
    .await
    .map_err(database_error)?;
    Ok(scope.unwrap_or_default())
}

/// Number of live users who hold a role.
pub async fn users(conn: &mut PgConnection, tenant_id: Uuid, id: Uuid) -> Result<i64> {
    sqlx::query_scalar!(
        r#"
        SELECT count(*) AS "users!"
        FROM user_role ur JOIN app_user u ON u.tenant_id = ur.tenant_id AND u.id = ur.user_id
        WHERE ur.tenant_id = $1 AND ur.role_id = $2 AND u.delete_time IS NULL
        "#,
        tenant_id,
        id,
    )
    .fetch_one(conn)
    .await
    .map_err(database_error)
}

/// Adds a role.
pub async fn insert(conn: &mut PgConnection, tenant_id: Uuid, role: &Role) -> Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO role (tenant_id, id, create_time, update_time, revision, display_name, name_key, description, permissions,
                          record_scope, masks, built_in)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        "#,
        tenant_id,
        role.id,
        role.create_time,
        role.update_time,
        role.revision,
        role.display_name,
        text::key(&role.display_name),
        role.description,
        &role.permissions,
        role.record_scope as RecordScope,
        &role.masks as &Json<ClassMasks>,
        role.built_in,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(|error| violated(error, role))
}

/// Writes a role's values.
pub async fn update(conn: &mut PgConnection, tenant_id: Uuid, role: &Role) -> Result<()> {
    sqlx::query!(
        r#"
        UPDATE role
        SET update_time = $3, revision = $4, display_name = $5, name_key = $6, description = $7, permissions = $8, record_scope = $9,
            masks = $10
        WHERE tenant_id = $1 AND id = $2
        "#,
        tenant_id,
        role.id,
        role.update_time,
        role.revision,
        role.display_name,
        text::key(&role.display_name),
        role.description,
        &role.permissions,
        role.record_scope as RecordScope,
        &role.masks as &Json<ClassMasks>,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(|error| violated(error, role))
}

/// Removes a role, also from deleted users.
pub async fn delete(conn: &mut PgConnection, tenant_id: Uuid, id: Uuid) -> Result<()> {
    sqlx::query!(r#"DELETE FROM user_role WHERE tenant_id = $1 AND role_id = $2"#, tenant_id, id)
        .execute(&mut *conn)
        .await
        .map_err(database_error)?;
    sqlx::query!(r#"DELETE FROM role WHERE tenant_id = $1 AND id = $2"#, tenant_id, id)
        .execute(conn)
        .await
        .map(drop)
        .map_err(database_error)
}

fn violated(error: sqlx::Error, role: &Role) -> Error {
    constraint::map(error, |name| {
        (name == "role_name_key").then(|| reason::name_taken("roles", &role.display_name))
    })
}
