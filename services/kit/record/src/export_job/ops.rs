//! Use cases of export jobs.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use crm_kit_api::{
    Call, Error, Result,
    call::Scope,
    clock::Clock,
    id,
    page::{self, Binding, Token},
    sensitivity::Masker,
};
use crm_kit_pg::{
    Change, ChangeKind, Db, Tx,
    jobs::{self, Verdict},
};
use crm_proto::{
    crm::record::v1::{
        ExportJob as Wire,
        export_job::{FileKind, State},
    },
    google::api::HttpBody,
};
use futures::Stream;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use uuid::Uuid;

use super::{COLLECTION, JOB_KIND, convert, model::Job, store};
use crate::{collection::Collections, rights};

/// Attempts at a job, before it is given up.
const ATTEMPTS: i32 = 6;
/// Shortest time between two answers of a watch.
const PAUSE: Duration = Duration::from_millis(200);
/// How often a watched job is looked at that another process may work on.
const POLL: Duration = Duration::from_secs(1);

/// The use cases. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ExportJobs {
    pub(super) db: Db,
    pub(super) clock: Clock,
    pub(super) collections: Collections,
    pub(super) masker: Arc<Masker>,
    pub(super) shutdown: CancellationToken,
}

impl ExportJobs {
    /// The use cases over a database.
    pub fn new(db: Db, clock: Clock, collections: Collections, shutdown: CancellationToken) -> Self {
        Self { db, clock, collections, masker: Arc::new(Masker::new(crm_proto::pool())), shutdown }
    }

    /// One job.
    pub async fn get(&self, call: &Call, id: &str) -> Result<Job> {
        let (id, tenant, creator) = (id::parse("id", id)?, call.tenant_id(), seen_by(call));
        self.db
            .read(call, move |tx| Box::pin(async move { store::get(tx.conn(), tenant, id, creator).await }))
            .await?
            .ok_or_else(|| Error::not_found(COLLECTION, id))
    }

    /// A page of jobs, newest first, and the token of the next one.
    pub async fn list(&self, call: &Call, size: i32, token: &str) -> Result<(Vec<Job>, String)> {
        let (tenant, creator, size) = (call.tenant_id(), seen_by(call), page::size(size));
        let binding = Binding::new(tenant, &[COLLECTION]);
        let before = Token::decode(token, binding, 0)?.map(|token| token.id);
        let limit = i64::try_from(size + 1).unwrap_or(i64::MAX);
        let mut found = self
            .db
            .read(call, move |tx| {
                Box::pin(async move { store::list(tx.conn(), tenant, creator, before, limit).await })
            })
            .await?;
        let more = found.len() > size;
        found.truncate(size);
        let last = found.last().filter(|_| more).map(|job| Token { keys: Vec::new(), id: job.id });
        Ok((found, last.map(|token| token.encode(binding)).unwrap_or_default()))
    }

    /// Starts an export.
    pub async fn create(&self, call: &Call, wire: Wire) -> Result<Wire> {
        let collection = self.collections.get("export_job.collection", &wire.collection)?;
        call.require(collection.kind().files.export)?;
        let columns = collection.columns(call).await?;
        collection.check_filter(call, &wire.filter).await?;
        let job = &convert::read(call, wire, &columns)?;
        self.db
            .write(call, "create", move |tx| {
                Box::pin(async move {
                    store::insert(tx.conn(), job).await?;
                    jobs::enqueue(tx.conn(), job.tenant_id, job.id, JOB_KIND, call.now).await?;
                    Ok(tell(tx, ChangeKind::Create, None, job))
                })
            })
            .await
    }

    /// Stops a job and drops what it wrote.
    pub async fn cancel(&self, call: &Call, id: &str) -> Result<Wire> {
        let (id, tenant, creator) = (id::parse("id", id)?, call.tenant_id(), seen_by(call));
        self.db
            .write(call, "cancel", move |tx| {
                Box::pin(async move {
                    let held = store::lock(tx.conn(), tenant, id, creator).await?;
                    let mut job = held.ok_or_else(|| Error::not_found(COLLECTION, id))?;
                    job.require(State::Running)?;
                    let before = convert::to_wire(&job);
                    job.end(State::Cancelled, "");
                    job.update_time = call.now;
                    store::drop_chunks(tx.conn(), tenant, id).await?;
                    store::save(tx.conn(), &job).await?;
                    Ok(tell(tx, ChangeKind::Update, Some(&before), &job))
                })
            })
            .await
    }

    /// The job now and whenever it changes, until it has ended.
    pub fn watch(self, call: Call, id: String) -> impl Stream<Item = Result<Wire, Status>> + Send {
        let committed = self.db.committed();
        let start = (self, call, id, committed, None::<Wire>);
        futures::stream::try_unfold(start, |(jobs, call, id, mut committed, last)| async move {
            if last.as_ref().is_some_and(|job| job.state() != State::Running) {
                return Ok(None);
            }
            loop {
                let job = convert::to_wire(&jobs.get(&call, &id).await?);
                if last.as_ref() != Some(&job) {
                    return Ok(Some((job.clone(), (jobs, call, id, committed, Some(job)))));
                }
                tokio::time::sleep(PAUSE).await;
                tokio::select! {
                    _ = committed.changed() => {}
                    () = tokio::time::sleep(POLL) => {}
                    () = jobs.shutdown.cancelled() => return Ok(None),
                }
            }
        })
    }

    /// The file, piece by piece.
    pub async fn download(
        self,
        call: Call,
        id: &str,
    ) -> Result<impl Stream<Item = Result<HttpBody, Status>> + Send + use<>> {
        let job = self.get(&call, id).await?;
        call.require(self.collections.get("collection", &job.collection)?.kind().files.export)?;
        rights::see_rows(&call, job.creator_id)?;
        job.require(State::Done)?;
        let first = self.chunk(&call, job.id, 0).await?;
        let first = first.ok_or_else(|| Error::not_found(COLLECTION, job.id))?;
        let kind = match job.file_kind.0 {
            FileKind::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            _ => "text/csv; charset=utf-8",
        };
        let start = (self, call, Some(first), 1_i32);
        Ok(futures::stream::try_unfold(start, move |(jobs, call, chunk, seq)| async move {
            let Some(data) = chunk else { return Ok(None) };
            let next = jobs.chunk(&call, job.id, seq).await?;
            let body = HttpBody { content_type: kind.to_owned(), data, extensions: Vec::new() };
            Ok::<_, Status>(Some((body, (jobs, call, next, seq + 1))))
        }))
    }

    async fn chunk(&self, call: &Call, id: Uuid, seq: i32) -> Result<Option<Vec<u8>>> {
        let tenant = call.tenant_id();
        self.db
            .read(call, move |tx| Box::pin(async move { store::chunk(tx.conn(), tenant, id, seq).await }))
            .await
    }

    /// Works on a job that a worker claimed.
    pub async fn work(&self, claimed: &jobs::Job) -> Result<Verdict> {
        let (tenant, id) = (claimed.tenant_id, claimed.id);
        let found = self.db.for_tenant(tenant, move |tx| {
            Box::pin(async move { store::get(tx.conn(), tenant, id, None).await })
        });
        let Some(job) = found.await? else { return Ok(Verdict::Done) };
        let collection = self.collections.get("collection", &job.collection)?;
        match collection.export(self, job.clone()).await {
            Err(error) if claimed.attempts >= ATTEMPTS => {
                tracing::error!(job = %id, ?error, "an export was given up");
                let job = Job { attempt: -1, ..job };
                self.fail(&job, "the records cannot be read at the moment; try again later").await?;
                Ok(Verdict::Done)
            }
            worked => worked,
        }
    }

    /// Begins an attempt anew.
    pub(super) async fn begin(&self, job: &Job) -> Result<Job> {
        self.change(job, Job::begin, true).await
    }

    /// Tells how far an attempt is.
    pub(super) async fn progress(&self, job: &Job, done_rows: i64) -> Result<()> {
        self.change(job, move |job| job.done_rows = done_rows, false).await.map(drop)
    }

    /// Ends a job that cannot be done.
    pub(super) async fn fail(&self, job: &Job, why: &str) -> Result<()> {
        self.change(job, move |job| job.end(State::Failed, why), true).await.map(drop)
    }

    /// Adds a piece of the file.
    pub(super) async fn add_chunk(&self, job: &Job, seq: i32, data: &[u8]) -> Result<()> {
        let now = self.clock.now();
        self.db
            .for_tenant(job.tenant_id, move |tx| {
                Box::pin(async move {
                    let mut held = hold(tx, job).await?;
                    held.file_bytes += i64::try_from(data.len()).unwrap_or(0);
                    held.update_time = now;
                    store::add_chunk(tx.conn(), job.tenant_id, job.id, seq, data).await?;
                    store::save(tx.conn(), &held).await
                })
            })
            .await
    }

    /// Ends a job whose file is whole, leaving an audit row with filter and count; returns when the file goes.
    pub(super) async fn complete(&self, job: &Job, call: &Call) -> Result<DateTime<Utc>> {
        let done = self.db.write_rows(call, "export", move |tx| {
            Box::pin(async move {
                let mut held = hold(tx, job).await?;
                let before = convert::to_wire(&held);
                held.complete(call.now);
                held.update_time = call.now;
                store::save(tx.conn(), &held).await?;
                tell(tx, ChangeKind::Update, Some(&before), &held);
                Ok(held)
            })
        });
        Ok(done.await?.purge_time.unwrap_or(call.now))
    }

    /// Drops the file of an ended job when its time has come.
    pub(super) async fn purge(&self, job: &Job) -> Result<Verdict> {
        if let Some(time) = job.purge_time.filter(|time| *time > self.clock.now()) {
            return Ok(Verdict::Again(time));
        }
        let (tenant, id) = (job.tenant_id, job.id);
        let dropped = self.db.for_tenant(tenant, move |tx| {
            Box::pin(async move { store::drop_chunks(tx.conn(), tenant, id).await })
        });
        dropped.await.map(|()| Verdict::Done)
    }

    /// Changes a running job, as long as the attempt is the job's; drops what was written when asked to.
    async fn change(&self, job: &Job, act: impl Fn(&mut Job) + Send + Sync, drops_file: bool) -> Result<Job> {
        let (now, act) = (self.clock.now(), &act);
        self.db
            .for_tenant(job.tenant_id, move |tx| {
                Box::pin(async move {
                    let mut held = hold(tx, job).await?;
                    act(&mut held);
                    held.update_time = now;
                    if drops_file {
                        store::drop_chunks(tx.conn(), job.tenant_id, job.id).await?;
                    }
                    store::save(tx.conn(), &held).await.map(|()| held)
                })
            })
            .await
    }
}

/// The job, held, as long as it runs and the attempt is its own; an attempt of -1 is any.
async fn hold(tx: &mut Tx<'_>, job: &Job) -> Result<Job> {
    let held = store::lock(tx.conn(), job.tenant_id, job.id, None).await?;
    let is_ours =
        |held: &Job| held.state.0 == State::Running && (job.attempt < 0 || held.attempt == job.attempt);
    held.filter(is_ours).ok_or_else(Error::concurrent_change)
}

/// The creator whose jobs a caller sees; `None` for all.
fn seen_by(call: &Call) -> Option<Uuid> {
    (call.access.scope != Scope::All).then(|| call.caller_id())
}

/// Remembers a change of a job and returns the job as told.
fn tell(tx: &mut Tx<'_>, kind: ChangeKind, before: Option<&Wire>, job: &Job) -> Wire {
    let wire = convert::to_wire(job);
    let change = Change::new(COLLECTION, job.id, kind, &wire).owned_by(Some(job.creator_id));
    tx.record(change.audited(before, Some(&wire)));
    wire
}
