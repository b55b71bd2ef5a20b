//! Work outside requests: enqueued in the transaction that wants it, claimed with a lease by any process of the service, done at least once.
//!
//! A job row says only which tenant and record the work is for; what to do stands in the service's own table under row-level security. A worker
//! that dies lets its lease run out, and another one goes on; so work is written to be resumed.
//!
//! Not here: a job's progress and result, which are a resource of the service.

use std::{panic::AssertUnwindSafe, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use crm_kit_api::{Error, Result, clock::Clock};
use futures::{FutureExt as _, future::BoxFuture};
use sqlx::PgConnection;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use crate::db::{Db, database_error};

/// How long a claim holds unless it is renewed.
const LEASE: TimeDelta = TimeDelta::seconds(30);
/// How often a claim is renewed.
const RENEWAL: Duration = Duration::from_secs(10);
/// How often a worker looks for jobs that no commit of its own process announced.
const POLL: Duration = Duration::from_secs(1);

/// A claimed job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Tenant the work is for.
    pub tenant_id: Uuid,
    /// The record that describes the work; one job of a kind for each record.
    pub id: Uuid,
    /// How often the job was claimed since it was last asked for, or last put off without an error; this time included.
    pub attempts: i32,
    /// Which of all its claims this one is. Only the last one settles the job.
    pub claim: i64,
}

/// What to do with a job after its work returned.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The work is done; the job goes away.
    Done,
    /// The work goes on at this instant. It is no failure: attempts are counted anew.
    Again(DateTime<Utc>),
}

/// Asks for work on the record `id`; a second call before it is done only moves it forward.
pub async fn enqueue(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    id: Uuid,
    kind: &str,
    run_after: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        r#"
        INSERT INTO job (tenant_id, id, kind, run_after) VALUES ($1, $2, $3, $4)
        ON CONFLICT ON CONSTRAINT job_pkey DO UPDATE SET run_after = LEAST(job.run_after, excluded.run_after), attempts = 0
        "#,
        tenant_id,
        id,
        kind,
        run_after,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// Asks for work on the record `id` unless that is asked for already, so that what waits for it is never left waiting.
pub async fn ensure(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    id: Uuid,
    kind: &str,
    run_after: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        r#"INSERT INTO job (tenant_id, id, kind, run_after) VALUES ($1, $2, $3, $4) ON CONFLICT ON CONSTRAINT job_pkey DO NOTHING"#,
        tenant_id,
        id,
        kind,
        run_after,
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// Claims one due job of `kind`, oldest first. Two workers never hold the same job, and none waits for another: rows that somebody is about to change are
/// passed over and found by the next look.
async fn claim(conn: &mut PgConnection, kind: &str, now: DateTime<Utc>) -> Result<Option<Job>> {
    sqlx::query_as!(
        Job,
        r#"
        WITH due AS MATERIALIZED (
            SELECT d.tenant_id, d.id FROM job d
            WHERE d.kind = $1 AND d.run_after <= $2 AND (d.lease_until IS NULL OR d.lease_until < $2)
            ORDER BY d.run_after LIMIT 1
            FOR UPDATE SKIP LOCKED
        )
        UPDATE job AS j SET lease_until = $3, attempts = j.attempts + 1, claim = j.claim + 1
        FROM due
        WHERE j.tenant_id = due.tenant_id AND j.id = due.id AND j.kind = $1
        RETURNING j.tenant_id, j.id, j.attempts, j.claim
        "#,
        kind,
        now,
        now + LEASE,
    )
    .fetch_optional(conn)
    .await
    .map_err(database_error)
}

/// Holds a claim for another lease; whether it is still the last one.
async fn renew(conn: &mut PgConnection, kind: &str, job: &Job, now: DateTime<Utc>) -> Result<bool> {
    let renewed = sqlx::query!(
        r#"UPDATE job SET lease_until = $5 WHERE tenant_id = $1 AND id = $2 AND kind = $3 AND claim = $4"#,
        job.tenant_id,
        job.id,
        kind,
        job.claim,
        now + LEASE
    )
    .execute(conn)
    .await
    .map_err(database_error)?;
    Ok(renewed.rows_affected() > 0)
}

/// How a claim ends.
enum End<'e> {
    Done,
    /// The work goes on at this instant, and what failed before is forgotten.
    Again(DateTime<Utc>),
    /// The work failed, and is tried again at this instant.
    Failed(DateTime<Utc>, &'e str),
}

/// Ends a claim; does nothing when somebody claimed the job after it. A job that was asked for again meanwhile, which reset its `attempts`, stays and is
/// due as it was asked for. The second statement has a snapshot of its own: an asking that was committed while the first one waited for the row is seen.
async fn settle(conn: &mut PgConnection, kind: &str, job: &Job, end: End<'_>) -> Result<()> {
    let (tenant_id, id, claim) = (job.tenant_id, job.id, job.claim);
    let (at, attempts, error) = match end {
        End::Done => (None, 0, ""),
        End::Again(at) => (Some(at), 0, ""),
        End::Failed(at, error) => (Some(at), job.attempts, error),
    };
    let settled = match at {
        None => {
            sqlx::query!(
                r#"DELETE FROM job WHERE tenant_id = $1 AND id = $2 AND kind = $3 AND claim = $4 AND attempts > 0"#,
                tenant_id,
                id,
                kind,
                claim
            )
            .execute(&mut *conn)
            .await
        }
        Some(at) => {
            sqlx::query!(
                r#"
                UPDATE job SET lease_until = NULL, run_after = $5, attempts = $6, last_error = $7
                WHERE tenant_id = $1 AND id = $2 AND kind = $3 AND claim = $4 AND attempts > 0
                "#,
                tenant_id,
                id,
                kind,
                claim,
                at,
                attempts,
                error,
            )
            .execute(&mut *conn)
            .await
        }
    };
    if settled.map_err(database_error)?.rows_affected() > 0 {
        return Ok(());
    }
    sqlx::query!(
        r#"
        UPDATE job SET lease_until = NULL
        WHERE tenant_id = $1 AND id = $2 AND kind = $3 AND claim = $4 AND attempts = 0
        "#,
        tenant_id,
        id,
        kind,
        claim
    )
    .execute(conn)
    .await
    .map(drop)
    .map_err(database_error)
}

/// A worker for one kind of job.
#[derive(Clone, Debug)]
pub struct Worker {
    db: Db,
    clock: Clock,
    kind: &'static str,
}

impl Worker {
    /// A worker for jobs of `kind`.
    pub fn new(db: Db, clock: Clock, kind: &'static str) -> Self {
        Self { db, clock, kind }
    }

    /// Runs jobs one after another until `shutdown`; start several for several at once. A job that fails is tried again after a wait that
    /// doubles, at most an hour.
    pub fn spawn<F>(self, tasks: &TaskTracker, shutdown: CancellationToken, work: F)
    where
        F: for<'j> Fn(&'j Job) -> BoxFuture<'j, Result<Verdict>> + Send + Sync + 'static,
    {
        tasks.spawn(async move {
            let mut committed = self.db.committed();
            while !shutdown.is_cancelled() {
                match self.run_one(&work).await {
                    Ok(true) => continue,
                    Ok(false) => {}
                    Err(error) => tracing::warn!(kind = self.kind, %error, "jobs cannot be claimed"),
                }
                tokio::select! {
                    () = shutdown.cancelled() => {}
                    _ = committed.changed() => {}
                    () = tokio::time::sleep(POLL) => {}
                }
            }
        });
    }

    /// Runs one due job; whether there was one.
    pub async fn run_one<F>(&self, work: &F) -> Result<bool>
    where
        F: for<'j> Fn(&'j Job) -> BoxFuture<'j, Result<Verdict>> + Send + Sync,
    {
        let claimed = claim(&mut *self.db.system().await?, self.kind, self.clock.now()).await?;
        let Some(job) = claimed else { return Ok(false) };
        // A panic of one job must not end the worker.
        let work = AssertUnwindSafe(work(&job)).catch_unwind();
        let work = async { work.await.unwrap_or_else(|_| Err(Error::bug("a job panicked"))) };
        let Some(outcome) = self.hold(&job, work).await else {
            tracing::warn!(kind = self.kind, job = %job.id, "a job's lease ran out and another worker has it");
            return Ok(true);
        };
        let end = match &outcome {
            Ok(Verdict::Done) => End::Done,
            Ok(Verdict::Again(at)) => End::Again(*at),
            Err(error) => {
                tracing::warn!(kind = self.kind, job = %job.id, attempts = job.attempts, ?error, "job failed");
                End::Failed(self.clock.now() + backoff(job.attempts), error.message())
            }
        };
        let mut conn = self.db.system().await?;
        settle(&mut conn, self.kind, &job, end).await?;
        Ok(true)
    }

    /// Renews the lease while the work runs. `None` when the job was claimed by another worker meanwhile; the work is then given up.
    async fn hold(&self, job: &Job, work: impl Future<Output = Result<Verdict>>) -> Option<Result<Verdict>> {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                outcome = &mut work => return Some(outcome),
                () = tokio::time::sleep(RENEWAL) => {}
            }
            match self.renew(job).await {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
    }

    async fn renew(&self, job: &Job) -> Result<bool> {
        renew(&mut *self.db.system().await?, self.kind, job, self.clock.now()).await
    }
}

fn backoff(attempts: i32) -> TimeDelta {
    let doublings = u32::try_from(attempts.clamp(1, 12) - 1).unwrap_or(0);
    TimeDelta::seconds(1_i64 << doublings).min(TimeDelta::hours(1))
}
