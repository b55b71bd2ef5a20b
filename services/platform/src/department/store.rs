//! All SQL of departments.

use crm_kit_api::{Error, Result};
use crm_kit_pg::{constraint, db::database_error};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{events::COLLECTION, model::Department};
use crate::{paging::Paging, reason, text, tree::Place};

/// One department.
pub async fn find(conn: &mut PgConnection, tenant_id: Uuid, id: Uuid) -> Result<Option<Department>> {
    Ok(select(conn, tenant_id, (Some(id), None), None, 1).await?.pop())
}

/// One page of departments, of all or of those below `parent_id`.
pub async fn page(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    parent_id: Option<Uuid>,
    paging: &Paging,
) -> Result<Vec<Department>> {
    select(conn, tenant_id, (None, parent_id), paging.after, paging.rows()).await
}

async fn select(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    (id, parent_id): (Option<Uuid>, Option<Uuid>),
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Department>> {
    sqlx::query_as!(
        Department,
        r#"
        SELECT id, create_time, update_time, revision, display_name, parent_id, manager_id
        FROM department
        WHERE tenant_id = $1 AND ($2::uuid IS NULL OR id = $2) AND ($3::uuid IS NULL OR parent_id = $3)
          AND ($4::uuid IS NULL OR id > $4)
        ORDER BY id LIMIT $5
        "#,
        tenant_id,
        id,
        parent_id,
        after,
        limit,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// Holds a department until the end of the transaction.
pub async fn lock(conn: &mut PgConnection, tenant_id: Uuid, id: Uuid) -> Result<()> {
    sqlx::query_scalar!(
        r#"SELECT id FROM department WHERE tenant_id = $1 AND id = $2 FOR UPDATE"#,
        tenant_id,
        id
    )
    .fetch_optional(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// Where a department would stand below `parent_id`.
pub async fn place(conn: &mut PgConnection, tenant_id: Uuid, id: Uuid, parent_id: Uuid) -> Result<Place> {
    sqlx::query_as!(
        Place,
        r#"
        WITH RECURSIVE above AS (
            SELECT d.id, d.parent_id, 1 AS depth FROM department d WHERE d.tenant_id = $1 AND d.id = $3
            UNION ALL
            SELECT d.id, d.parent_id, a.depth + 1
            FROM above a JOIN department d ON d.tenant_id = $1 AND d.id = a.parent_id
            WHERE a.depth < 64
        ), below AS (
            SELECT $2::uuid AS id, 1 AS depth
            UNION ALL
            SELECT d.id, b.depth + 1 FROM below b JOIN department d ON d.tenant_id = $1 AND d.parent_id = b.id
            WHERE b.depth < 64
        )
        SELECT ARRAY(SELECT id FROM above) AS "ancestors!", (SELECT max(depth)::bigint FROM below) AS "height!"
        "#,
        tenant_id,
        id,
        parent_id,
    )
    .fetch_one(conn)
    .await
    .map_err(database_error)
}

/// Users of a department and of those below it.
pub async fn members(conn: &mut PgConnection, tenant_id: Uuid, id: Uuid) -> Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        r#"
        WITH RECURSIVE below AS (
            SELECT $2::uuid AS id, 1 AS depth
            UNION ALL
            SELECT d.id, b.depth + 1 FROM below b JOIN department d ON d.tenant_id = $1 AND d.parent_id = b.id
            WHERE b.depth < 64
        )
        SELECT DISTINCT ud.user_id
        FROM below b JOIN user_department ud ON ud.tenant_id = $1 AND ud.department_id = b.id
        "#,
        tenant_id,
        id,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// Live users of a department, and departments directly below it.
pub async fn contents(conn: &mut PgConnection, tenant_id: Uuid, id: Uuid) -> Result<(i64, i64)> {
    sqlx::query!(
        r#"
        SELECT (SELECT count(*) FROM user_department ud JOIN app_user u ON u.tenant_id = ud.tenant_id AND u.id = ud.user_id
                WHERE ud.tenant_id = $1 AND ud.department_id = $2 AND u.delete_time IS NULL) AS "users!",
               (SELECT count(*) FROM department d WHERE d.tenant_id = $1 AND d.parent_id = $2) AS "departments!"
        "#,
        tenant_id,
        id,
    )
    .fetch_one(conn)
    .await
    .map(|row| (row.users, row.departments))
    .map_err(database_error)
}

/// Adds a department.
pub async fn insert(conn: &mut PgConnection, tenant_id: Uuid, department: &Department) -> Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO department (tenant_id, id, create_time, update_time, revision, display_name, name_key, parent_id, manager_id)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        "#,
        tenant_id,
        department.id,
        department.create_time,
        department.update_time,
        department.revision,
        department.display_name,
        text::key(&department.display_name),
        department.parent_id,
        department.manager_id,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(|error| violated(error, department))
}

/// Writes a department's values.
pub async fn update(conn: &mut PgConnection, tenant_id: Uuid, department: &Department) -> Result<()> {
    sqlx::query!(
        r#"
        UPDATE department
        SET update_time = $3, revision = $4, display_name = $5, name_key = $6, parent_id = $7, manager_id = $8
        WHERE tenant_id = $1 AND id = $2
        "#,
        tenant_id,
        department.id,
        department.update_time,
        department.revision,
        department.display_name,
        text::key(&department.display_name),
        department.parent_id,
        department.manager_id,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(|error| violated(error, department))
}

/// Removes a department, also from deleted users.
pub async fn delete(conn: &mut PgConnection, tenant_id: Uuid, id: Uuid) -> Result<()> {
    sqlx::query!(r#"DELETE FROM user_department WHERE tenant_id = $1 AND department_id = $2"#, tenant_id, id)
        .execute(&mut *conn)
        .await
        .map_err(database_error)?;
    sqlx::query!(
        r#"UPDATE app_user SET primary_department_id = NULL WHERE tenant_id = $1 AND primary_department_id = $2"#,
        tenant_id,
        id
    )
    .execute(&mut *conn)
    .await
    .map_err(database_error)?;
    sqlx::query!(r#"DELETE FROM department WHERE tenant_id = $1 AND id = $2"#, tenant_id, id)
        .execute(conn)
        .await
        .map(drop)
        .map_err(database_error)
}

fn violated(error: sqlx::Error, department: &Department) -> Error {
    constraint::map(error, |name| match name {
        "department_name_key" => Some(reason::name_taken(COLLECTION, &department.display_name)),
        "department_parent_fkey" => department.parent_id.map(|id| Error::not_found(COLLECTION, id)),
        "department_manager_fkey" => department.manager_id.map(|id| Error::not_found("users", id)),
        _ => None,
    })
}
