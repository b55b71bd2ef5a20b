//! Moves deals page by page, and tells the customer service when all are.

use std::sync::Arc;

use crm_kit_api::{Call, Result, call::TenantSettings, clock::Clock, filter::Moment};
use crm_kit_pg::{
    Db, Tx,
    jobs::{Job, Verdict, Worker},
};
use crm_kit_record::{
    Record as _, Slice,
    custom_field::{
        Fields,
        refresh::{self, server_call},
    },
    life::{self, Revision},
    revert::{self, Patch},
};
use crm_kit_rpc::peer::{Errand, Peers, failure};
use crm_proto::crm::customer::v1::{AcknowledgeMergeRequest, merge_service_client::MergeServiceClient};
use sqlx::types::Json;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::Code;
use uuid::Uuid;

use super::{
    JOB_KIND,
    model::{Change, Relink, TOGETHER},
    store,
};
use crate::opportunity::Opportunity;

/// Deals in one transaction.
const PAGE: i64 = 200;

/// Moves deals. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Relinks {
    /// The service's database.
    pub db: Db,
    /// Tells the time.
    pub clock: Clock,
    /// Deals.
    pub slice: Slice<Opportunity>,
    /// The other services.
    pub peers: Peers,
    /// Cancelled when the process ends.
    pub shutdown: CancellationToken,
}

/// What a page left.
enum Step {
    /// There may be more.
    More,
    /// Nothing more of the merge, or of its undoing.
    Done { undone: bool },
    /// No such relink.
    Unknown,
}

impl Relinks {
    /// Starts moving; it ends with the process.
    pub fn spawn(&self, tasks: &TaskTracker) {
        let relinks = Arc::new(self.clone());
        Worker::new(self.db.clone(), self.clock.clone(), JOB_KIND).spawn(
            tasks,
            self.shutdown.clone(),
            move |job| {
                let (relinks, job) = (Arc::clone(&relinks), job.clone());
                Box::pin(async move { relinks.run(&job).await })
            },
        );
    }

    /// Moves what a job is for.
    pub async fn run(&self, job: &Job) -> Result<Verdict> {
        let call = &server_call(job.tenant_id, self.clock.now(), "job/relink");
        let (fields, id) = (&self.slice.fields(call).await?, job.id);
        loop {
            if self.shutdown.is_cancelled() {
                return Ok(Verdict::Again(self.clock.now()));
            }
            let step = self
                .db
                .write_rows(call, "relink", move |tx| {
                    Box::pin(async move { page(tx, call, fields, id).await })
                })
                .await?;
            match step {
                Step::More => {}
                Step::Unknown => return Ok(Verdict::Done),
                Step::Done { undone } => {
                    self.acknowledge(job, undone).await?;
                    return Ok(Verdict::Done);
                }
            }
        }
    }

    /// Tells the customer service. A merge that it does not know any more needs nothing.
    async fn acknowledge(&self, job: &Job, undone: bool) -> Result<()> {
        let errand = Errand::in_tenant(job.tenant_id, TenantSettings::default(), "relink");
        let mut merges = MergeServiceClient::new(self.peers.on("customer", errand)?);
        let request = AcknowledgeMergeRequest { id: job.id.to_string(), undone };
        match merges.acknowledge_merge(request).await {
            Ok(_) => Ok(()),
            Err(status) if status.code() == Code::NotFound => Ok(()),
            Err(status) => Err(failure("the customer service", status)),
        }
    }
}

async fn page(tx: &mut Tx<'_>, call: &Call, fields: &Fields, id: Uuid) -> Result<Step> {
    let tenant = tx.tenant_id();
    let Some(relink) = store::lock(tx.conn(), tenant, id).await? else { return Ok(Step::Unknown) };
    let moved = if relink.undone {
        back(tx, call, fields, &relink).await?
    } else {
        forth(tx, call, fields, &relink).await?
    };
    Ok(if moved { Step::More } else { Step::Done { undone: relink.undone } })
}

/// Lets a page of deals follow; whether there was any.
async fn forth(tx: &mut Tx<'_>, call: &Call, fields: &Fields, relink: &Relink) -> Result<bool> {
    let ids = store::referring(tx.conn(), relink, PAGE).await?;
    if ids.is_empty() {
        return Ok(false);
    }
    let (mut revisions, mut changes) = (Vec::new(), Vec::new());
    for was in Opportunity::lock(tx.conn(), relink.tenant_id, &ids, None).await? {
        let mut deal = was.clone();
        relink.apply(&mut deal);
        refresh::evaluate(fields, &mut deal, Moment::from(call.now));
        let patch = Patch::between(&revert::document(&was)?, &revert::document(&deal)?);
        changes.push(Change { opportunity_id: was.id, patch: Json(patch) });
        revisions.push(Revision::new(fields, was, deal));
    }
    life::write(tx, call, fields, revisions).await?;
    store::note(tx.conn(), relink, &changes).await?;
    Ok(true)
}

/// Takes back what was changed of a page of deals; whether there was any. What was changed since stays.
async fn back(tx: &mut Tx<'_>, call: &Call, fields: &Fields, relink: &Relink) -> Result<bool> {
    let changes = store::noted(tx.conn(), relink, PAGE).await?;
    let ids: Vec<Uuid> = changes.iter().map(|change| change.opportunity_id).collect();
    if ids.is_empty() {
        return Ok(false);
    }
    let mut revisions = Vec::new();
    for was in Opportunity::lock(tx.conn(), relink.tenant_id, &ids, None).await? {
        let Some(change) = changes.iter().find(|change| change.opportunity_id == was.id) else { continue };
        let mut document = revert::document(&was)?;
        change.patch.take_back(&mut document, TOGETHER);
        let mut deal: Opportunity = revert::record(document)?;
        refresh::evaluate(fields, &mut deal, Moment::from(call.now));
        revisions.push(Revision::new(fields, was, deal));
    }
    life::write(tx, call, fields, revisions).await?;
    store::forget(tx.conn(), relink, &ids).await?;
    Ok(true)
}
