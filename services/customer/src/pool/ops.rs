//! Use cases of pools themselves.

use chrono::TimeDelta;
use crm_kit_api::{Call, Error, Result, clock::Clock, etag, filter::Schema, id, mask};
use crm_kit_pg::{Db, Tx, jobs};
use crm_kit_record::Record as _;
use crm_proto::crm::customer::v1::Pool as Wire;
use prost::Name as _;
use prost_types::FieldMask;
use tonic::Code;
use uuid::Uuid;

use super::{
    COLLECTION, convert, events,
    model::{MANAGE, MAX_POOLS, Pool},
    place::Pooled,
    reclaim, store,
};
use crate::{
    DOMAIN,
    account::{self, Account, Accounts},
    lead::{Lead, Leads},
};

/// The use cases of pools. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Pools {
    /// The service's database.
    pub db: Db,
    /// Tells the time to jobs.
    pub clock: Clock,
    /// The companies that wait.
    pub accounts: Accounts,
    /// Those who might buy that wait.
    pub leads: Leads,
}

impl Pools {
    /// The pool with an id, as far as the caller may see it.
    pub async fn find(&self, call: &Call, field: &str, text: &str) -> Result<Pool> {
        let (tenant, id) = (call.tenant_id(), id::parse(field, text)?);
        let found = self
            .db
            .read_one(call, move |one| Box::pin(async move { store::get(one.conn(), tenant, id).await }))
            .await?;
        let seen = found.filter(|pool| pool.is_seen_by(&call.access));
        seen.ok_or_else(|| Error::not_found(COLLECTION, id))
    }

    /// The pools the caller may see; `collection` may be empty.
    pub async fn list(&self, call: &Call, collection: &str) -> Result<Vec<Wire>> {
        let tenant = call.tenant_id();
        let pools = self
            .db
            .read_one(call, move |one| Box::pin(async move { store::all(one.conn(), tenant).await }))
            .await?;
        let wanted = |pool: &&Pool| collection.is_empty() || pool.collection == collection;
        let seen = pools.iter().filter(wanted).filter(|pool| pool.is_seen_by(&call.access));
        Ok(seen.map(convert::to_wire).collect())
    }

    /// Creates a pool.
    pub async fn create(&self, call: &Call, wire: Wire) -> Result<Wire> {
        let (schema, in_work) = self.schema(call, &wire.collection).await?;
        let pool = &convert::read(call, wire, convert::fresh(call), (&schema, in_work))?;
        self.db.write(call, "create", move |tx| Box::pin(async move { create(tx, call, pool).await })).await
    }

    /// Changes a pool.
    pub async fn update(&self, call: &Call, wire: Wire, update_mask: Option<FieldMask>) -> Result<Wire> {
        let was = self.find(call, "pool.id", &wire.id).await?;
        let kind = &self.schema(call, &was.collection).await?;
        let (wire, update_mask) = (&wire, update_mask.as_ref());
        self.db
            .write(call, "update", move |tx| {
                Box::pin(async move { update(tx, call, (wire, update_mask), (&kind.0, kind.1)).await })
            })
            .await
    }

    /// Removes a pool that is empty.
    pub async fn delete(&self, call: &Call, id: &str, etag: &str) -> Result<Wire> {
        let id = id::parse("id", id)?;
        self.db
            .write(call, "delete", move |tx| {
                Box::pin(async move {
                    let tenant = tx.tenant_id();
                    let known = store::lock_all(tx.conn(), tenant).await?;
                    let pool = known.iter().find(|known| known.id == id);
                    let pool = pool.ok_or_else(|| Error::not_found(COLLECTION, id))?;
                    etag::check(etag, pool.revision)?;
                    store::delete(tx.conn(), pool).await?;
                    tx.record(events::deleted(pool));
                    Ok(convert::to_wire(pool))
                })
            })
            .await
    }

    /// What expressions over the records of a collection may use, and which of them are in work.
    pub async fn schema(&self, call: &Call, collection: &str) -> Result<(Schema, &'static str)> {
        Ok(if collection == account::COLLECTION {
            let fields = self.accounts.fields(call).await?;
            (Account::filter_schema(&fields, call), Account::IN_WORK)
        } else {
            let fields = self.leads.fields(call).await?;
            (Lead::filter_schema(&fields, call), Lead::IN_WORK)
        })
    }
}

/// Fails with `PERMISSION_DENIED / PERMISSION_MISSING` unless the caller administers the pool.
pub fn require_admin(call: &Call, pool: &Pool) -> Result<()> {
    if pool.is_managed_by(&call.access) { Ok(()) } else { Err(Error::permission_missing(MANAGE)) }
}

async fn create(tx: &mut Tx<'_>, call: &Call, pool: &Pool) -> Result<Wire> {
    let tenant = tx.tenant_id();
    let known = store::lock_all(tx.conn(), tenant).await?;
    if known.len() >= MAX_POOLS {
        let message = format!("the tenant has {MAX_POOLS} pools already");
        let error = Error::new(Code::ResourceExhausted, DOMAIN, "POOL_LIMIT", message);
        return Err(error.with("limit", MAX_POOLS));
    }
    take_default(tx, call, pool, &known).await?;
    store::insert(tx.conn(), pool).await?;
    schedule(tx, call, pool.id).await?;
    tx.record(events::created(pool));
    Ok(convert::to_wire(pool))
}

async fn update(
    tx: &mut Tx<'_>,
    call: &Call,
    (wire, update_mask): (&Wire, Option<&FieldMask>),
    kind: (&Schema, &str),
) -> Result<Wire> {
    let (tenant, id) = (tx.tenant_id(), id::parse("pool.id", &wire.id)?);
    let known = store::lock_all(tx.conn(), tenant).await?;
    let was = known.iter().find(|known| known.id == id).ok_or_else(|| Error::not_found(COLLECTION, id))?;
    etag::check(&wire.etag, was.revision)?;
    let before = convert::to_wire(was);
    let descriptor = crm_proto::message(&Wire::full_name());
    let merged = mask::merge(&descriptor, &before, wire, update_mask, convert::FIXED)?;
    let mut pool = convert::read(call, merged, was.clone(), kind)?;
    if pool == *was {
        return Ok(before);
    }
    pool.revision += 1;
    pool.update_time = call.now;
    if !was.is_default {
        take_default(tx, call, &pool, &known).await?;
    }
    store::update(tx.conn(), &pool).await?;
    schedule(tx, call, id).await?;
    tx.record(events::updated(was, &pool)?);
    Ok(convert::to_wire(&pool))
}

/// Takes the mark of the default from the pool that has it, when another one gets it.
async fn take_default(tx: &mut Tx<'_>, call: &Call, pool: &Pool, known: &[Pool]) -> Result<()> {
    let rivals = known.iter().filter(|known| {
        pool.is_default && known.is_default && known.collection == pool.collection && known.id != pool.id
    });
    for was in rivals {
        let mut rival = was.clone();
        rival.is_default = false;
        rival.revision += 1;
        rival.update_time = call.now;
        store::update(tx.conn(), &rival).await?;
        tx.record(events::updated(was, &rival)?);
    }
    Ok(())
}

/// Has the rules of the pool run within the hour.
async fn schedule(tx: &mut Tx<'_>, call: &Call, pool_id: Uuid) -> Result<()> {
    let tenant = tx.tenant_id();
    let at = call.now + TimeDelta::from_std(reclaim::EVERY).unwrap_or_default();
    jobs::enqueue(tx.conn(), tenant, pool_id, reclaim::JOB_KIND, at).await
}
