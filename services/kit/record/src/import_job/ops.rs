//! Use cases of import jobs.

use chrono::{DateTime, Utc};
use crm_kit_api::{
    Call, Error, Result,
    call::Scope,
    clock::Clock,
    etag, id, mask,
    page::{self, Binding, Token},
};
use crm_kit_pg::{
    Change, ChangeKind, Db, Tx,
    jobs::{self, Verdict},
};
use crm_proto::crm::record::v1::{ImportJob as Wire, import_job::State};
use prost::Name as _;
use prost_types::FieldMask;
use sqlx::types::Json;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    COLLECTION, JOB_KIND, convert,
    errors::{self, FaultCount, RowFault},
    group::{self, Permit},
    links::Abroad,
    model::{Format, Job},
    plan, store,
};
use crate::collection::Collections;
use crate::{
    Choice,
    rights::{self, Rights},
};

/// Most different errors that are counted.
const MOST_COUNTS: i64 = 100;

/// Attempts at a job that fails for no row's sake, before it is given up.
const ATTEMPTS: i32 = 8;

/// The use cases. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ImportJobs {
    pub(super) db: Db,
    pub(super) clock: Clock,
    pub(super) collections: Collections,
    pub(super) shutdown: CancellationToken,
    /// Finds names in other services; without it they lead nowhere.
    pub(super) abroad: Option<Abroad>,
}

/// A page of a list.
#[derive(Debug)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub next_page_token: String,
}

impl ImportJobs {
    /// The use cases over a database.
    pub fn new(db: Db, clock: Clock, collections: Collections, shutdown: CancellationToken) -> Self {
        Self { db, clock, collections, shutdown, abroad: None }
    }

    /// With what finds names in other services.
    #[must_use]
    pub fn finding(self, abroad: Abroad) -> Self {
        Self { abroad: Some(abroad), ..self }
    }

    /// One job.
    pub async fn get(&self, call: &Call, id: &str) -> Result<Job> {
        let (id, tenant, creator) = (id::parse("id", id)?, call.tenant_id(), seen_by(call));
        self.db
            .read(call, move |tx| Box::pin(async move { store::get(tx.conn(), tenant, id, creator).await }))
            .await?
            .ok_or_else(|| Error::not_found(COLLECTION, id))
    }

    /// A page of jobs, newest first.
    pub async fn list(&self, call: &Call, size: i32, token: &str) -> Result<Page<Job>> {
        let (tenant, creator, size) = (call.tenant_id(), seen_by(call), page::size(size));
        let binding = Binding::new(tenant, &[COLLECTION]);
        let before = Token::decode(token, binding, 0)?.map(|token| token.id);
        let limit = i64::try_from(size + 1).unwrap_or(i64::MAX);
        let mut items = self
            .db
            .read(call, move |tx| {
                Box::pin(async move { store::list(tx.conn(), tenant, creator, before, limit).await })
            })
            .await?;
        let more = items.len() > size;
        items.truncate(size);
        let last = items.last().filter(|_| more).map(|job| Token { keys: Vec::new(), id: job.id });
        Ok(Page { items, next_page_token: last.map(|token| token.encode(binding)).unwrap_or_default() })
    }

    /// A page of the errors of a job.
    pub async fn errors(&self, call: &Call, id: &str, size: i32, token: &str) -> Result<Page<RowFault>> {
        let job = self.get(call, id).await?;
        rights::see_rows(call, job.creator_id)?;
        let (place, size) = ((job.tenant_id, job.id), page::size(size));
        let binding = Binding::new(job.tenant_id, &[COLLECTION, &job.id.to_string(), &job.pass.to_string()]);
        let after = Token::decode(token, binding, 2)?;
        let number = |index: usize| after.as_ref()?.keys.get(index)?.parse::<i64>().ok();
        let after = (number(0).unwrap_or(0), number(1).and_then(|seq| i32::try_from(seq).ok()).unwrap_or(-1));
        let limit = i64::try_from(size + 1).unwrap_or(i64::MAX);
        let mut items = self.faults(call, place, after, limit, false).await?;
        let more = items.len() > size;
        items.truncate(size);
        let last = items
            .last()
            .filter(|_| more)
            .map(|fault| Token { keys: vec![fault.line.to_string(), fault.seq.to_string()], id: job.id });
        Ok(Page { items, next_page_token: last.map(|token| token.encode(binding)).unwrap_or_default() })
    }

    /// The faults of a job, counted; the most frequent first.
    pub async fn error_counts(&self, call: &Call, id: &str) -> Result<Vec<FaultCount>> {
        let job = self.get(call, id).await?;
        rights::see_rows(call, job.creator_id)?;
        let place = (job.tenant_id, job.id);
        self.db
            .read(call, move |tx| {
                Box::pin(async move { errors::counts(tx.conn(), place, MOST_COUNTS).await })
            })
            .await
    }

    /// Faults of a job after a place.
    pub(super) async fn faults(
        &self,
        call: &Call,
        job: (Uuid, Uuid),
        after: (i64, i32),
        limit: i64,
        with_rows: bool,
    ) -> Result<Vec<RowFault>> {
        self.db
            .read(call, move |tx| {
                Box::pin(async move { errors::list(tx.conn(), job, after, limit, with_rows).await })
            })
            .await
    }

    /// Creates a job that waits for its file.
    pub async fn create(&self, call: &Call, wire: Wire) -> Result<Wire> {
        let collection = self.collections.get("import_job.collection", &wire.collection)?;
        call.require(collection.kind().files.import)?;
        let columns = collection.columns(call).await?;
        let fresh = fresh(call, collection.kind().collection);
        let job = &convert::read(wire, &columns, collection.kind().files.reads_cards, fresh)?;
        self.db
            .write(call, "create", move |tx| {
                Box::pin(async move {
                    store::insert(tx.conn(), job).await?;
                    Ok(tell(tx, ChangeKind::Create, None, job))
                })
            })
            .await
    }

    /// Changes settings; a job whose file is complete is validated again.
    pub async fn update(&self, call: &Call, wire: Wire, mask: Option<FieldMask>) -> Result<Wire> {
        let known = self.get(call, &wire.id).await?;
        let collection = self.collections.get("import_job.collection", &known.collection)?;
        call.require(collection.kind().files.import)?;
        let columns = collection.columns(call).await?;
        let (wire, mask, columns, reads_cards) =
            (&wire, mask.as_ref(), &columns, collection.kind().files.reads_cards);
        self.change(call, &wire.id, "update", move |job, _| {
            etag::check(&wire.etag, job.revision)?;
            job.require(&[State::Uploading, State::Validating, State::Ready])?;
            let descriptor = crm_proto::message(&Wire::full_name());
            let before = convert::to_wire(job);
            let merged = mask::merge(&descriptor, &before, wire, mask, convert::FIXED)?;
            let is_read_again =
                !mask.is_some_and(|mask| mask.paths.iter().all(|path| path == "display_name"));
            let mut next = convert::read(merged, columns, reads_cards, job.clone())?;
            check_names(job, &next)?;
            next.columns = Json(plan::restate(&job.columns, next.columns.0));
            next.revision += 1;
            if job.state.0 != State::Uploading && is_read_again {
                next.begin(State::Validating, call.now);
            }
            *job = next;
            Ok(is_read_again && job.state.0 == State::Validating)
        })
        .await
    }

    /// Has the rows of a job written, with the rights of its creator, who alone may ask for it.
    pub async fn apply(&self, call: &Call, id: &str) -> Result<Wire> {
        let known = self.get(call, id).await?;
        call.require(self.collections.get("import_job.collection", &known.collection)?.kind().files.import)?;
        self.change(call, id, "apply", move |job, now| {
            job.require_creator(call)?;
            job.require(&[State::Ready])?;
            job.begin(State::Applying, now);
            Ok(true)
        })
        .await
    }

    /// Stops a job.
    pub async fn cancel(&self, call: &Call, id: &str) -> Result<Wire> {
        let open = [State::Uploading, State::Validating, State::Ready, State::Applying];
        self.change(call, id, "cancel", move |job, now| {
            job.require(&open)?;
            job.end(State::Cancelled, "", now);
            Ok(false)
        })
        .await
    }

    /// Changes a job in a transaction of its own and tells of it; has it worked on when `act` says so. The creator's rights are taken down anew.
    async fn change(
        &self,
        call: &Call,
        id: &str,
        action: &'static str,
        act: impl Fn(&mut Job, DateTime<Utc>) -> Result<bool> + Send + Sync,
    ) -> Result<Wire> {
        let (id, tenant, creator, act) = (id::parse("id", id)?, call.tenant_id(), seen_by(call), &act);
        self.db
            .write(call, action, move |tx| {
                Box::pin(async move {
                    let held = store::lock(tx.conn(), tenant, id, creator).await?;
                    let mut job = held.ok_or_else(|| Error::not_found(COLLECTION, id))?;
                    let before = convert::to_wire(&job);
                    let has_work = act(&mut job, call.now)?;
                    job.update_time = call.now;
                    if job.creator_id == call.caller_id() {
                        job.rights = Json(Rights::of(&call.access));
                    }
                    store::save(tx.conn(), &job).await?;
                    if has_work {
                        jobs::enqueue(tx.conn(), tenant, id, JOB_KIND, call.now).await?;
                    }
                    Ok(tell(tx, ChangeKind::Update, Some(&before), &job))
                })
            })
            .await
    }

    /// Works on a job that a worker claimed.
    pub async fn work(&self, claimed: &jobs::Job) -> Result<Verdict> {
        let (tenant, id) = (claimed.tenant_id, claimed.id);
        let found = self.db.for_tenant(tenant, move |tx| {
            Box::pin(async move { store::get(tx.conn(), tenant, id, None).await })
        });
        let Some(job) = found.await? else { return Ok(Verdict::Done) };
        let permit = Permit::of(&job);
        let collection = self.collections.get("collection", &job.collection)?;
        match collection.import(self, job).await {
            Err(error) if claimed.attempts >= ATTEMPTS => {
                tracing::error!(job = %id, ?error, "an import was given up");
                self.fail(permit, "the rows cannot be written at the moment; try again later").await?;
                Ok(Verdict::Done)
            }
            worked => worked,
        }
    }

    /// Ends a job as failed, if it is still in the pass.
    pub(super) async fn fail(&self, permit: Permit, why: &str) -> Result<()> {
        let now = self.clock.now();
        self.db
            .for_tenant(permit.tenant_id, move |tx| {
                Box::pin(async move {
                    // The second round may have begun meanwhile.
                    let held = store::lock(tx.conn(), permit.tenant_id, permit.job_id, None).await?;
                    let Some(mut job) = held.filter(|job| job.pass == permit.pass && !job.has_ended()) else {
                        return Ok(());
                    };
                    job.end(State::Failed, why, now);
                    job.update_time = now;
                    store::save(tx.conn(), &job).await
                })
            })
            .await
    }

    /// What follows when every row was handled.
    pub(super) async fn finish_round(&self, permit: Permit, broken: Option<String>) -> Result<Job> {
        let (now, broken) = (self.clock.now(), &broken);
        self.db
            .for_tenant(permit.tenant_id, move |tx| {
                Box::pin(async move {
                    let mut job = group::hold(tx, permit).await?;
                    match (job.state.0, broken) {
                        (_, Some(why)) => job.end(State::Failed, why.as_str(), now),
                        (State::Validating, None) => {
                            job.total_rows = job.done_rows;
                            job.state = Choice(State::Ready);
                        }
                        (_, None) if job.links_wait && job.round == 1 => {
                            (job.round, job.last_line) = (2, 0);
                        }
                        (_, None) => job.end(State::Done, "", now),
                    }
                    job.update_time = now;
                    store::save(tx.conn(), &job).await.map(|()| job)
                })
            })
            .await
    }

    /// Whether a pass is still the job's.
    pub(super) async fn is_current(&self, permit: Permit) -> Result<bool> {
        let Permit { tenant_id, job_id, pass, state, .. } = permit;
        let job = self.db.for_tenant(tenant_id, move |tx| {
            Box::pin(async move { store::get(tx.conn(), tenant_id, job_id, None).await })
        });
        Ok(job.await?.is_some_and(|job| (job.pass, job.state.0) == (pass, state)))
    }
}

/// The creator whose jobs a caller sees; `None` for all.
pub(super) fn seen_by(call: &Call) -> Option<Uuid> {
    (call.access.scope != Scope::All).then(|| call.caller_id())
}

/// Remembers a change of a job and returns the job as told.
pub(super) fn tell(tx: &mut Tx<'_>, kind: ChangeKind, before: Option<&Wire>, job: &Job) -> Wire {
    let wire = convert::to_wire(job);
    let change = Change::new(COLLECTION, job.id, kind, &wire).owned_by(Some(job.creator_id));
    tx.record(change.audited(before, Some(&wire)));
    wire
}

/// Once the file is known, columns that it does not have are refused.
fn check_names(job: &Job, next: &Job) -> Result<()> {
    let unknown = |column: &String| !job.header.is_empty() && !job.header.contains(column);
    match next.columns.iter().position(|mapping| unknown(&mapping.column)) {
        None => Ok(()),
        Some(index) => {
            let place = format!("import_job.columns[{index}].column");
            Err(Error::invalid_field(place, "COLUMN_UNKNOWN", "the file has no such column"))
        }
    }
}

fn fresh(call: &Call, collection: &str) -> Job {
    Job {
        tenant_id: call.tenant_id(),
        id: call.new_id(),
        create_time: call.now,
        update_time: call.now,
        revision: 1,
        creator_id: call.caller_id(),
        rights: Json(Rights::of(&call.access)),
        display_name: String::new(),
        collection: collection.to_owned(),
        mode: Choice::default(),
        format: Json(Format::default()),
        columns: Json(Vec::new()),
        external_system: String::new(),
        state: Choice(State::Uploading),
        failure: String::new(),
        upload_id: call.new_id(),
        uploaded_bytes: 0,
        pass: 0,
        pass_time: None,
        header: Vec::new(),
        last_line: 0,
        round: 1,
        links_wait: false,
        total_rows: 0,
        done_rows: 0,
        created_rows: 0,
        updated_rows: 0,
        unchanged_rows: 0,
        failed_rows: 0,
        end_time: None,
    }
}
