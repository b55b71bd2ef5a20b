//! All SQL of export jobs.

use crm_kit_api::Result;
use crm_kit_pg::db::database_error;
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::model::Job;

/// A job; of `creator` only, when one is given.
pub async fn get(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    id: Uuid,
    creator: Option<Uuid>,
) -> Result<Option<Job>> {
    sqlx::query_as!(
        Job,
        r#"
        SELECT tenant_id, id, create_time, update_time, purge_time, creator_id, rights AS "rights: _", display_name, collection, filter,
               fields, file_kind AS "file_kind: _", header_language, state AS "state: _", done_rows, file_bytes, failure, attempt
        FROM export_job
        WHERE tenant_id = $1 AND id = $2 AND ($3::uuid IS NULL OR creator_id = $3)
        "#,
        tenant_id,
        id,
        creator,
    )
    .fetch_optional(conn)
    .await
    .map_err(database_error)
}

/// As [`get`], and holds the row.
pub async fn lock(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    id: Uuid,
    creator: Option<Uuid>,
) -> Result<Option<Job>> {
    sqlx::query_as!(
        Job,
        r#"
        SELECT tenant_id, id, create_time, update_time, purge_time, creator_id, rights AS "rights: _", display_name, collection, filter,
               fields, file_kind AS "file_kind: _", header_language, state AS "state: _", done_rows, file_bytes, failure, attempt
        FROM export_job
        WHERE tenant_id = $1 AND id = $2 AND ($3::uuid IS NULL OR creator_id = $3)
        FOR NO KEY UPDATE
        "#,
        tenant_id,
        id,
        creator,
    )
    .fetch_optional(conn)
    .await
    .map_err(database_error)
}

/// Jobs with ids before `before`, newest first; of `creator` only, when one is given.
pub async fn list(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    creator: Option<Uuid>,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Job>> {
    sqlx::query_as!(
        Job,
        r#"
        SELECT tenant_id, id, create_time, update_time, purge_time, creator_id, rights AS "rights: _", display_name, collection, filter,
               fields, file_kind AS "file_kind: _", header_language, state AS "state: _", done_rows, file_bytes, failure, attempt
        FROM export_job
        WHERE tenant_id = $1 AND ($2::uuid IS NULL OR creator_id = $2) AND ($3::uuid IS NULL OR id < $3)
        ORDER BY id DESC LIMIT $4
        "#,
        tenant_id,
        creator,
        before,
        limit,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// Inserts a job that waits for its worker.
pub async fn insert(conn: &mut PgConnection, job: &Job) -> Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO export_job (tenant_id, id, create_time, update_time, purge_time, creator_id, rights, display_name, collection, filter,
                                fields, file_kind, header_language, state, done_rows, file_bytes, failure, attempt)
        VALUES ($1, $2, $3, $3, NULL, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0, 0, '', 0)
        "#,
        job.tenant_id,
        job.id,
        job.create_time,
        job.creator_id,
        Json(&*job.rights) as _,
        job.display_name,
        job.collection,
        job.filter,
        &job.fields,
        job.file_kind as _,
        job.header_language,
        job.state as _,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// Writes what can change of a job over its row, which the transaction holds.
pub async fn save(conn: &mut PgConnection, job: &Job) -> Result<()> {
    sqlx::query!(
        r#"
        UPDATE export_job SET update_time = $3, purge_time = $4, state = $5, done_rows = $6, file_bytes = $7, failure = $8, attempt = $9
        WHERE tenant_id = $1 AND id = $2
        "#,
        job.tenant_id,
        job.id,
        job.update_time,
        job.purge_time,
        job.state as _,
        job.done_rows,
        job.file_bytes,
        job.failure,
        job.attempt,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// Adds a piece of the file.
pub async fn add_chunk(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    job_id: Uuid,
    seq: i32,
    data: &[u8],
) -> Result<()> {
    sqlx::query!(
        r#"INSERT INTO export_file_chunk (tenant_id, job_id, seq, data) VALUES ($1, $2, $3, $4)"#,
        tenant_id,
        job_id,
        seq,
        data,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// A piece of the file.
pub async fn chunk(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    job_id: Uuid,
    seq: i32,
) -> Result<Option<Vec<u8>>> {
    sqlx::query_scalar!(
        r#"SELECT data FROM export_file_chunk WHERE tenant_id = $1 AND job_id = $2 AND seq = $3"#,
        tenant_id,
        job_id,
        seq,
    )
    .fetch_optional(conn)
    .await
    .map_err(database_error)
}

/// Drops the file.
pub async fn drop_chunks(conn: &mut PgConnection, tenant_id: Uuid, job_id: Uuid) -> Result<()> {
    sqlx::query!(r#"DELETE FROM export_file_chunk WHERE tenant_id = $1 AND job_id = $2"#, tenant_id, job_id)
        .execute(conn)
        .await
        .map(drop)
        .map_err(database_error)
}
