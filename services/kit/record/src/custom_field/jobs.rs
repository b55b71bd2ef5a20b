//! The workers of custom fields: roll-ups, and what a changed definition means for all records.

use chrono::TimeDelta;
use crm_kit_api::{Call, Result, clock::Clock};
use crm_kit_pg::{
    Db,
    jobs::{Job, Verdict, Worker},
};
use crm_proto::crm::record::v1::custom_field::Type;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Catalog, catalog::LIFE, model::Definition, refresh::server_call, retype, roll_up, store};
use crate::collection::Collections;

/// Kind of the job of a definition; its record is the definition.
pub const DEFINITION_JOB: &str = "custom_field";

/// What the workers work with. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Workers {
    pub db: Db,
    pub catalog: Catalog,
    pub collections: Collections,
    pub clock: Clock,
}

impl Workers {
    /// Starts the workers.
    pub fn spawn(&self, tasks: &TaskTracker, shutdown: &CancellationToken) {
        let workers = self.clone();
        self.worker(roll_up::JOB).spawn(tasks, shutdown.clone(), move |job| {
            let workers = workers.clone();
            Box::pin(async move { workers.roll_up(job).await })
        });
        let workers = self.clone();
        self.worker(DEFINITION_JOB).spawn(tasks, shutdown.clone(), move |job| {
            let workers = workers.clone();
            Box::pin(async move { workers.definition(job).await })
        });
    }

    fn worker(&self, kind: &'static str) -> Worker {
        Worker::new(self.db.clone(), self.clock.clone(), kind)
    }

    /// Brings the roll-ups of one record up to date. The job does not say of which collection it is; ids are unique, so the others find nothing.
    pub async fn roll_up(&self, job: &Job) -> Result<Verdict> {
        let call = server_call(job.tenant_id, self.clock.now(), "job/roll_up");
        for collection in self.collections.iter() {
            if self.catalog.kinds.below(collection.kind().collection).is_some() {
                collection.refresh(&call, &[job.id]).await?;
            }
        }
        Ok(Verdict::Done)
    }

    /// Puts records right after a definition changed: at once, and again when no process works with the old definition any more.
    pub async fn definition(&self, job: &Job) -> Result<Verdict> {
        let (tenant, id) = (job.tenant_id, job.id);
        let (call, kinds) = (&server_call(tenant, self.clock.now(), "job/custom_field"), &self.catalog.kinds);
        self.catalog.forget(tenant);
        let definition = self
            .db
            .for_tenant(tenant, move |tx| {
                Box::pin(async move {
                    let definition = store::get(tx.conn(), tenant, id).await?;
                    let kind = definition.as_ref().and_then(|known| kinds.get(&known.collection));
                    if let (Some(definition), Some(kind)) = (&definition, kind) {
                        retype::repair(tx, call, kind, definition).await?;
                    }
                    Ok(definition)
                })
            })
            .await?;
        let Some(definition) = definition else { return Ok(Verdict::Done) };
        self.compute_all(&definition, call).await?;
        let settled =
            definition.update_time + TimeDelta::from_std(LIFE).unwrap_or_default() + TimeDelta::seconds(1);
        Ok(if call.now >= settled { Verdict::Done } else { Verdict::Again(settled) })
    }

    /// Computes formulas and roll-ups of all records of the definition's collection.
    async fn compute_all(&self, definition: &Definition, call: &Call) -> Result<()> {
        let known = self.collections.iter().find(|known| known.kind().collection == definition.collection);
        let Some(collection) = known else { return Ok(()) };
        let fields = self.catalog.fields(call.tenant_id(), collection.kind().collection).await?;
        // Other formulas may use the field whose values were converted.
        let computes =
            [Type::Formula, Type::RollUp].into_iter().any(|kind| fields.of_kind(kind).next().is_some());
        if computes { collection.refresh_all(call).await } else { Ok(()) }
    }
}
