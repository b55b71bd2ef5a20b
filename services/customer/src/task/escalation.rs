//! Tells superiors of tasks that stay undone.
//!
//! A walk over the tenants that have something due, every few seconds and in each process; writing tasks costs nothing for it. A tenant's tasks go in
//! batches, each a transaction that marks them (`escalate_time`, `escalated_to_id`) and tells so by their `TaskUpdated` events; what is marked is not due
//! any more, and what another walk or a call holds is passed over. So it may die at any point and run twice: a task is told of once.

use std::{collections::HashMap, time::Duration};

use chrono::{DateTime, Utc};
use crm_kit_api::{Call, Result, clock::Clock};
use crm_kit_pg::{Tx, people};
use crm_kit_record::{
    custom_field::{Fields, refresh::server_call},
    life::{self, Revision},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use super::{Task, Tasks, store};

/// How often the walk goes.
const EVERY: Duration = Duration::from_secs(5);
/// Tasks in one transaction.
const BATCH: usize = 200;
/// Tenants that are looked up at once.
const TENANTS: i64 = 200;

impl Tasks {
    /// Starts the walks, which end with `shutdown`.
    pub fn spawn(&self, clock: Clock, tasks: &TaskTracker, shutdown: CancellationToken) {
        let me = self.clone();
        tasks.spawn(async move {
            loop {
                if let Err(error) = me.escalate(clock.now(), &shutdown).await {
                    tracing::warn!(
                        ?error,
                        "superiors were not told of overdue tasks; the next walk tries again"
                    );
                }
                tokio::select! {
                    () = shutdown.cancelled() => return,
                    () = tokio::time::sleep(EVERY) => {}
                }
            }
        });
    }

    /// Tells the superiors of all tenants who are to be told by `now`; returns of how many tasks. A tenant whose tasks cannot be written holds up no other.
    pub async fn escalate(&self, now: DateTime<Utc>, shutdown: &CancellationToken) -> Result<usize> {
        let (mut after, mut told) = (Uuid::nil(), 0);
        loop {
            let due = store::escalation_due(&mut *self.db.system().await?, now, after, TENANTS).await?;
            let Some(last) = due.last() else { return Ok(told) };
            after = *last;
            for tenant_id in due {
                if shutdown.is_cancelled() {
                    return Ok(told);
                }
                match self.escalate_of(tenant_id, now).await {
                    Ok(tasks) => told += tasks,
                    Err(error) => tracing::warn!(tenant = %tenant_id, ?error, "superiors were not told"),
                }
            }
        }
    }

    async fn escalate_of(&self, tenant_id: Uuid, now: DateTime<Utc>) -> Result<usize> {
        let call = &server_call(tenant_id, now, "job/task_escalation");
        let fields = &self.fields(call).await?;
        let mut told = 0;
        loop {
            let batch = self.db.write_rows(call, "escalate", move |tx| Box::pin(tell(tx, call, fields)));
            let batch = batch.await?;
            told += batch;
            if batch < BATCH {
                return Ok(told);
            }
        }
    }
}

/// Tells of a batch of tasks; returns how many they are.
async fn tell(tx: &mut Tx<'_>, call: &Call, fields: &Fields) -> Result<usize> {
    let tenant = tx.tenant_id();
    let limit = i64::try_from(BATCH).unwrap_or(i64::MAX);
    let due = store::lock_overdue(tx.conn(), tenant, call.now, limit).await?;
    if due.is_empty() {
        return Ok(0);
    }
    let assignees: Vec<Uuid> = due.iter().map(|task| task.owner_id).collect();
    let known = people::colleagues(tx.conn(), tenant, &assignees).await?;
    let superiors: HashMap<Uuid, Uuid> =
        known.into_iter().filter_map(|known| Some((known.id, known.superior_id?))).collect();
    let revisions = due.into_iter().map(|was| {
        let mut task = Task {
            escalate_time: Some(call.now),
            escalated_to_id: superiors.get(&was.owner_id).copied(),
            ..was.clone()
        };
        task.arm();
        Revision::new(fields, was, task)
    });
    Ok(life::write(tx, call, fields, revisions.collect()).await?.len())
}
