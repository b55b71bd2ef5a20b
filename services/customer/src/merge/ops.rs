//! Merging and looking what a merge would make.

use std::{collections::BTreeMap, sync::Arc};

use crm_kit_api::{Call, Error, Result, etag};
use crm_kit_pg::{Change as Told, ChangeKind, Db, Tx};
use crm_kit_record::{
    Choice, Slice,
    custom_field::{Fields, refresh},
    life::{self, Revision},
    recycle_bin::{self, Gone},
    revert, rows,
};
use crm_proto::crm::customer::v1::{
    MergeRecordsRequest, MergeRecordsResponse, PreviewMergeResponse, RecordsMerged, merge::State,
};
use serde_json::Value;
use sqlx::types::Json;
use tonic::Code;
use uuid::Uuid;

use super::{
    COLLECTION, MOST_MOVED,
    children::{self, Going, Mover, change, too_large},
    convert,
    kind::Mergeable,
    model::{Change, Departed, Merge, Taken},
    policy::{self, Chosen, Participant},
    request::{Wanted, require, unknown},
    store,
};
use crate::{
    DOMAIN,
    account::{self, Accounts},
    activity,
    contact::{self, Contacts},
    lead::{self, Leads},
};

/// The use cases of merges. Cheap to clone.
#[derive(Clone)]
pub struct Merges {
    /// The service's database.
    pub db: Db,
    /// Companies.
    pub accounts: Accounts,
    /// People.
    pub contacts: Contacts,
    /// Those who might buy.
    pub leads: Leads,
    /// Kinds whose records refer to those.
    pub movers: Arc<[Arc<dyn Mover>]>,
}

impl std::fmt::Debug for Merges {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_list().entries(self.movers.iter().map(|mover| mover.collection())).finish()
    }
}

/// What is about to become of records.
struct Draft<R> {
    was: R,
    record: R,
    losers: Vec<R>,
    chosen: Vec<Chosen>,
}

impl Merges {
    /// Merges records.
    pub async fn merge(&self, call: &Call, request: &MergeRecordsRequest) -> Result<MergeRecordsResponse> {
        require(call, &request.collection)?;
        match request.collection.as_str() {
            account::COLLECTION => self.merge_kind(call, &self.accounts, request).await,
            contact::COLLECTION => self.merge_kind(call, &self.contacts, request).await,
            lead::COLLECTION => self.merge_kind(call, &self.leads, request).await,
            _ => Err(unknown("collection")),
        }
    }

    /// What a merge would make of records.
    pub async fn preview(&self, call: &Call, request: &MergeRecordsRequest) -> Result<PreviewMergeResponse> {
        require(call, &request.collection)?;
        match request.collection.as_str() {
            account::COLLECTION => preview_kind(&self.db, call, &self.accounts, request).await,
            contact::COLLECTION => preview_kind(&self.db, call, &self.contacts, request).await,
            lead::COLLECTION => preview_kind(&self.db, call, &self.leads, request).await,
            _ => Err(unknown("merge.collection")),
        }
    }

    /// The tenant's own fields of the kinds that move, in their order. Read before a transaction, which uses one connection only.
    pub(super) async fn fields(&self, call: &Call) -> Result<Vec<Arc<Fields>>> {
        let mut fields = Vec::with_capacity(self.movers.len());
        for mover in self.movers.iter() {
            fields.push(mover.fields(call).await?);
        }
        Ok(fields)
    }

    async fn merge_kind<R: Mergeable>(
        &self,
        call: &Call,
        slice: &Slice<R>,
        request: &MergeRecordsRequest,
    ) -> Result<MergeRecordsResponse> {
        let (fields, others) = (&slice.fields(call).await?, &self.fields(call).await?);
        let wanted = &Wanted::read::<R>(fields, request)?;
        let work = self.db.write(call, "merge", move |tx| {
            Box::pin(async move {
                let held = hold::<R>(tx, call, wanted).await?;
                let draft = draft(call, fields, wanted, held)?;
                self.write(tx, call, (fields, others), draft).await
            })
        });
        // The answer has room for a record of each kind.
        Box::pin(work).await
    }

    async fn write<R: Mergeable>(
        &self,
        tx: &mut Tx<'_>,
        call: &Call,
        (fields, others): (&Fields, &[Arc<Fields>]),
        draft: Draft<R>,
    ) -> Result<MergeRecordsResponse> {
        let Draft { mut was, record, losers, chosen } = draft;
        let loser_ids: Vec<Uuid> = losers.iter().map(|loser| loser.head().id).collect();
        let survivor_id = was.head().id;
        let gone = Gone { collection: R::KIND.collection, ids: &loser_ids };
        let going = Going { gone, into: survivor_id };
        store::rest_rules(tx.conn()).await?;
        let standing = children::standing(tx, gone).await?;
        let mut changes = self.follow(tx, call, others, going).await?;
        activity::store::stand(tx.conn(), &standing).await?;
        let moved_count = i64::try_from(changes.len()).unwrap_or(i64::MAX);
        let departed = depart(tx, call, fields, going, &losers).await?;
        changes.extend(change(&was, &record)?);
        let record = outrun(tx, &mut was, record, &losers).await?;
        let name = record.display_name().to_owned();
        let owner_id = record.head().owner_id;
        let wires = life::write(tx, call, fields, vec![Revision::new(fields, was, record)]).await?;
        let merge = new::<R>(call, survivor_id, loser_ids.clone(), (moved_count, chosen));
        store::insert(tx.conn(), &merge, &departed, &changes).await?;
        let told = convert::untaken(&merge);
        let event = RecordsMerged { merge: Some(told.clone()), display_name: name };
        let told = Told::new(COLLECTION, merge.id, ChangeKind::Create, &event).audited(None, Some(&told));
        tx.record(told.owned_by(owner_id));
        convert::answer::<R>(call, fields, &merge, &crm_kit_record::only(wires))
    }

    /// Lets everything that refers to the losers refer to the survivor.
    async fn follow(
        &self,
        tx: &mut Tx<'_>,
        call: &Call,
        fields: &[Arc<Fields>],
        going: Going<'_>,
    ) -> Result<Vec<Change>> {
        let mut changes = Vec::new();
        for (mover, fields) in self.movers.iter().zip(fields) {
            changes.extend(mover.follow(tx, call, fields, going).await?);
            if changes.len() > MOST_MOVED {
                return Err(too_large(mover.collection()));
            }
        }
        Ok(changes)
    }
}

async fn preview_kind<R: Mergeable>(
    db: &Db,
    call: &Call,
    slice: &Slice<R>,
    request: &MergeRecordsRequest,
) -> Result<PreviewMergeResponse> {
    let fields = &slice.fields(call).await?;
    let wanted = &Wanted::read::<R>(fields, request)?;
    let (tenant, owners) = (call.tenant_id(), R::KIND.owners(call));
    let held = db
        .read(call, move |tx| {
            Box::pin(async move {
                let found = R::get(tx.conn(), tenant, &wanted.ids, owners).await?;
                let found = found.into_iter().map(|record| (record.head().id, record)).collect();
                check(tx, call, wanted, found).await
            })
        })
        .await?;
    let draft = draft(call, fields, wanted, held)?;
    convert::preview(call, fields, &draft.record, &draft.chosen)
}

/// Holds the records of a merge.
async fn hold<R: Mergeable>(tx: &mut Tx<'_>, call: &Call, wanted: &Wanted) -> Result<Vec<R>> {
    let held = life::hold::<R>(tx, call, &wanted.ids).await?;
    check(tx, call, wanted, held).await
}

/// The records in the order asked for, each of which may be merged.
async fn check<R: Mergeable>(
    tx: &mut Tx<'_>,
    call: &Call,
    wanted: &Wanted,
    mut held: BTreeMap<Uuid, R>,
) -> Result<Vec<R>> {
    let mut records = Vec::with_capacity(wanted.ids.len());
    for (id, etag) in wanted.ids.iter().zip(&wanted.etags) {
        let record = match life::live(&mut held, id) {
            Ok(record) => record,
            Err(error) => return Err(merged_already::<R>(tx, call, *id).await?.unwrap_or(error)),
        };
        etag::check(etag, record.head().revision)?;
        record.may_merge()?;
        records.push(record);
    }
    Ok(records)
}

/// `FAILED_PRECONDITION / ALREADY_MERGED` for the id of a record that went into one within the caller's scope.
async fn merged_already<R: Mergeable>(tx: &mut Tx<'_>, call: &Call, id: Uuid) -> Result<Option<Error>> {
    let tenant = tx.tenant_id();
    let led = R::redirected(tx.conn(), tenant, &[id]).await?;
    let Some((_, target)) = led.first().copied() else { return Ok(None) };
    if R::get(tx.conn(), tenant, &[target], R::KIND.owners(call)).await?.is_empty() {
        return Ok(None);
    }
    let message = format!("the record was merged into {target}");
    let error = Error::new(Code::FailedPrecondition, DOMAIN, "ALREADY_MERGED", message);
    Ok(Some(error.with("id", id).with("survivor_id", target)))
}

/// What becomes of the records.
fn draft<R: Mergeable>(call: &Call, fields: &Fields, wanted: &Wanted, records: Vec<R>) -> Result<Draft<R>> {
    let gone = Gone { collection: R::KIND.collection, ids: &wanted.ids };
    let mut participants = Vec::with_capacity(records.len());
    for record in &records {
        let mut loose = record.clone();
        recycle_bin::forget(&mut loose, fields, gone);
        let document = revert::document(&loose)?;
        let time = |key: &str| document.get(key).cloned().unwrap_or_default();
        let (created, updated) = (time("create_time"), time("update_time"));
        participants.push(Participant {
            id: record.head().id,
            create_time: serde_json::from_value(created).map_err(Error::internal)?,
            update_time: serde_json::from_value(updated).map_err(Error::internal)?,
            document,
        });
    }
    let named = wanted.survivor_id.and_then(|id| participants.iter().position(|record| record.id == id));
    let place = named.unwrap_or_else(|| policy::survivor(wanted.rule, &wanted.fields, &participants));
    participants[..=place].rotate_right(1);
    let mut losers = records;
    let was = losers.remove(place);
    let (document, chosen) = policy::merge(&wanted.fields, &participants, &|field| wanted.policy_of(field))?;
    let mut record: R = revert::record(document)?;
    refresh::evaluate(fields, &mut record, call.moment());
    Ok(Draft { was, record, losers, chosen })
}

/// Takes the losers out of their table, and keeps what they were.
async fn depart<R: Mergeable>(
    tx: &mut Tx<'_>,
    call: &Call,
    fields: &Fields,
    going: Going<'_>,
    losers: &[R],
) -> Result<Vec<Departed>> {
    let mut parts: BTreeMap<Uuid, Value> = R::parts(tx, call, going).await?.into_iter().collect();
    children::settle(tx, call, going).await?;
    life::withdraw(tx, call, fields, losers, &|wire| R::departed(wire, going.into)).await?;
    let mut departed = Vec::with_capacity(losers.len());
    for loser in losers {
        let id = loser.head().id;
        departed.push(Departed {
            record_id: id,
            document: Some(serde_json::to_value(loser).map_err(Error::internal)?),
            parts: parts.remove(&id),
        });
    }
    Ok(departed)
}

/// Gives the survivor a revision above those of the losers, so that none of their etags is ever taken for one of its own.
async fn outrun<R: Mergeable>(tx: &mut Tx<'_>, was: &mut R, mut record: R, losers: &[R]) -> Result<R> {
    let most = losers.iter().map(|loser| loser.head().revision).max().unwrap_or(0);
    if was.head().revision <= most {
        let (tenant, id) = (tx.tenant_id(), was.head().id);
        rows::raise_revision(tx.conn(), R::KIND, tenant, id, most + 1).await?;
        *was.head_mut().revision = most + 1;
        *record.head_mut().revision = most + 1;
    }
    Ok(record)
}

fn new<R: Mergeable>(
    call: &Call,
    survivor_id: Uuid,
    loser_ids: Vec<Uuid>,
    (moved_count, chosen): (i64, Vec<Chosen>),
) -> Merge {
    let taken =
        chosen.into_iter().map(|Chosen { path, policy, from }| Taken { path, policy: Choice(policy), from });
    let mut merge = Merge {
        tenant_id: call.tenant_id(),
        id: call.new_id(),
        create_time: call.now,
        update_time: call.now,
        collection: R::KIND.collection.to_owned(),
        survivor_id,
        current_id: survivor_id,
        loser_ids,
        creator_id: call.caller_id(),
        state: Choice(State::Unspecified),
        awaited: Vec::new(),
        moved_count,
        fields: Json(taken.collect()),
        conflicts: Json(Vec::new()),
        undo_time: None,
        undoer_id: None,
    };
    merge.enter(R::FOLLOWED_BY.iter().map(|name| (*name).to_owned()).collect(), false, call.now);
    merge
}
