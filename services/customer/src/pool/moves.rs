//! Moves of records that somebody with the right to it makes: out of a pool to a user, back to a pool, and between pools. All or nothing.

use std::collections::{BTreeMap, BTreeSet};

use crm_kit_api::{Call, Error, Result};
use crm_kit_pg::Tx;
use crm_kit_record::{
    custom_field::Fields,
    life::{self, Revision},
};
use crm_proto::crm::customer::v1::{PoolRecord, ownership_period::Act};
use tonic::Code;
use uuid::Uuid;

use super::{COLLECTION, claim::in_pool, model::Pool, place::Pooled, store};
use crate::{DOMAIN, ownership};

/// A move that somebody asks for.
#[derive(Debug)]
pub struct Wanted {
    /// The records.
    pub ids: Vec<Uuid>,
    /// Why.
    pub reason: String,
}

/// Gives records of a pool to a user.
pub async fn assign<R: Pooled>(
    tx: &mut Tx<'_>,
    call: &Call,
    fields: &Fields,
    (pool, owner_id): (&Pool, Uuid),
    wanted: &Wanted,
) -> Result<Vec<PoolRecord>> {
    let waiting = waiting::<R>(tx, pool, &wanted.ids).await?;
    let given = waiting.into_iter().map(|was| {
        let mut record = was.clone();
        record.give(owner_id, &wanted.reason, call.now);
        (was, record)
    });
    write(tx, call, fields, given.collect(), (Act::Assigned, &wanted.reason)).await
}

/// Moves records from one pool to another of the same collection.
pub async fn relocate<R: Pooled>(
    tx: &mut Tx<'_>,
    call: &Call,
    fields: &Fields,
    (pool, target): (&Pool, Uuid),
    wanted: &Wanted,
) -> Result<Vec<PoolRecord>> {
    let tenant = tx.tenant_id();
    let target =
        store::get(tx.conn(), tenant, target).await?.filter(|known| known.collection == pool.collection);
    let target = target.ok_or_else(|| Error::not_found(COLLECTION, "target_pool_id"))?;
    let mut moved = Vec::with_capacity(wanted.ids.len());
    for was in waiting::<R>(tx, pool, &wanted.ids).await? {
        let mut record = was.clone();
        record.put(target.id, &wanted.reason, call.now)?;
        moved.push((was, record));
    }
    write(tx, call, fields, moved, (Act::Moved, &wanted.reason)).await
}

/// Gives records back to a pool: the one named, or each record's last one, or the default of the collection.
pub async fn give_back<R: Pooled>(
    tx: &mut Tx<'_>,
    call: &Call,
    fields: &Fields,
    pool_id: Option<Uuid>,
    wanted: &Wanted,
) -> Result<Vec<PoolRecord>> {
    let tenant = tx.tenant_id();
    let pools = store::all(tx.conn(), tenant).await?;
    let pools: Vec<&Pool> = pools.iter().filter(|pool| pool.collection == R::KIND.collection).collect();
    let is_known = |id: &Uuid| pools.iter().any(|pool| pool.id == *id);
    if let Some(id) = pool_id.filter(|id| !is_known(id)) {
        return Err(Error::not_found(COLLECTION, id));
    }
    let last: BTreeMap<Uuid, Uuid> =
        ownership::store::last_pools(tx.conn(), tenant, &wanted.ids).await?.into_iter().collect();
    let default = pools.iter().find(|pool| pool.is_default).map(|pool| pool.id);
    let mut held = life::hold::<R>(tx, call, &wanted.ids).await?;
    let mut returned = Vec::with_capacity(wanted.ids.len());
    for id in &wanted.ids {
        let was = life::live(&mut held, id)?;
        if let Some(pool_id) = was.place().pool_id {
            let message = "the record waits in a pool already";
            let error = Error::new(Code::FailedPrecondition, DOMAIN, "ALREADY_IN_POOL", message);
            return Err(error.with("id", id).with("pool_id", pool_id));
        }
        let target = pool_id.or(last.get(id).copied().filter(is_known)).or(default).ok_or_else(needed)?;
        let mut record = was.clone();
        record.put(target, &wanted.reason, call.now)?;
        returned.push((was, record));
    }
    write(tx, call, fields, returned, (Act::Returned, &wanted.reason)).await
}

fn needed() -> Error {
    let message = "name a pool: the collection has no default one";
    Error::new(Code::FailedPrecondition, DOMAIN, "POOL_NEEDED", message)
}

/// The records, held, all of which wait in the pool.
async fn waiting<R: Pooled>(tx: &mut Tx<'_>, pool: &Pool, ids: &[Uuid]) -> Result<Vec<R>> {
    let tenant = tx.tenant_id();
    let found = R::lock(tx.conn(), tenant, ids, None).await?;
    let mut held: BTreeMap<Uuid, R> = found.into_iter().map(|record| (record.head().id, record)).collect();
    ids.iter().map(|id| in_pool(&mut held, *id, pool)).collect()
}

async fn write<R: Pooled>(
    tx: &mut Tx<'_>,
    call: &Call,
    fields: &Fields,
    moved: Vec<(R, R)>,
    (act, reason): (Act, &str),
) -> Result<Vec<PoolRecord>> {
    let tenant = tx.tenant_id();
    let ids: BTreeSet<Uuid> = moved.iter().map(|(was, _)| was.head().id).collect();
    let ids: Vec<Uuid> = ids.into_iter().collect();
    let revisions = moved.into_iter().map(|(was, record)| Revision::new(fields, was, record)).collect();
    let wires = life::write(tx, call, fields, revisions).await?;
    ownership::store::explain(tx.conn(), tenant, &ids, act, reason).await?;
    Ok(wires.into_iter().map(R::pooled).collect())
}
