//! What is kept for a time only goes away: events after 30 days, idempotent answers after 72 hours, ids of followed
//! events after 35 days.
//!
//! Every process of a service does it, a few rows at a time; several at once do no harm.
//!
//! Not here: what a service itself keeps for a time.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use crm_kit_api::{Result, clock::Clock};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::db::{Db, database_error};

/// How long events can be replayed.
const EVENTS_KEPT: TimeDelta = TimeDelta::days(30);
/// How long ids of followed events are remembered: longer than any source can send the event again.
const INBOX_KEPT: TimeDelta = TimeDelta::days(35);
/// How long answers are kept for retries.
const ANSWERS_KEPT: TimeDelta = TimeDelta::hours(72);
/// Rows of each kind in one statement.
const BATCH: i64 = 1000;
/// How often to look.
const EVERY: Duration = Duration::from_mins(10);

/// Starts the housekeeping; it ends with `shutdown`.
pub fn spawn(tasks: &TaskTracker, shutdown: CancellationToken, db: Db, clock: Clock) {
    tasks.spawn(async move {
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(EVERY) => {}
            }
            match run(&db, clock.now()).await {
                Ok(0) => {}
                Ok(rows) => tracing::info!(rows, "housekeeping dropped rows that were kept long enough"),
                Err(error) => tracing::warn!(?error, "housekeeping failed; the next round tries again"),
            }
        }
    });
}

/// Drops everything that was kept long enough at `now`; returns how many rows.
pub async fn run(db: &Db, now: DateTime<Utc>) -> Result<i64> {
    let mut conn = db.system().await?;
    let mut dropped = 0;
    loop {
        let rows = sqlx::query_scalar!(
            r#"SELECT kit_housekeeping($1, $2, $3) AS "rows!""#,
            now - EVENTS_KEPT,
            now - ANSWERS_KEPT,
            BATCH
        )
        .fetch_one(&mut *conn)
        .await
        .map_err(database_error)?;
        dropped += rows;
        if rows < BATCH {
            break;
        }
    }
    loop {
        let rows = sqlx::query_scalar!(
            r#"SELECT kit_housekeeping_inbox($1, $2) AS "rows!""#,
            now - INBOX_KEPT,
            BATCH
        )
        .fetch_one(&mut *conn)
        .await
        .map_err(database_error)?;
        dropped += rows;
        if rows < BATCH {
            return Ok(dropped);
        }
    }
}
