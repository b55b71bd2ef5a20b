//! The life of a record, the same for every kind: create, update, delete and undelete, alone or in batches that do all or nothing, each leaving an event
//! and an audit row. A kind of record says what is its own by implementing [`Record`].
//!
//! Not here: SQL and fields of a kind, lists, and bulk writing, which is [`crate::upsert`].

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use crm_kit_api::{Call, Error, Result, etag, time};
use crm_kit_pg::Tx;
use prost_types::Timestamp;
use uuid::Uuid;

use crate::{
    HeadMut, Record,
    custom_field::Fields,
    external_id::{self, Claims},
};

mod act;
mod change;
mod create;
mod delete;
mod make;
mod taken;
mod update;
mod withdraw;

pub use change::purged;
pub use create::{NewNumbers, insert};
pub use delete::delete;
pub use update::{Revision, revise, write, write_one};
pub use withdraw::{reclaim, release, restore, withdraw};

/// Days a record stays in the recycle bin.
pub const BIN_DAYS: i64 = 30;

/// The records with these ids within the caller's scope, held until the transaction ends.
pub async fn hold<R: Record>(tx: &mut Tx<'_>, call: &Call, ids: &[Uuid]) -> Result<BTreeMap<Uuid, R>> {
    let tenant = tx.tenant_id();
    let found = R::lock(tx.conn(), tenant, ids, R::KIND.owners(call)).await?;
    Ok(found.into_iter().map(|record| (record.head().id, record)).collect())
}

/// Takes a live record out of those held.
pub fn live<R: Record>(held: &mut BTreeMap<Uuid, R>, id: &Uuid) -> Result<R> {
    held.remove(id).filter(|record| record.head().delete_time.is_none()).ok_or_else(|| not_found::<R>(id))
}

/// The live record with an id, held until the transaction ends, when it has the etag; an empty etag is any.
pub async fn hold_one<R: Record>(tx: &mut Tx<'_>, call: &Call, id: Uuid, etag: &str) -> Result<R> {
    let record = live(&mut hold::<R>(tx, call, &[id]).await?, &id)?;
    etag::check(etag, record.head().revision)?;
    Ok(record)
}

/// Reads a record and checks that the caller may make its owner its owner: everybody within the caller's scope may be, and whoever was before.
pub fn read_owned<R: Record>(
    call: &Call,
    fields: &Fields,
    wire: R::Wire,
    base: R,
    owner_before: Option<Uuid>,
) -> Result<R> {
    let record = R::read(call, fields, wire, base)?;
    let owner = record.head().owner_id;
    let is_free = R::KIND.is_common()
        || owner == owner_before
        || owner == Some(call.caller_id())
        || call.access.scope.covers(owner);
    if !is_free {
        call.require(R::KIND.transfer)?;
    }
    Ok(record)
}

async fn claim<R: Record>(tx: &mut Tx<'_>, records: &[R]) -> Result<()> {
    let mut claims = Claims::default();
    for record in records {
        claims.add(record.head().id, record.head().external_ids);
    }
    if claims.is_empty() {
        return Ok(());
    }
    let tenant = tx.tenant_id();
    external_id::claim(tx.conn(), tenant, R::KIND, &claims).await
}

/// Exchanges the external ids of those records whose ids changed.
async fn rename<R: Record>(tx: &mut Tx<'_>, records: &[R], was: &[R]) -> Result<()> {
    let pairs = records.iter().zip(was);
    let renamed = pairs.filter(|(record, was)| record.head().external_ids != was.head().external_ids);
    let renamed: Vec<R> = renamed.map(|(record, _)| record.clone()).collect();
    if renamed.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = renamed.iter().map(|record| record.head().id).collect();
    let tenant = tx.tenant_id();
    external_id::release(tx.conn(), tenant, &ids).await?;
    claim(tx, &renamed).await
}

/// `NOT_FOUND` of a record of the kind.
pub fn not_found<R: Record>(id: &Uuid) -> Error {
    Error::not_found(R::KIND.collection, id)
}

/// When the recycle bin drops a record for good.
pub fn purge_time(delete_time: Option<DateTime<Utc>>) -> Option<Timestamp> {
    delete_time.map(|time| time::timestamp(time + TimeDelta::days(BIN_DAYS)))
}

/// Marks a record as written now.
fn stamp<R: Record>(record: &mut R, now: DateTime<Utc>, deleted: Option<DateTime<Utc>>) {
    let HeadMut { update_time, delete_time, revision, .. } = record.head_mut();
    *update_time = now;
    *delete_time = deleted;
    *revision += 1;
}
