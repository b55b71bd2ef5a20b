//! Tells superiors of tasks that stay undone.
//!
//! One job for each tenant, due when the next superior is to be told: every write of tasks moves it forward, and it puts itself off to what remains. It
//! works in batches, each a transaction that marks the tasks (`escalate_time`, `escalated_to_id`) and tells so by their `TaskUpdated` events; what is
//! marked is not due any more. So it may die at any point and run twice: a task is told of once.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use crm_kit_api::{Call, Result, clock::Clock, filter::Moment};
use crm_kit_pg::{
    Tx,
    jobs::{Job, Verdict, Worker},
    people,
};
use crm_kit_record::{
    custom_field::{
        Fields,
        refresh::{self, server_call},
    },
    life::{self, Revision},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use super::{Task, Tasks, store};

/// Kind of the job.
pub const JOB: &str = "task_escalation";

/// Tasks in one transaction.
const BATCH: i64 = 200;

/// The id of the job of a tenant; the tenant's own id belongs to nobody in particular.
pub fn job_id(tenant_id: Uuid) -> Uuid {
    Uuid::from_u128(tenant_id.as_u128() ^ 0x7461_736b_5f65_7363_616c_6174_696f_6e00)
}

impl Tasks {
    /// Starts the worker.
    pub fn spawn(&self, clock: &Clock, tasks: &TaskTracker, shutdown: &CancellationToken) {
        let (me, clock) = (self.clone(), clock.clone());
        Worker::new(self.db.clone(), clock.clone(), JOB).spawn(tasks, shutdown.clone(), move |job| {
            let (me, now) = (me.clone(), clock.now());
            Box::pin(async move { me.escalate(job, now).await })
        });
    }

    /// Tells the superiors of one tenant who are to be told by `now`.
    pub async fn escalate(&self, job: &Job, now: DateTime<Utc>) -> Result<Verdict> {
        let call = &server_call(job.tenant_id, now, "job/task_escalation");
        let fields = &self.fields(call).await?;
        let next = self
            .db
            .write_rows(call, "escalate", move |tx| {
                Box::pin(async move {
                    tell(tx, call, fields).await?;
                    let tenant = tx.tenant_id();
                    store::next_escalation(tx.conn(), tenant).await
                })
            })
            .await?;
        // What somebody held is due still; it is looked at again after a moment.
        Ok(next.map_or(Verdict::Done, |next| Verdict::Again(next.max(now + TimeDelta::seconds(1)))))
    }
}

async fn tell(tx: &mut Tx<'_>, call: &Call, fields: &Fields) -> Result<()> {
    let tenant = tx.tenant_id();
    let due = store::lock_overdue(tx.conn(), tenant, call.now, BATCH).await?;
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
        refresh::evaluate(fields, &mut task, Moment::from(call.now));
        Revision::new(fields, was, task)
    });
    life::write(tx, call, fields, revisions.collect()).await.map(drop)
}
