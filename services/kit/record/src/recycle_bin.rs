//! The recycle bin is emptied: records that were deleted [`BIN_DAYS`] ago go for good, with everything that hangs on them.
//!
//! Of a record that is purged nothing stays but the rows of the audit log and an event that names its id. Its external ids, unique values and parts go with
//! it. Other records that refer to it lose the reference, as an update of their own with event and audit row: refusing would keep for ever what
//! the contract promises to drop, and a reference that leads nowhere would be no use to anybody. References from other services are theirs to drop,
//! when they follow the event.
//!
//! A walk goes over the deleted rows of a kind, of all tenants and the longest deleted first, in pages; each page is purged tenant by tenant, one
//! transaction each, so that whatever dies leaves whole records behind and the next walk finds what is left. Several processes at once do no harm: a row
//! that somebody holds, be it another walk or a call that brings the record back, is passed over.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use crm_kit_api::{Call, Error, Result, clock::Clock};
use crm_kit_pg::{Db, Tx};
use crm_proto::crm::record::v1::custom_field::Type;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use crate::{
    Record, Slice,
    collection::{Collection, Collections},
    custom_field::{Fields, refresh::server_call, unique, value},
    external_id,
    life::{self, BIN_DAYS, Revision},
    rows::{self, Deleted},
};

/// How often the walks go on.
const EVERY: Duration = Duration::from_mins(10);
/// Rows of a page.
const PAGE: i64 = 200;
/// Pages of one walk and run; a walk that is not at its end then goes on in the next run.
const PAGES: usize = 100;
/// Records that lose a reference in one transaction.
const REFERRING: i64 = 500;

/// Empties the recycle bins of a service. Cheap to clone.
#[derive(Clone, Debug)]
pub struct RecycleBin {
    db: Db,
    collections: Collections,
    /// Where the walks of the kinds go on, by collection.
    places: BTreeMap<&'static str, Deleted>,
}

/// Records that are about to go.
#[derive(Clone, Copy, Debug)]
pub struct Gone<'g> {
    /// Their collection.
    pub collection: &'static str,
    /// Their ids.
    pub ids: &'g [Uuid],
}

/// What became of the records that referred to others.
#[derive(Clone, Copy, Debug, Default)]
pub struct Detached {
    /// How many changed.
    pub changed: usize,
    /// Whether there may be more of them.
    pub more: bool,
}

impl RecycleBin {
    /// The recycle bins of the collections.
    pub fn new(db: Db, collections: Collections) -> Self {
        Self { db, collections, places: BTreeMap::new() }
    }

    /// Starts emptying, at once and then every ten minutes; it ends with `shutdown`.
    pub fn spawn(mut self, clock: Clock, tasks: &TaskTracker, shutdown: CancellationToken) {
        tasks.spawn(async move {
            loop {
                match self.run(clock.now(), &shutdown).await {
                    Ok(0) => {}
                    Ok(records) => tracing::info!(records, "records were purged from the recycle bin"),
                    Err(error) => {
                        tracing::warn!(?error, "the recycle bin is not emptied; the next round tries again");
                    }
                }
                tokio::select! {
                    () = shutdown.cancelled() => return,
                    () = tokio::time::sleep(EVERY) => {}
                }
            }
        });
    }

    /// Purges what was deleted [`BIN_DAYS`] before `now`, as far as one run goes; returns how many records went. What cannot be purged is logged and
    /// tried again by a later walk.
    pub async fn run(&mut self, now: DateTime<Utc>, shutdown: &CancellationToken) -> Result<u64> {
        let collections = self.collections.clone();
        // Lower records first, so that they are not told of an upper one that goes in the same run.
        let (lower, upper): (Vec<_>, Vec<_>) =
            collections.iter().partition(|collection| collection.kind().parent.is_some());
        let mut purged = 0;
        for collection in lower.into_iter().chain(upper) {
            purged += self.walk(collection, now, shutdown).await?;
        }
        Ok(purged)
    }

    async fn walk(
        &mut self,
        collection: &dyn Collection,
        now: DateTime<Utc>,
        shutdown: &CancellationToken,
    ) -> Result<u64> {
        let (kind, before) = (collection.kind(), now - TimeDelta::days(BIN_DAYS));
        let mut purged = 0;
        for _ in 0..PAGES {
            let place = self.places.get(kind.collection);
            let page = rows::deleted_before(&mut *self.db.system().await?, kind, before, place, PAGE).await?;
            let Some(last) = page.last().copied() else {
                // The next walk begins at the front, where what was passed over stands.
                self.places.remove(kind.collection);
                return Ok(purged);
            };
            let mut by_tenant: BTreeMap<Uuid, Vec<Uuid>> = BTreeMap::new();
            for row in page {
                by_tenant.entry(row.tenant_id).or_default().push(row.id);
            }
            for (tenant_id, ids) in by_tenant {
                if shutdown.is_cancelled() {
                    return Ok(purged);
                }
                let call = server_call(tenant_id, now, "job/purge");
                purged += self.purge(collection, &call, &ids).await;
            }
            self.places.insert(kind.collection, last);
        }
        Ok(purged)
    }

    /// Purges records of a tenant, all at once or, when that fails, one by one, so that one that cannot go holds up no other.
    async fn purge(&self, collection: &dyn Collection, call: &Call, ids: &[Uuid]) -> u64 {
        let name = collection.kind().collection;
        let mut purged = 0;
        let outcome = collection.purge(&self.collections, call, ids).await;
        let outcomes = match outcome {
            Err(_) if ids.len() > 1 => {
                let mut outcomes = Vec::with_capacity(ids.len());
                for id in ids {
                    outcomes.push(collection.purge(&self.collections, call, std::slice::from_ref(id)).await);
                }
                outcomes
            }
            outcome => vec![outcome],
        };
        for outcome in outcomes {
            match outcome {
                Ok(count) => purged += count,
                Err(error) => {
                    metrics::counter!("crm_recycle_bin_failed_total", "collection" => name).increment(1);
                    tracing::warn!(collection = name, tenant_id = %call.tenant_id(), ?error, "a record cannot be purged");
                }
            }
        }
        metrics::counter!("crm_recycle_bin_purged_total", "collection" => name).increment(purged);
        purged
    }
}

/// Purges those of the records that are due and that nobody holds; returns how many.
pub async fn purge<R: Record>(
    slice: &Slice<R>,
    collections: &Collections,
    call: &Call,
    ids: &[Uuid],
) -> Result<u64> {
    // Read before the transaction, which uses one connection only.
    let mut fields = Vec::new();
    for collection in collections.iter() {
        fields.push(collection.fields(call).await?);
    }
    let (own, fields) = (&slice.fields(call).await?, &fields);
    loop {
        let step = slice.db.write_rows(call, "purge", move |tx| {
            Box::pin(async move { step::<R>(tx, call, own, (collections, fields), ids).await })
        });
        if let Some(purged) = step.await? {
            return Ok(purged);
        }
    }
}

/// Takes references away and purges the records when none is left, which is almost always so; otherwise the next step goes on.
async fn step<R: Record>(
    tx: &mut Tx<'_>,
    call: &Call,
    own: &Fields,
    (collections, fields): (&Collections, &[Arc<Fields>]),
    ids: &[Uuid],
) -> Result<Option<u64>> {
    let (tenant, before) = (tx.tenant_id(), call.now - TimeDelta::days(BIN_DAYS));
    let held = rows::hold_deleted(tx.conn(), R::KIND, tenant, ids, before).await?;
    if held.is_empty() {
        return Ok(Some(0));
    }
    let gone = Gone { collection: R::KIND.collection, ids: &held };
    let mut referring = Detached::default();
    for (collection, fields) in collections.iter().zip(fields) {
        let Detached { changed, more } = collection.detach(tx, call, fields, gone).await?;
        referring = Detached { changed: referring.changed + changed, more: referring.more || more };
    }
    if referring.more {
        // Without progress the next step would find the same.
        return if referring.changed > 0 {
            Ok(None)
        } else {
            Err(Error::bug("references cannot be taken away"))
        };
    }
    let records = R::lock(tx.conn(), tenant, &held, None).await?;
    external_id::release(tx.conn(), tenant, &held).await?;
    unique::release_records(tx.conn(), tenant, &held).await?;
    R::tell_parts(tx, call, &held).await?;
    R::drop_parts(tx.conn(), tenant, &held).await?;
    rows::purge(tx.conn(), R::KIND, tenant, &held).await?;
    for record in &records {
        tx.record(life::purged(record, &record.to_wire(own))?);
    }
    u64::try_from(records.len()).map(Some).map_err(Error::internal)
}

/// Takes references to records that are about to go out of the records of a kind, as updates with event and audit row.
pub async fn detach<R: Record>(
    tx: &mut Tx<'_>,
    call: &Call,
    fields: &Fields,
    gone: Gone<'_>,
) -> Result<Detached> {
    let ids = referring::<R>(tx, fields, gone, REFERRING).await?;
    if ids.is_empty() {
        return Ok(Detached::default());
    }
    let tenant = tx.tenant_id();
    let ids: Vec<Uuid> = ids.into_iter().collect();
    let found = R::lock(tx.conn(), tenant, &ids, None).await?;
    let mut revisions = Vec::with_capacity(found.len());
    for was in found {
        let mut record = was.clone();
        forget(&mut record, fields, gone);
        revisions.push(Revision::new(fields, was, record));
    }
    let changed = revisions.iter().filter(|revision| revision.is_change()).count();
    life::write(tx, call, fields, revisions).await?;
    Ok(Detached { changed, more: i64::try_from(ids.len()).is_ok_and(|count| count >= REFERRING) })
}

/// Takes references to records that go out of the standard and the custom fields of a record.
pub fn forget<R: Record>(record: &mut R, fields: &Fields, gone: Gone<'_>) {
    record.forget(gone);
    for key in references(fields, gone) {
        let target = record.head().custom.get(key).and_then(value::id);
        if target.is_some_and(|target| gone.ids.contains(&target)) {
            record.head_mut().custom.set(key, None);
        }
    }
}

/// Ids of records of the kind that refer to others which are about to go, but do not go with them; at most `most` for each field that refers.
pub async fn referring<R: Record>(
    tx: &mut Tx<'_>,
    fields: &Fields,
    gone: Gone<'_>,
    most: i64,
) -> Result<BTreeSet<Uuid>> {
    let tenant = tx.tenant_id();
    let mut ids: BTreeSet<Uuid> = R::referring(tx.conn(), tenant, gone, most).await?.into_iter().collect();
    for key in references(fields, gone) {
        ids.extend(rows::referring(tx.conn(), R::KIND, tenant, (key, gone.ids), most).await?);
    }
    Ok(ids)
}

/// Keys of the custom fields that name records of the collection.
pub fn references<'f>(fields: &'f Fields, gone: Gone<'_>) -> impl Iterator<Item = &'f str> {
    let references = fields.of_kind(Type::Reference);
    let references = references.filter(move |definition| definition.reference_collection == gone.collection);
    references.map(|definition| definition.key.as_str())
}
