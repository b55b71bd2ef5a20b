//! What becomes of relations when their accounts are merged: they follow to the survivor, and come back when the merge is undone.

use std::collections::BTreeSet;

use crm_kit_api::{Call, Result};
use crm_kit_pg::Tx;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    COLLECTION, events,
    model::Relation,
    store::{self, Owners},
};
use crate::merge::{MOST_MOVED, children::too_large};

/// A relation as it was before a merge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    relation: Relation,
    /// Whether it went with the merge: it would have joined the survivor with itself, or the survivor had such a relation already.
    dropped: bool,
}

/// Lets relations of accounts that go be relations of `into`; returns them as they were. Of doubles those stay that the survivor had, else the oldest.
pub async fn follow(tx: &mut Tx<'_>, call: &Call, gone: &[Uuid], into: Uuid) -> Result<Vec<Kept>> {
    let (tenant, most) = (tx.tenant_id(), i64::try_from(MOST_MOVED + 1).unwrap_or(i64::MAX));
    let moving = store::lock_of(tx.conn(), tenant, gone, most).await?;
    if moving.len() > MOST_MOVED {
        return Err(too_large(COLLECTION));
    }
    if moving.is_empty() {
        return Ok(Vec::new());
    }
    let others: Vec<Uuid> = moving.iter().flat_map(Relation::ends).collect();
    let mut taken: BTreeSet<_> =
        store::between(tx.conn(), tenant, into, &others).await?.iter().map(Relation::key).collect();
    let (mut kept, mut moved, mut dropped) = (Vec::new(), Vec::new(), Vec::new());
    for was in moving {
        let end = |id: Uuid| if gone.contains(&id) { into } else { id };
        let relation = was.joining(end(was.from_account_id), end(was.to_account_id), call.now);
        let goes = relation.from_account_id == relation.to_account_id || !taken.insert(relation.key());
        kept.push(Kept { relation: was.clone(), dropped: goes });
        if goes {
            dropped.push(was);
        } else {
            moved.push((was, relation));
        }
    }
    let ids: Vec<Uuid> = dropped.iter().map(|relation| relation.id).collect();
    store::delete_all(tx.conn(), tenant, &ids).await?;
    let owners = owners(tx, dropped.iter().chain(moved.iter().map(|(_, relation)| relation))).await?;
    for relation in &dropped {
        tx.record(events::deleted(relation, relation.owner_id(&owners)));
    }
    turn(tx, &moved, &owners).await?;
    Ok(kept)
}

/// Lets relations be of the accounts that they were of before these went into `from`. What was changed of them since stays; those that somebody deleted
/// since stay away, and so do those whose other account is gone.
pub async fn put_back(
    tx: &mut Tx<'_>,
    call: &Call,
    kept: Vec<Kept>,
    back: &[Uuid],
    from: Uuid,
) -> Result<()> {
    let tenant = tx.tenant_id();
    let (dropped, stayed): (Vec<Kept>, Vec<Kept>) = kept.into_iter().partition(|kept| kept.dropped);
    let ids: Vec<Uuid> = stayed.iter().map(|kept| kept.relation.id).collect();
    let mut moved = Vec::with_capacity(ids.len());
    for now in store::lock_all(tx.conn(), tenant, &ids).await? {
        let Some(Kept { relation: was, .. }) = stayed.iter().find(|kept| kept.relation.id == now.id) else {
            continue;
        };
        let end = |is: Uuid, was: Uuid| if is == from && back.contains(&was) { was } else { is };
        let ends = [end(now.from_account_id, was.from_account_id), end(now.to_account_id, was.to_account_id)];
        if ends != now.ends() {
            let relation = now.joining(ends[0], ends[1], call.now);
            moved.push((now, relation));
        }
    }
    let again = dropped.into_iter().map(|Kept { relation, .. }| {
        relation.joining(relation.from_account_id, relation.to_account_id, call.now)
    });
    let again: Vec<Relation> = again.collect();
    let owners = owners(tx, again.iter().chain(moved.iter().map(|(_, relation)| relation))).await?;
    turn(tx, &moved, &owners).await?;
    let inserted = store::restore(tx.conn(), &again).await?;
    for relation in again.iter().filter(|relation| inserted.contains(&relation.id)) {
        tx.record(events::created(relation, relation.owner_id(&owners)));
    }
    Ok(())
}

/// Writes what relations join now, and tells so.
async fn turn(tx: &mut Tx<'_>, moved: &[(Relation, Relation)], owners: &Owners) -> Result<()> {
    let tenant = tx.tenant_id();
    let relations: Vec<&Relation> = moved.iter().map(|(_, relation)| relation).collect();
    store::turn(tx.conn(), tenant, &relations).await?;
    for (was, relation) in moved {
        tx.record(events::updated(was, relation, relation.owner_id(owners))?);
    }
    Ok(())
}

/// Whose the accounts of relations are.
async fn owners(tx: &mut Tx<'_>, relations: impl Iterator<Item = &Relation>) -> Result<Owners> {
    let tenant = tx.tenant_id();
    let ids: BTreeSet<Uuid> = relations.flat_map(Relation::ends).collect();
    let ids: Vec<Uuid> = ids.into_iter().collect();
    store::owners_of(tx.conn(), tenant, &ids, None).await
}
