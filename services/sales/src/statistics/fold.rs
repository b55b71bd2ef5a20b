//! Folds the rows of sums together, so that adding them up stays quick and the table stays small: for pipelines that a reader met many rows of, and in walks over
//! all tenants, so that one that only writes is folded too. A statement folds a page of rows.

use std::{ops::ControlFlow, time::Duration};

use crm_kit_api::Result;
use crm_kit_pg::{Db, db::database_error};
use sqlx::PgConnection;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

/// Pipelines that can wait to be folded; one that finds no room is folded after a later look, or by a walk.
const WAITING: usize = 100;
/// A sum of so many rows more than four for each of its groups is folded.
const ROWS: i64 = 200;
/// Rows that one statement takes.
const PAGE: i64 = 5000;
/// How often all tenants are walked.
const EVERY: Duration = Duration::from_mins(1);
/// Pipelines of one walk, those with most rows first.
const PIPELINES: i64 = 1000;

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
    let mut walks = tokio::time::interval(EVERY);
    loop {
        let outcome = tokio::select! {
            () = shutdown.cancelled() => return,
            _ = walks.tick() => walk(&db, &shutdown).await,
            next = wanted.recv() => match next {
                Some((tenant_id, pipeline_id)) => run(&db, tenant_id, pipeline_id).await,
                None => return,
            },
        };
        if let Err(error) = outcome {
            tracing::warn!(?error, "sums were not folded; a later walk tries again");
        }
    }
}

/// Folds the sums of every pipeline of every tenant that has many more rows than groups; returns how many rows went.
pub async fn walk(db: &Db, shutdown: &CancellationToken) -> Result<i64> {
    let mut rows = 0;
    for (tenant_id, pipeline_id) in heavy(&mut *db.system().await?).await? {
        if shutdown.is_cancelled() {
            break;
        }
        rows += run(db, tenant_id, pipeline_id).await?;
    }
    if rows > 0 {
        tracing::debug!(rows, "sums were folded");
    }
    Ok(rows)
}

/// Folds the sums of a pipeline, page by page in the order of owners; returns how many rows went. Rows that are added meanwhile stay for later.
pub async fn run(db: &Db, tenant_id: Uuid, pipeline_id: Uuid) -> Result<i64> {
    let (mut rows, mut place) = (0, Place::default());
    loop {
        let from = &place;
        let page = db.for_tenant(tenant_id, move |tx| {
            Box::pin(async move { fold(tx.conn(), tenant_id, pipeline_id, from, PAGE).await })
        });
        let (folded, next) = page.await?;
        rows += folded;
        match next {
            ControlFlow::Continue(next) => place = next,
            ControlFlow::Break(()) => return Ok(rows),
        }
    }
}

/// Where a run goes on: after the row of an owner, up to the last row there was when it began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Place {
    owner_id: Uuid,
    seq: i64,
    last_seq: Option<i64>,
}

/// One statement takes rows away and puts in what they add up to, so that every reader sees either. Rows that another run holds are passed over.
async fn fold(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    pipeline_id: Uuid,
    from: &Place,
    page: i64,
) -> Result<(i64, ControlFlow<(), Place>)> {
    let found = sqlx::query!(
        r#"
        WITH bound AS MATERIALIZED (
            SELECT COALESCE($5, (SELECT max(seq) FROM stage_sum WHERE tenant_id = $1 AND pipeline_id = $2), 0) AS seq
        ), page AS MATERIALIZED (
            SELECT owner_id, seq FROM stage_sum
            WHERE tenant_id = $1 AND pipeline_id = $2 AND (owner_id, seq) > ($3, $4) AND seq <= (SELECT seq FROM bound)
            ORDER BY owner_id, seq
            LIMIT $6
            FOR UPDATE SKIP LOCKED
        ), gone AS (
            DELETE FROM stage_sum s USING page
            WHERE s.tenant_id = $1 AND s.pipeline_id = $2 AND s.owner_id = page.owner_id AND s.seq = page.seq
            RETURNING s.owner_id, s.stage_key, s.state, s.amount_currency, s.opportunities, s.amount, s.expected_revenue
        ), folded AS (
            INSERT INTO stage_sum (tenant_id, pipeline_id, owner_id, stage_key, state, amount_currency, opportunities, amount,
                                   expected_revenue)
            SELECT $1, $2, owner_id, stage_key, state, amount_currency, sum(opportunities), sum(amount), sum(expected_revenue)
            FROM gone
            GROUP BY owner_id, stage_key, state, amount_currency
            HAVING sum(opportunities) <> 0 OR sum(amount) <> 0 OR sum(expected_revenue) <> 0
        ), last AS (
            SELECT owner_id, seq FROM page ORDER BY owner_id DESC, seq DESC LIMIT 1
        )
        SELECT (SELECT count(*) FROM gone) AS "rows!", (SELECT count(*) FROM page) AS "seen!",
               (SELECT seq FROM bound) AS "last_seq!", (SELECT owner_id FROM last) AS owner_id, (SELECT seq FROM last) AS seq
        "#,
        tenant_id,
        pipeline_id,
        from.owner_id,
        from.seq,
        from.last_seq,
        page,
    )
    .fetch_one(conn)
    .await
    .map_err(database_error)?;
    let next = match (found.owner_id, found.seq) {
        (Some(owner_id), Some(seq)) if found.seen == page => {
            ControlFlow::Continue(Place { owner_id, seq, last_seq: Some(found.last_seq) })
        }
        _ => ControlFlow::Break(()),
    };
    Ok((found.rows, next))
}

/// Pipelines of all tenants with many more rows than groups, those with most rows first.
async fn heavy(conn: &mut PgConnection) -> Result<Vec<(Uuid, Uuid)>> {
    let rows = sqlx::query!(
        r#"SELECT tenant_id AS "tenant_id!", pipeline_id AS "pipeline_id!" FROM stage_sum_heavy($1, $2)"#,
        ROWS,
        PIPELINES
    )
    .fetch_all(conn)
    .await
    .map_err(database_error)?;
    Ok(rows.into_iter().map(|row| (row.tenant_id, row.pipeline_id)).collect())
}
