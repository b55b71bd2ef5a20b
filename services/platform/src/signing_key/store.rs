//! All SQL of signing keys, which live in the nil tenant.

use chrono::{DateTime, Utc};
use crm_kit_api::Result;
use crm_kit_pg::db::database_error;
use sqlx::PgConnection;
use uuid::Uuid;

/// A key as stored.
#[derive(Clone, Debug)]
pub struct Stored {
    pub id: Uuid,
    pub create_time: DateTime<Utc>,
    pub public_key: Vec<u8>,
    pub sealed_seed: Vec<u8>,
}

/// Every key, newest first.
pub async fn all(conn: &mut PgConnection) -> Result<Vec<Stored>> {
    sqlx::query_as!(
        Stored,
        r#"SELECT id, create_time, public_key, sealed_seed FROM signing_key WHERE tenant_id = $1 ORDER BY create_time DESC, id DESC"#,
        Uuid::nil(),
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// Adds a key.
pub async fn insert(conn: &mut PgConnection, key: &Stored) -> Result<()> {
    sqlx::query!(
        r#"INSERT INTO signing_key (tenant_id, id, create_time, public_key, sealed_seed) VALUES ($1, $2, $3, $4, $5)"#,
        Uuid::nil(),
        key.id,
        key.create_time,
        key.public_key,
        key.sealed_seed,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// Drops a key.
pub async fn delete(conn: &mut PgConnection, id: Uuid) -> Result<()> {
    sqlx::query!(r#"DELETE FROM signing_key WHERE tenant_id = $1 AND id = $2"#, Uuid::nil(), id)
        .execute(conn)
        .await
        .map(drop)
        .map_err(database_error)
}
