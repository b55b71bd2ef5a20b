//! All SQL of import jobs.

use chrono::{DateTime, Utc};
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
        SELECT tenant_id, id, create_time, update_time, revision, creator_id, rights AS "rights: _", display_name, collection,
               mode AS "mode: _", format AS "format: _", columns AS "columns: _", external_system, state AS "state: _", failure,
               upload_id, uploaded_bytes, pass, pass_time, header, last_line, round, links_wait, total_rows, done_rows, created_rows,
               updated_rows, unchanged_rows, failed_rows, end_time
        FROM import_job
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
        SELECT tenant_id, id, create_time, update_time, revision, creator_id, rights AS "rights: _", display_name, collection,
               mode AS "mode: _", format AS "format: _", columns AS "columns: _", external_system, state AS "state: _", failure,
               upload_id, uploaded_bytes, pass, pass_time, header, last_line, round, links_wait, total_rows, done_rows, created_rows,
               updated_rows, unchanged_rows, failed_rows, end_time
        FROM import_job
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
        SELECT tenant_id, id, create_time, update_time, revision, creator_id, rights AS "rights: _", display_name, collection,
               mode AS "mode: _", format AS "format: _", columns AS "columns: _", external_system, state AS "state: _", failure,
               upload_id, uploaded_bytes, pass, pass_time, header, last_line, round, links_wait, total_rows, done_rows, created_rows,
               updated_rows, unchanged_rows, failed_rows, end_time
        FROM import_job
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

/// Inserts a job that waits for its file.
pub async fn insert(conn: &mut PgConnection, job: &Job) -> Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO import_job (
            tenant_id, id, create_time, update_time, revision, creator_id, rights, display_name, collection, mode, format, columns,
            external_system, state, failure, upload_id, uploaded_bytes, pass, pass_time, header, last_line, round, links_wait, total_rows,
            done_rows, created_rows, updated_rows, unchanged_rows, failed_rows, end_time
        ) VALUES ($1, $2, $3, $3, 1, $4, $5, $6, $7, $8, $9, $10, $11, $12, '', $13, 0, 0, NULL, '{}', 0, 1, false, 0, 0, 0, 0, 0, 0, NULL)
        "#,
        job.tenant_id,
        job.id,
        job.create_time,
        job.creator_id,
        Json(&*job.rights) as _,
        job.display_name,
        job.collection,
        job.mode as _,
        Json(&*job.format) as _,
        Json(&*job.columns) as _,
        job.external_system,
        job.state as _,
        job.upload_id,
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
        UPDATE import_job SET
            update_time = $3, revision = $4, rights = $5, display_name = $6, mode = $7, format = $8, columns = $9, external_system = $10,
            state = $11, failure = $12, upload_id = $13, uploaded_bytes = $14, pass = $15, pass_time = $16, header = $17, last_line = $18,
            round = $19, links_wait = $20, total_rows = $21, done_rows = $22, created_rows = $23, updated_rows = $24,
            unchanged_rows = $25, failed_rows = $26, end_time = $27
        WHERE tenant_id = $1 AND id = $2
        "#,
        job.tenant_id,
        job.id,
        job.update_time,
        job.revision,
        Json(&*job.rights) as _,
        job.display_name,
        job.mode as _,
        Json(&*job.format) as _,
        Json(&*job.columns) as _,
        job.external_system,
        job.state as _,
        job.failure,
        job.upload_id,
        job.uploaded_bytes,
        job.pass,
        job.pass_time,
        &job.header,
        job.last_line,
        job.round,
        job.links_wait,
        job.total_rows,
        job.done_rows,
        job.created_rows,
        job.updated_rows,
        job.unchanged_rows,
        job.failed_rows,
        job.end_time,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// The job of an upload.
pub async fn of_upload(conn: &mut PgConnection, tenant_id: Uuid, upload_id: Uuid) -> Result<Option<Uuid>> {
    sqlx::query_scalar!(
        r#"SELECT id FROM import_job WHERE tenant_id = $1 AND upload_id = $2"#,
        tenant_id,
        upload_id
    )
    .fetch_optional(conn)
    .await
    .map_err(database_error)
}

/// Adds a piece of the file and counts its bytes, as long as the upload is the job's; whether it is.
pub async fn add_chunk(
    conn: &mut PgConnection,
    (tenant_id, job_id, upload_id): (Uuid, Uuid, Uuid),
    seq: i32,
    data: &[u8],
    now: DateTime<Utc>,
) -> Result<bool> {
    let done = sqlx::query!(
        r#"
        WITH held AS (
            UPDATE import_job SET uploaded_bytes = uploaded_bytes + length($5::bytea), update_time = $6
            WHERE tenant_id = $1 AND id = $2 AND upload_id = $3 AND state = 1
            RETURNING id
        )
        INSERT INTO import_file_chunk (tenant_id, job_id, seq, data) SELECT $1, id, $4, $5 FROM held
        "#,
        tenant_id,
        job_id,
        upload_id,
        seq,
        data,
        now,
    )
    .execute(conn)
    .await
    .map_err(database_error)?;
    Ok(done.rows_affected() == 1)
}

/// A piece of the file.
pub async fn chunk(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    job_id: Uuid,
    seq: i32,
) -> Result<Option<Vec<u8>>> {
    sqlx::query_scalar!(
        r#"SELECT data FROM import_file_chunk WHERE tenant_id = $1 AND job_id = $2 AND seq = $3"#,
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
    sqlx::query!(r#"DELETE FROM import_file_chunk WHERE tenant_id = $1 AND job_id = $2"#, tenant_id, job_id)
        .execute(conn)
        .await
        .map(drop)
        .map_err(database_error)
}
