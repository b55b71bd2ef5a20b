//! All SQL of API keys.

use crm_kit_api::Result;
use crm_kit_pg::db::database_error;
use sqlx::PgConnection;
use uuid::Uuid;

use super::convert::ApiKey;
use crate::paging::Paging;

/// One page of keys, of all or of one service account, newest first.
pub async fn page(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    user_id: Option<Uuid>,
    paging: &Paging,
) -> Result<Vec<ApiKey>> {
    sqlx::query_as!(
        ApiKey,
        r#"
        SELECT id, create_time, display_name, user_id, permissions, expire_time, creator_id
        FROM api_key
        WHERE tenant_id = $1 AND ($2::uuid IS NULL OR user_id = $2) AND ($3::uuid IS NULL OR id < $3)
        ORDER BY id DESC LIMIT $4
        "#,
        tenant_id,
        user_id,
        paging.after,
        paging.rows(),
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// Number of keys of a service account.
pub async fn count(conn: &mut PgConnection, tenant_id: Uuid, user_id: Uuid) -> Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "keys!" FROM api_key WHERE tenant_id = $1 AND user_id = $2"#,
        tenant_id,
        user_id
    )
    .fetch_one(conn)
    .await
    .map_err(database_error)
}

/// Adds a key.
pub async fn insert(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    key: &ApiKey,
    secret_hash: &[u8],
) -> Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO api_key (tenant_id, id, create_time, display_name, user_id, permissions, expire_time, creator_id, secret_hash)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        "#,
        tenant_id,
        key.id,
        key.create_time,
        key.display_name,
        key.user_id,
        &key.permissions,
        key.expire_time,
        key.creator_id,
        secret_hash,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// Revokes one key, or every key of a service account.
pub async fn delete(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    id: Option<Uuid>,
    user_id: Option<Uuid>,
) -> Result<Vec<ApiKey>> {
    sqlx::query_as!(
        ApiKey,
        r#"
        DELETE FROM api_key WHERE tenant_id = $1 AND (id = $2 OR user_id = $3)
        RETURNING id, create_time, display_name, user_id, permissions, expire_time, creator_id
        "#,
        tenant_id,
        id,
        user_id,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}
