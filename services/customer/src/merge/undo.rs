//! Undoing merges, and telling that other services have followed.

use std::{collections::BTreeSet, sync::Arc};

use crm_kit_api::{Call, Error, Result, id};
use crm_kit_pg::{Change as Told, ChangeKind, Tx};
use crm_kit_record::{
    Record as _, Slice,
    custom_field::Fields,
    life,
    recycle_bin::{self, Gone},
    rows,
};
use crm_proto::crm::customer::v1::{
    AcknowledgeMergeRequest, Merge as Wire, MergeCompleted, RecordsUnmerged, merge::State,
};
use serde_json::Value;
use sqlx::types::Json;
use tonic::Code;
use uuid::Uuid;

use super::{
    COLLECTION, Merges,
    children::{self, Going},
    convert,
    kind::Mergeable,
    model::{Change, Conflict, Departed, Merge},
    request::{require, unknown},
    store,
};
use crate::{DOMAIN, account, contact, kinds, lead, merge::children::repoint};

impl Merges {
    /// Undoes a merge.
    pub async fn undo(&self, call: &Call, id: &str) -> Result<Wire> {
        let merge = self.seen(call, id).await?;
        require(call, &merge.collection)?;
        match merge.collection.as_str() {
            account::COLLECTION => self.undo_kind(call, &self.accounts, merge.id).await,
            contact::COLLECTION => self.undo_kind(call, &self.contacts, merge.id).await,
            lead::COLLECTION => self.undo_kind(call, &self.leads, merge.id).await,
            _ => Err(unknown("collection")),
        }
    }

    async fn undo_kind<R: Mergeable>(&self, call: &Call, slice: &Slice<R>, id: Uuid) -> Result<Wire> {
        let (fields, others) = (&slice.fields(call).await?, &self.fields(call).await?);
        self.db
            .write(call, "undo", move |tx| {
                Box::pin(async move {
                    let tenant = tx.tenant_id();
                    let merge = store::lock(tx.conn(), tenant, id).await?;
                    let merge = merge.ok_or_else(|| Error::not_found(COLLECTION, id))?;
                    let (survivor, losers, parts) = hold::<R>(tx, call, &merge).await?;
                    let changes = store::changes(tx.conn(), tenant, id).await?;
                    let (own, moved): (Vec<Change>, Vec<Change>) =
                        changes.into_iter().partition(|change| change.record_id == merge.survivor_id);
                    bring_back(tx, call, fields, &merge, (losers, parts)).await?;
                    let mut conflicts = shed::<R>(tx, call, fields, &own, &merge).await?;
                    conflicts.extend(self.put_back(tx, call, others, moved).await?);
                    finish::<R>(tx, call, fields, merge, (survivor.head().owner_id, conflicts)).await
                })
            })
            .await
    }

    /// Lets everything that followed the losers go back to them.
    async fn put_back(
        &self,
        tx: &mut Tx<'_>,
        call: &Call,
        fields: &[Arc<Fields>],
        changes: Vec<Change>,
    ) -> Result<Vec<Conflict>> {
        let mut conflicts = Vec::new();
        for (mover, fields) in self.movers.iter().zip(fields) {
            let of_kind = changes.iter().filter(|change| change.collection == mover.collection());
            let of_kind: Vec<Change> = of_kind.cloned().collect();
            conflicts.extend(mover.put_back(tx, call, fields, &of_kind).await?);
        }
        Ok(conflicts)
    }

    /// Notes that the calling service has followed a merge or its undoing.
    pub async fn acknowledge(&self, call: &Call, request: &AcknowledgeMergeRequest) -> Result<Wire> {
        let (id, undone) = (id::parse("id", &request.id)?, request.undone);
        let service = call.access.service.clone();
        let service = &*service.ok_or_else(|| Error::permission_missing("customer.merges.acknowledge"))?;
        self.db
            .write(call, "acknowledge", move |tx| {
                Box::pin(async move {
                    let tenant = tx.tenant_id();
                    let merge = store::lock(tx.conn(), tenant, id).await?;
                    let mut merge = merge.ok_or_else(|| Error::not_found(COLLECTION, id))?;
                    if undone == merge.is_in_effect() || !merge.awaited.iter().any(|name| name == service) {
                        return Ok(convert::untaken(&merge));
                    }
                    let before = convert::untaken(&merge);
                    let mut awaited = std::mem::take(&mut merge.awaited);
                    awaited.retain(|name| name != service);
                    merge.enter(awaited, undone, call.now);
                    store::save(tx.conn(), &merge).await?;
                    let wire = convert::untaken(&merge);
                    if matches!(merge.state.0, State::Complete | State::Undone) {
                        let event = MergeCompleted { merge: Some(wire.clone()) };
                        let told = Told::new(COLLECTION, id, ChangeKind::Update, &event);
                        let owner_id = owner(tx, &merge).await?;
                        tx.record(told.audited(Some(&before), Some(&wire)).owned_by(owner_id));
                    }
                    Ok(wire)
                })
            })
            .await
    }
}

/// Who answers for the record that a merge led to.
async fn owner(tx: &mut Tx<'_>, merge: &Merge) -> Result<Option<Uuid>> {
    let (tenant, ids) = (tx.tenant_id(), [merge.current_id]);
    let owner = match merge.collection.as_str() {
        account::COLLECTION => account::Account::get(tx.conn(), tenant, &ids, None)
            .await?
            .pop()
            .and_then(|record| record.owner_id),
        contact::COLLECTION => contact::Contact::get(tx.conn(), tenant, &ids, None)
            .await?
            .pop()
            .and_then(|record| record.owner_id),
        _ => lead::Lead::get(tx.conn(), tenant, &ids, None).await?.pop().and_then(|record| record.owner_id),
    };
    Ok(owner)
}

/// The survivor, held, and the losers as they were with their parts; fails when the merge cannot be undone.
async fn hold<R: Mergeable>(tx: &mut Tx<'_>, call: &Call, merge: &Merge) -> Result<(R, Vec<R>, Vec<Value>)> {
    if !merge.is_in_effect() {
        let error =
            Error::new(Code::FailedPrecondition, DOMAIN, "MERGE_UNDONE", "the merge is undone already");
        return Err(error.with("id", merge.id));
    }
    if merge.current_id != merge.survivor_id {
        let message = "the survivor was merged into another record: undo that merge first";
        return Err(refused(merge, "MERGED_ON", message).with("survivor_id", merge.current_id));
    }
    let tenant = tx.tenant_id();
    let (mut losers, mut parts) = (Vec::new(), Vec::new());
    for Departed { document, parts: own, .. } in store::departed(tx.conn(), tenant, merge.id).await? {
        let gone = || refused(merge, "PURGED", "what the records were is not kept any more");
        losers.push(serde_json::from_value::<R>(document.ok_or_else(gone)?).map_err(Error::internal)?);
        parts.extend(own);
    }
    let is_seen = |loser: &R| R::KIND.is_common() || call.access.scope.covers(loser.head().owner_id);
    if !losers.iter().all(is_seen) {
        return Err(Error::not_found(COLLECTION, merge.id));
    }
    let held = R::lock(tx.conn(), tenant, &[merge.survivor_id], R::KIND.owners(call)).await?.pop();
    let survivor = held.ok_or_else(|| Error::not_found(COLLECTION, merge.id))?;
    if survivor.head().delete_time.is_some() {
        let message = "the survivor is in the recycle bin: bring it back first";
        return Err(refused(merge, "DELETED", message));
    }
    Ok((survivor, losers, parts))
}

fn refused(merge: &Merge, cause: &str, message: &str) -> Error {
    Error::new(Code::FailedPrecondition, DOMAIN, "MERGE_NOT_UNDOABLE", message)
        .with("id", merge.id)
        .with("cause", cause)
}

/// Puts the losers back. What they alone had is free for them, whatever of it the survivor got.
async fn bring_back<R: Mergeable>(
    tx: &mut Tx<'_>,
    call: &Call,
    fields: &Fields,
    merge: &Merge,
    (mut losers, parts): (Vec<R>, Vec<Value>),
) -> Result<()> {
    store::rest_rules(tx.conn()).await?;
    mend(tx, fields, &mut losers).await?;
    life::release(tx, &[merge.survivor_id]).await?;
    let from = merge.survivor_id;
    let losers = life::restore(tx, call, fields, losers, &|wire| R::returned(wire, from)).await?;
    R::put_parts(tx, call, &losers, parts, from).await
}

/// Lets records that come back refer to nothing that is gone since: what was merged is referred to where it went, what was purged no more.
async fn mend<R: Mergeable>(tx: &mut Tx<'_>, fields: &Fields, losers: &mut [R]) -> Result<()> {
    let tenant = tx.tenant_id();
    let own: BTreeSet<Uuid> = losers.iter().map(|loser| loser.head().id).collect();
    for kind in kinds::all().iter() {
        let referred = losers.iter().flat_map(Mergeable::references);
        let ids: BTreeSet<Uuid> = referred
            .filter(|(name, id)| *name == kind.collection && !own.contains(id))
            .map(|(_, id)| id)
            .collect();
        if ids.is_empty() {
            continue;
        }
        let ids: Vec<Uuid> = ids.into_iter().collect();
        let absent = rows::absent(tx.conn(), kind, tenant, &ids).await?;
        if absent.is_empty() {
            continue;
        }
        let led = store::redirected(tx.conn(), tenant, kind.collection, &absent).await?;
        for id in absent {
            let gone = Gone { collection: kind.collection, ids: &[id] };
            let into = led.iter().find(|(from, _)| *from == id).map(|(_, into)| *into);
            for loser in losers.iter_mut() {
                match into {
                    Some(into) => repoint(loser, fields, Going { gone, into }),
                    None => recycle_bin::forget(loser, fields, gone),
                }
            }
        }
    }
    Ok(())
}

/// Takes from the survivor what it had of the losers.
async fn shed<R: Mergeable>(
    tx: &mut Tx<'_>,
    call: &Call,
    fields: &Fields,
    own: &[Change],
    merge: &Merge,
) -> Result<Vec<Conflict>> {
    let tenant = tx.tenant_id();
    let conflicts = children::put_back::<R>(tx, call, fields, own).await?;
    let survivor = R::lock(tx.conn(), tenant, &[merge.survivor_id], None).await?;
    life::reclaim(tx, fields, &survivor).await?;
    Ok(conflicts)
}

async fn finish<R: Mergeable>(
    tx: &mut Tx<'_>,
    call: &Call,
    fields: &Fields,
    mut merge: Merge,
    (owner_id, conflicts): (Option<Uuid>, Vec<Conflict>),
) -> Result<Wire> {
    let tenant = tx.tenant_id();
    let before = convert::untaken(&merge);
    let gone = Gone { collection: R::KIND.collection, ids: &merge.loser_ids };
    children::unsettle(tx, Going { gone, into: merge.survivor_id }, merge.create_time).await?;
    store::release(tx.conn(), tenant, merge.id).await?;
    merge.conflicts = Json(conflicts);
    (merge.undo_time, merge.undoer_id) = (Some(call.now), Some(call.caller_id()));
    merge.enter(R::FOLLOWED_BY.iter().map(|name| (*name).to_owned()).collect(), true, call.now);
    store::save(tx.conn(), &merge).await?;
    let wire = convert::untaken(&merge);
    let event = RecordsUnmerged { merge: Some(wire.clone()) };
    let told = Told::new(COLLECTION, merge.id, ChangeKind::Update, &event);
    tx.record(told.audited(Some(&before), Some(&wire)).owned_by(owner_id));
    Ok(convert::to_wire(call, R::KIND, fields, &merge))
}
