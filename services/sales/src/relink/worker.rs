//! Lets records follow page by page, one relink of a tenant after another, and tells the customer service when all do.

use std::sync::Arc;

use chrono::TimeDelta;
use crm_kit_api::{Call, Error, Result, call::TenantSettings, clock::Clock};
use crm_kit_pg::{
    Db, Tx,
    jobs::{self, Job, Verdict, Worker},
};
use crm_kit_record::custom_field::{Catalog, Fields, refresh::server_call};
use crm_kit_rpc::peer::{Errand, Peers, failure};
use crm_proto::crm::customer::v1::{AcknowledgeMergeRequest, merge_service_client::MergeServiceClient};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::Code;
use uuid::Uuid;

use super::{JOB_KIND, PAGE, model::Relink, mover::MOVERS, store};

/// How long one waits for others until it looks again. The one right before it wakes it.
const WAIT: TimeDelta = TimeDelta::seconds(5);

/// Lets records follow merges. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Relinks {
    /// The service's database.
    pub db: Db,
    /// Tells the time.
    pub clock: Clock,
    /// The tenants' own fields.
    pub catalog: Catalog,
    /// The other services.
    pub peers: Peers,
    /// Cancelled when the process ends.
    pub shutdown: CancellationToken,
}

/// What a page left.
enum Step {
    /// There may be more.
    More,
    /// Others changed what it was about to change.
    Wait,
    /// This one comes before it.
    Behind { first: Uuid },
    /// Nothing more of the merge, or of its undoing.
    Done { undone: bool },
    /// No such relink.
    Unknown,
}

impl Relinks {
    /// Starts following; it ends with the process.
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

    /// Does what a job is for.
    pub async fn run(&self, job: &Job) -> Result<Verdict> {
        let call = &server_call(job.tenant_id, self.clock.now(), "job/relink");
        let (fields, id) = (&self.fields(job.tenant_id).await?, job.id);
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
                Step::Wait => return Ok(Verdict::Again(self.clock.now() + WAIT)),
                Step::Behind { first } => {
                    self.ensure(job.tenant_id, first).await?;
                    return Ok(Verdict::Again(self.clock.now() + WAIT));
                }
                Step::Unknown => return Ok(Verdict::Done),
                Step::Done { undone } => {
                    self.wake_next(job.tenant_id).await?;
                    self.acknowledge(job, undone).await?;
                    return Ok(Verdict::Done);
                }
            }
        }
    }

    /// The tenant's own fields of the kinds that follow, in their order. Read before a transaction, which uses one connection only.
    async fn fields(&self, tenant_id: Uuid) -> Result<Vec<Arc<Fields>>> {
        let mut fields = Vec::with_capacity(MOVERS.len());
        for mover in MOVERS {
            fields.push(self.catalog.fields(tenant_id, mover.collection()).await?);
        }
        Ok(fields)
    }

    /// Has the next relink of a tenant begin at once. Should the process die before, it begins by itself.
    async fn wake_next(&self, tenant_id: Uuid) -> Result<()> {
        let now = self.clock.now();
        let woken = self.db.for_tenant(tenant_id, move |tx| {
            Box::pin(async move {
                match store::first_unsettled(tx.conn(), tenant_id).await? {
                    Some(next) => jobs::enqueue(tx.conn(), tenant_id, next, JOB_KIND, now).await,
                    None => Ok(()),
                }
            })
        });
        woken.await
    }

    /// Has work on the first relink of a tenant, should nobody have asked for it: a process of before these turns ends jobs without settling.
    async fn ensure(&self, tenant_id: Uuid, first: Uuid) -> Result<()> {
        let now = self.clock.now();
        let ensured = self.db.for_tenant(tenant_id, move |tx| {
            Box::pin(async move { jobs::ensure(tx.conn(), tenant_id, first, JOB_KIND, now).await })
        });
        ensured.await
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

async fn page(tx: &mut Tx<'_>, call: &Call, fields: &[Arc<Fields>], id: Uuid) -> Result<Step> {
    let tenant = tx.tenant_id();
    let Some(relink) = store::lock(tx.conn(), tenant, id).await? else { return Ok(Step::Unknown) };
    let done = Step::Done { undone: relink.undone };
    if relink.settled {
        return Ok(done);
    }
    // None comes before this one once it was first: those that are noted later, or turn, come after it.
    match store::first_unsettled(tx.conn(), tenant).await? {
        Some(first) if first != id => return Ok(Step::Behind { first }),
        _ => {}
    }
    let left = if relink.undone {
        back(tx, call, fields, &relink).await?
    } else {
        forth(tx, call, fields, &relink).await?
    };
    match left {
        Some(step) => Ok(step),
        None => store::settle(tx.conn(), &relink).await.map(|()| done),
    }
}

/// Lets a page of records of the first kind that has some follow; `None` when no kind has any.
async fn forth(
    tx: &mut Tx<'_>,
    call: &Call,
    fields: &[Arc<Fields>],
    relink: &Relink,
) -> Result<Option<Step>> {
    for (mover, fields) in MOVERS.iter().zip(fields) {
        match mover.forth(tx, call, fields, relink).await? {
            None => {}
            // Others changed the whole page before it was held.
            Some(0) => return Ok(Some(Step::Wait)),
            Some(_) => return Ok(Some(Step::More)),
        }
    }
    Ok(None)
}

/// Takes back what was changed of a page of records of one kind; `None` when nothing is left. What was changed since stays.
async fn back(tx: &mut Tx<'_>, call: &Call, fields: &[Arc<Fields>], relink: &Relink) -> Result<Option<Step>> {
    let mut changes = store::noted(tx.conn(), relink, PAGE).await?;
    let Some(collection) = changes.first().map(|change| change.collection.clone()) else { return Ok(None) };
    changes.retain(|change| change.collection == collection);
    let mover = MOVERS.iter().zip(fields).find(|(mover, _)| mover.collection() == collection);
    let (mover, fields) = mover.ok_or_else(|| Error::bug("a relink changed an unknown kind of record"))?;
    mover.back(tx, call, fields, &changes).await?;
    let ids: Vec<Uuid> = changes.iter().map(|change| change.record_id).collect();
    store::forget(tx.conn(), relink, &collection, &ids).await?;
    Ok(Some(Step::More))
}
