//! All SQL of submissions.

use crm_kit_api::{Call, Result};
use crm_kit_pg::{Tx, db::database_error, jobs};
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::{
    carry::JOB,
    model::{Decision, Object, Stage, Submission, Submitted},
};

/// Asks for approval of an object in the transaction that writes it. The platform is asked after the commit.
pub async fn ask(tx: &mut Tx<'_>, call: &Call, object: &Object) -> Result<()> {
    let (tenant, id) = (tx.tenant_id(), call.new_id());
    let values = object.values.iter().filter(|(_, value)| !value.is_empty());
    let submitted = Submitted {
        values: values.map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
        tenant: call.access.tenant.clone(),
    };
    sqlx::query!(
        r#"
        INSERT INTO approval_submission (tenant_id, id, create_time, object_type, object_id, object_revision, display_name, comment,
                                         submitter_id, submitted, state, tried, decision, decision_comment)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, false, 0, '')
        "#,
        tenant,
        id,
        call.now,
        object.object_type,
        object.object_id,
        object.object_revision,
        object.display_name,
        object.comment,
        call.caller_id(),
        Json(submitted) as _,
        Stage::Wanted.stored(),
    )
    .execute(tx.conn())
    .await
    .map_err(database_error)?;
    jobs::enqueue(tx.conn(), tenant, id, JOB, call.now).await
}

/// Takes an object's submission back in the transaction that writes the object. The platform is told after the commit, when it was asked.
pub async fn take_back(
    tx: &mut Tx<'_>,
    call: &Call,
    object_type: &str,
    (object_id, object_revision): (Uuid, i64),
) -> Result<()> {
    let tenant = tx.tenant_id();
    let taken = sqlx::query_scalar!(
        r#"
        UPDATE approval_submission SET state = CASE WHEN tried THEN $5 ELSE $6 END
        WHERE tenant_id = $1 AND object_type = $2 AND object_id = $3 AND object_revision = $4 AND state <> $6
        RETURNING id
        "#,
        tenant,
        object_type,
        object_id,
        object_revision,
        Stage::TakenBack.stored(),
        Stage::Settled.stored(),
    )
    .fetch_optional(tx.conn())
    .await
    .map_err(database_error)?;
    match taken {
        Some(id) => jobs::enqueue(tx.conn(), tenant, id, JOB, call.now).await,
        None => Ok(()),
    }
}

/// What came of an object's submission, for the transaction that changes the object: the request that runs, or the decision, which is taken and not
/// seen again. `None` when another transaction had it, or it was taken back. The object is held before.
pub async fn claim(
    tx: &mut Tx<'_>,
    object_type: &str,
    (object_id, object_revision): (Uuid, i64),
) -> Result<Option<Decision>> {
    let tenant = tx.tenant_id();
    let claimed = sqlx::query_as!(
        Submission,
        r#"
        UPDATE approval_submission SET state = CASE WHEN state = $6 THEN $5 ELSE state END
        WHERE tenant_id = $1 AND object_type = $2 AND object_id = $3 AND object_revision = $4 AND state IN ($6, $7)
        RETURNING tenant_id, id, object_type, object_id, object_revision, display_name, comment, submitter_id,
                  submitted AS "submitted: _", state, tried, request_id, decision, decision_comment
        "#,
        tenant,
        object_type,
        object_id,
        object_revision,
        Stage::Settled.stored(),
        Stage::Decided.stored(),
        Stage::Carried.stored(),
    )
    .fetch_optional(tx.conn())
    .await
    .map_err(database_error)?;
    Ok(claimed.map(|submission| submission.decision()))
}

/// A submission, held.
pub async fn lock(conn: &mut PgConnection, tenant_id: Uuid, id: Uuid) -> Result<Option<Submission>> {
    sqlx::query_as!(
        Submission,
        r#"
        SELECT tenant_id, id, object_type, object_id, object_revision, display_name, comment, submitter_id,
               submitted AS "submitted: _", state, tried, request_id, decision, decision_comment
        FROM approval_submission
        WHERE tenant_id = $1 AND id = $2
        FOR NO KEY UPDATE
        "#,
        tenant_id,
        id,
    )
    .fetch_optional(conn)
    .await
    .map_err(database_error)
}

/// The submission of an object's revision, held.
pub async fn lock_of(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    object_type: &str,
    (object_id, object_revision): (Uuid, i64),
) -> Result<Option<Submission>> {
    sqlx::query_as!(
        Submission,
        r#"
        SELECT tenant_id, id, object_type, object_id, object_revision, display_name, comment, submitter_id,
               submitted AS "submitted: _", state, tried, request_id, decision, decision_comment
        FROM approval_submission
        WHERE tenant_id = $1 AND object_type = $2 AND object_id = $3 AND object_revision = $4
        FOR NO KEY UPDATE
        "#,
        tenant_id,
        object_type,
        object_id,
        object_revision,
    )
    .fetch_optional(conn)
    .await
    .map_err(database_error)
}

/// Writes how far a submission is, over the row that the transaction holds.
pub async fn save(conn: &mut PgConnection, submission: &Submission) -> Result<()> {
    sqlx::query!(
        r#"
        UPDATE approval_submission SET state = $3, tried = $4, request_id = $5, decision = $6, decision_comment = $7
        WHERE tenant_id = $1 AND id = $2
        "#,
        submission.tenant_id,
        submission.id,
        submission.state,
        submission.tried,
        submission.request_id,
        submission.decision,
        submission.decision_comment,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}
