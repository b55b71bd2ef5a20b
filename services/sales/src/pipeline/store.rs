//! All SQL of pipelines.

use crm_kit_api::{Error, Result};
use crm_kit_pg::{constraint, db::database_error};
use sqlx::{PgConnection, types::Json};
use tonic::Code;
use uuid::Uuid;

use super::model::Pipeline;
use crate::DOMAIN;

/// Every pipeline of a tenant, oldest first.
pub async fn all(conn: &mut PgConnection, tenant_id: Uuid) -> Result<Vec<Pipeline>> {
    sqlx::query_as!(
        Pipeline,
        r#"
        SELECT tenant_id, id, create_time, update_time, revision, display_name, is_default, retired, stages AS "stages: _"
        FROM pipeline
        WHERE tenant_id = $1
        ORDER BY id
        "#,
        tenant_id,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// As [`all`], and holds the rows, so that changes of a tenant's pipelines, which share one default, follow one another.
pub async fn lock_all(conn: &mut PgConnection, tenant_id: Uuid) -> Result<Vec<Pipeline>> {
    sqlx::query!(r#"SELECT id FROM pipeline WHERE tenant_id = $1 ORDER BY id FOR NO KEY UPDATE"#, tenant_id)
        .fetch_all(&mut *conn)
        .await
        .map_err(database_error)?;
    // Read after the wait, to see what the one before wrote.
    all(conn, tenant_id).await
}

/// The pipeline with an id.
pub async fn get(conn: &mut PgConnection, tenant_id: Uuid, id: Uuid) -> Result<Option<Pipeline>> {
    sqlx::query_as!(
        Pipeline,
        r#"
        SELECT tenant_id, id, create_time, update_time, revision, display_name, is_default, retired, stages AS "stages: _"
        FROM pipeline
        WHERE tenant_id = $1 AND id = $2
        "#,
        tenant_id,
        id,
    )
    .fetch_optional(conn)
    .await
    .map_err(database_error)
}

/// Pipelines after an id, oldest first.
pub async fn page(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    show_retired: bool,
    after: Uuid,
    limit: i64,
) -> Result<Vec<Pipeline>> {
    sqlx::query_as!(
        Pipeline,
        r#"
        SELECT tenant_id, id, create_time, update_time, revision, display_name, is_default, retired, stages AS "stages: _"
        FROM pipeline
        WHERE tenant_id = $1 AND id > $2 AND ($3 OR NOT retired)
        ORDER BY id
        LIMIT $4
        "#,
        tenant_id,
        after,
        show_retired,
        limit,
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)
}

/// Inserts a pipeline.
pub async fn insert(conn: &mut PgConnection, pipeline: &Pipeline) -> Result<()> {
    sqlx::query!(
        r#"INSERT INTO pipeline SELECT * FROM jsonb_populate_record(NULL::pipeline, $1)"#,
        Json(pipeline) as _
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(|error| constraint::map(error, |name| name_taken(name, pipeline)))
}

/// Inserts the first pipeline of a tenant; false when somebody else was faster.
pub async fn insert_first(conn: &mut PgConnection, pipeline: &Pipeline) -> Result<bool> {
    let done = sqlx::query!(
        r#"INSERT INTO pipeline SELECT * FROM jsonb_populate_record(NULL::pipeline, $1) ON CONFLICT DO NOTHING"#,
        Json(pipeline) as _
    )
    .execute(conn)
    .await
    .map_err(database_error)?;
    Ok(done.rows_affected() == 1)
}

/// Writes a pipeline over its row, which the transaction holds.
pub async fn update(conn: &mut PgConnection, pipeline: &Pipeline) -> Result<()> {
    let done = sqlx::query!(
        r#"
        UPDATE pipeline AS p SET (update_time, revision, display_name, is_default, retired, stages)
            = ROW (n.update_time, n.revision, n.display_name, n.is_default, n.retired, n.stages)
        FROM jsonb_populate_record(NULL::pipeline, $1) AS n
        WHERE p.tenant_id = n.tenant_id AND p.id = n.id AND p.revision = n.revision - 1
        "#,
        Json(pipeline) as _
    )
    .execute(conn)
    .await
    .map_err(|error| constraint::map(error, |name| name_taken(name, pipeline)))?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(Error::concurrent_change()) }
}

fn name_taken(constraint: &str, pipeline: &Pipeline) -> Option<Error> {
    (constraint == "pipeline_display_name_key").then(|| {
        let message = "another pipeline has the name";
        Error::new(Code::AlreadyExists, DOMAIN, "PIPELINE_NAME_TAKEN", message)
            .with("display_name", &pipeline.display_name)
    })
}
