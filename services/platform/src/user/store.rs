//! All SQL of users, except that of lists.

use crm_kit_api::{Error, Result};
use crm_kit_pg::{constraint, db::database_error};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    events::COLLECTION,
    model::{PasswordHash, State, User},
};
use crate::{reason, text, tree::Place};

/// One user, also a deleted one.
pub async fn find(conn: &mut PgConnection, tenant_id: Uuid, id: Uuid) -> Result<Option<User>> {
    sqlx::query_as!(
        User,
        r#"
        SELECT u.id, u.create_time, u.update_time, u.delete_time, u.revision, u.display_name, u.username, u.email, u.phone, u.job_title,
               ARRAY(SELECT d.department_id FROM user_department d WHERE d.tenant_id = $1 AND d.user_id = $2 ORDER BY d.position)
                   AS "department_ids!",
               u.primary_department_id, u.superior_id,
               ARRAY(SELECT r.role_id FROM user_role r WHERE r.tenant_id = $1 AND r.user_id = $2 ORDER BY r.position) AS "role_ids!",
               u.state AS "state: State", u.service_account, u.password_change_required, u.last_sign_in_time,
               NULL AS "password_hash: PasswordHash"
        FROM app_user u
        WHERE u.tenant_id = $1 AND u.id = $2
        "#,
        tenant_id,
        id,
    )
    .fetch_optional(conn)
    .await
    .map_err(database_error)
}

/// Holds a user until the end of the transaction.
pub async fn lock(conn: &mut PgConnection, tenant_id: Uuid, id: Uuid) -> Result<()> {
    sqlx::query_scalar!(
        r#"SELECT id FROM app_user WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE"#,
        tenant_id,
        id
    )
    .fetch_optional(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// The hash of a user's password.
pub async fn password_hash(conn: &mut PgConnection, tenant_id: Uuid, id: Uuid) -> Result<Option<String>> {
    sqlx::query_scalar!(
        r#"SELECT password_hash FROM app_user WHERE tenant_id = $1 AND id = $2"#,
        tenant_id,
        id
    )
    .fetch_optional(conn)
    .await
    .map(Option::flatten)
    .map_err(database_error)
}

/// Where a user would stand below a new superior.
pub async fn place(conn: &mut PgConnection, tenant_id: Uuid, id: Uuid, superior_id: Uuid) -> Result<Place> {
    sqlx::query_as!(
        Place,
        r#"
        WITH RECURSIVE above AS (
            SELECT u.id, u.superior_id, 1 AS depth FROM app_user u
            WHERE u.tenant_id = $1 AND u.id = $3 AND u.delete_time IS NULL
            UNION ALL
            SELECT u.id, u.superior_id, a.depth + 1
            FROM above a JOIN app_user u ON u.tenant_id = $1 AND u.id = a.superior_id
            WHERE a.depth < 64
        ), below AS (
            SELECT $2::uuid AS id, 1 AS depth
            UNION ALL
            SELECT u.id, b.depth + 1 FROM below b JOIN app_user u ON u.tenant_id = $1 AND u.superior_id = b.id
            WHERE b.depth < 64
        )
        SELECT ARRAY(SELECT id FROM above) AS "ancestors!", (SELECT max(depth)::bigint FROM below) AS "height!"
        "#,
        tenant_id,
        id,
        superior_id,
    )
    .fetch_one(conn)
    .await
    .map_err(database_error)
}

/// A user and everybody below it.
pub async fn below(conn: &mut PgConnection, tenant_id: Uuid, id: Uuid) -> Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        r#"
        WITH RECURSIVE below AS (
            SELECT $2::uuid AS id, 1 AS depth
            UNION ALL
            SELECT u.id, b.depth + 1 FROM below b JOIN app_user u ON u.tenant_id = $1 AND u.superior_id = b.id
            WHERE b.depth < 64
        )
        SELECT id AS "id!" FROM below
        "#,
        tenant_id,
        id,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// Whether another live, active person than `id` holds the role.
pub async fn another_holds(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    role_id: Uuid,
    id: Uuid,
) -> Result<bool> {
    sqlx::query_scalar!(
        r#"
        SELECT EXISTS (
            SELECT 1 FROM user_role ur JOIN app_user u ON u.tenant_id = ur.tenant_id AND u.id = ur.user_id
            WHERE ur.tenant_id = $1 AND ur.role_id = $2 AND u.id <> $3 AND u.delete_time IS NULL AND u.state = 1
              AND NOT u.service_account) AS "exists!"
        "#,
        tenant_id,
        role_id,
        id,
    )
    .fetch_one(conn)
    .await
    .map_err(database_error)
}

/// The first of these departments that does not exist.
pub async fn missing_department(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    ids: &[Uuid],
) -> Result<Option<Uuid>> {
    sqlx::query_scalar!(
        r#"
        SELECT asked.id AS "id!" FROM unnest($2::uuid[]) AS asked (id)
        WHERE NOT EXISTS (SELECT 1 FROM department d WHERE d.tenant_id = $1 AND d.id = asked.id)
        LIMIT 1
        "#,
        tenant_id,
        ids,
    )
    .fetch_optional(conn)
    .await
    .map_err(database_error)
}

/// Adds a user with departments and roles.
pub async fn insert(conn: &mut PgConnection, tenant_id: Uuid, user: &User) -> Result<()> {
    sqlx::query!(
        r#"
        WITH added AS (
            INSERT INTO app_user (tenant_id, id, create_time, update_time, revision, display_name, username, username_key, email, phone,
                                  job_title, primary_department_id, superior_id, state, service_account, password_hash,
                                  password_change_required)
            VALUES ($1, $2, $3, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
        ), departments AS (
            INSERT INTO user_department (tenant_id, user_id, department_id, position)
            SELECT $1, $2, d.id, d.position FROM unnest($17::uuid[]) WITH ORDINALITY AS d (id, position)
        )
        INSERT INTO user_role (tenant_id, user_id, role_id, position)
        SELECT $1, $2, r.id, r.position FROM unnest($18::uuid[]) WITH ORDINALITY AS r (id, position)
        "#,
        tenant_id,
        user.id,
        user.create_time,
        user.revision,
        user.display_name,
        user.username,
        text::key(&user.username),
        user.email,
        user.phone,
        user.job_title,
        user.primary_department_id,
        user.superior_id,
        user.state as State,
        user.service_account,
        user.password_hash.as_ref().map(|hash| hash.0.as_str()),
        user.password_change_required,
        &user.department_ids,
        &user.role_ids,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(|error| violated(error, user))
}

/// Writes a user's values, departments, roles, state and, if there is a new one, password.
pub async fn update(conn: &mut PgConnection, tenant_id: Uuid, user: &User) -> Result<()> {
    sqlx::query!(
        r#"
        WITH changed AS (
            UPDATE app_user
            SET update_time = $3, delete_time = $4, revision = $5, display_name = $6, username = $7, username_key = $8, email = $9,
                phone = $10, job_title = $11, primary_department_id = $12, superior_id = $13, state = $14,
                password_hash = COALESCE($15, password_hash), password_change_required = $16
            WHERE tenant_id = $1 AND id = $2
        ), departments_left AS (
            DELETE FROM user_department WHERE tenant_id = $1 AND user_id = $2 AND department_id <> ALL ($17)
        ), departments AS (
            INSERT INTO user_department (tenant_id, user_id, department_id, position)
            SELECT $1, $2, d.id, d.position FROM unnest($17::uuid[]) WITH ORDINALITY AS d (id, position)
            ON CONFLICT ON CONSTRAINT user_department_pkey DO UPDATE SET position = excluded.position
        ), roles_left AS (
            DELETE FROM user_role WHERE tenant_id = $1 AND user_id = $2 AND role_id <> ALL ($18)
        )
        INSERT INTO user_role (tenant_id, user_id, role_id, position)
        SELECT $1, $2, r.id, r.position FROM unnest($18::uuid[]) WITH ORDINALITY AS r (id, position)
        ON CONFLICT ON CONSTRAINT user_role_pkey DO UPDATE SET position = excluded.position
        "#,
        tenant_id,
        user.id,
        user.update_time,
        user.delete_time,
        user.revision,
        user.display_name,
        user.username,
        text::key(&user.username),
        user.email,
        user.phone,
        user.job_title,
        user.primary_department_id,
        user.superior_id,
        user.state as State,
        user.password_hash.as_ref().map(|hash| hash.0.as_str()),
        user.password_change_required,
        &user.department_ids,
        &user.role_ids,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(|error| violated(error, user))
}

fn violated(error: sqlx::Error, user: &User) -> Error {
    constraint::map(error, |name| match name {
        "app_user_username_key" => Some(reason::username_taken(&user.username)),
        "app_user_superior_fkey" => user.superior_id.map(|id| Error::not_found(COLLECTION, id)),
        "user_department_department_fkey" | "app_user_primary_department_fkey" => {
            user.department_ids.first().map(|id| Error::not_found("departments", id))
        }
        "user_role_role_fkey" => user.role_ids.first().map(|id| Error::not_found("roles", id)),
        _ => None,
    })
}
