//! All SQL of hand-overs.

use crm_kit_api::{Error, Result};
use crm_kit_pg::{constraint, db::database_error};
use sqlx::{PgConnection, types::Json};
use tonic::Code;
use uuid::Uuid;

use super::model::HandOver;
use crate::DOMAIN;

/// A hand-over; of `creator` only, when one is given.
pub async fn get(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    id: Uuid,
    creator: Option<Uuid>,
) -> Result<Option<HandOver>> {
    sqlx::query_as!(
        HandOver,
        r#"
        SELECT tenant_id, id, create_time, update_time, end_time, creator_id, rights AS "rights: _", from_user_id, rules AS "rules: _", reason,
               state AS "state: _", counts AS "counts: _", rule_index, after_id, turn, failure, refused_records,
               refusals AS "refusals: _"
        FROM hand_over
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
) -> Result<Option<HandOver>> {
    sqlx::query_as!(
        HandOver,
        r#"
        SELECT tenant_id, id, create_time, update_time, end_time, creator_id, rights AS "rights: _", from_user_id, rules AS "rules: _", reason,
               state AS "state: _", counts AS "counts: _", rule_index, after_id, turn, failure, refused_records,
               refusals AS "refusals: _"
        FROM hand_over
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

/// Hand-overs with ids before `before`, newest first; of `creator` only, when one is given.
pub async fn list(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    creator: Option<Uuid>,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<HandOver>> {
    sqlx::query_as!(
        HandOver,
        r#"
        SELECT tenant_id, id, create_time, update_time, end_time, creator_id, rights AS "rights: _", from_user_id, rules AS "rules: _", reason,
               state AS "state: _", counts AS "counts: _", rule_index, after_id, turn, failure, refused_records,
               refusals AS "refusals: _"
        FROM hand_over
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

/// Inserts a hand-over that waits for its worker.
pub async fn insert(conn: &mut PgConnection, job: &HandOver) -> Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO hand_over (tenant_id, id, create_time, update_time, creator_id, rights, from_user_id, rules, reason, state, counts,
                               rule_index, turn, failure)
        VALUES ($1, $2, $3, $3, $4, $5, $6, $7, $8, $9, '[]', 0, 0, '')
        "#,
        job.tenant_id,
        job.id,
        job.create_time,
        job.creator_id,
        Json(&*job.rights) as _,
        job.from_user_id,
        Json(&*job.rules) as _,
        job.reason,
        job.state as _,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(|error| constraint::map(error, |name| reason(name, job)))
}

/// Writes what can change of a hand-over over its row, which the transaction holds.
pub async fn save(conn: &mut PgConnection, job: &HandOver) -> Result<()> {
    sqlx::query!(
        r#"
        UPDATE hand_over
        SET update_time = $3, end_time = $4, state = $5, counts = $6, rule_index = $7, after_id = $8, turn = $9, failure = $10,
            refused_records = $11, refusals = $12
        WHERE tenant_id = $1 AND id = $2
        "#,
        job.tenant_id,
        job.id,
        job.update_time,
        job.end_time,
        job.state as _,
        Json(&*job.counts) as _,
        job.rule_index,
        job.after_id,
        job.turn,
        job.failure,
        job.refused_records,
        Json(&*job.refusals) as _,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

fn reason(constraint: &str, job: &HandOver) -> Option<Error> {
    (constraint == "hand_over_running_key").then(|| {
        let message = "another hand-over of the user's records runs";
        Error::new(Code::FailedPrecondition, DOMAIN, "HAND_OVER_RUNNING", message)
            .with("from_user_id", job.from_user_id)
    })
}
