//! Folds the rows of sums together, so that adding them up stays quick.

use crm_kit_api::Result;
use crm_kit_pg::{Db, db::database_error};
use sqlx::PgConnection;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

/// Pipelines that can wait to be folded; one that finds no room is folded after a later look.
const WAITING: usize = 100;
/// A sum of so many rows more than it has groups is folded.
const ROWS: i64 = 200;

/// Asks for folding. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Folds(Sender<(Uuid, Uuid)>);

impl Folds {
    /// Starts the work in the background; it ends with `shutdown`.
    pub fn spawn(db: Db, tasks: &TaskTracker, shutdown: CancellationToken) -> Self {
        let (sender, receiver) = mpsc::channel(WAITING);
        tasks.spawn(work(db, receiver, shutdown));
        Self(sender)
    }

    /// Has the sums of a pipeline folded when they were read from many more rows than they have groups.
    pub fn look(&self, tenant_id: Uuid, pipeline_id: Uuid, (rows, groups): (i64, usize)) {
        if rows > ROWS + 4 * i64::try_from(groups).unwrap_or(0) {
            // A full queue is no loss: whoever looks next asks again.
            self.0.try_send((tenant_id, pipeline_id)).ok();
        }
    }
}

async fn work(db: Db, mut wanted: Receiver<(Uuid, Uuid)>, shutdown: CancellationToken) {
    loop {
        let next = tokio::select! {
            () = shutdown.cancelled() => return,
            next = wanted.recv() => next,
        };
        let Some((tenant_id, pipeline_id)) = next else { return };
        if let Err(error) = run(&db, tenant_id, pipeline_id).await {
            tracing::warn!(?error, %tenant_id, %pipeline_id, "sums were not folded; a later look tries again");
        }
    }
}

/// Folds the sums of a pipeline; returns how many rows went.
pub async fn run(db: &Db, tenant_id: Uuid, pipeline_id: Uuid) -> Result<i64> {
    db.for_tenant(tenant_id, move |tx| Box::pin(async move { fold(tx.conn(), tenant_id, pipeline_id).await }))
        .await
}

/// One statement takes rows away and puts in what they add up to, so that every reader sees either. Two at once take different rows: the later one
/// finds those of the first gone.
async fn fold(conn: &mut PgConnection, tenant_id: Uuid, pipeline_id: Uuid) -> Result<i64> {
    sqlx::query_scalar!(
        r#"
        WITH gone AS (
            DELETE FROM stage_sum WHERE tenant_id = $1 AND pipeline_id = $2
            RETURNING owner_id, stage_key, state, amount_currency, opportunities, amount, expected_revenue
        ), folded AS (
            INSERT INTO stage_sum (tenant_id, pipeline_id, owner_id, stage_key, state, amount_currency, opportunities, amount,
                                   expected_revenue)
            SELECT $1, $2, owner_id, stage_key, state, amount_currency, sum(opportunities), sum(amount), sum(expected_revenue)
            FROM gone
            GROUP BY owner_id, stage_key, state, amount_currency
            HAVING sum(opportunities) <> 0 OR sum(amount) <> 0 OR sum(expected_revenue) <> 0
        )
        SELECT count(*) AS "count!" FROM gone
        "#,
        tenant_id,
        pipeline_id,
    )
    .fetch_one(conn)
    .await
    .map_err(database_error)
}
