//! Records that leave their collection without going to the recycle bin, and come back as they were. What becomes of their contents meanwhile, and of
//! what refers to them, is known to whoever calls this.

use crm_kit_api::{Call, Result};
use crm_kit_pg::{Change, ChangeKind, Tx, change::Telling};
use uuid::Uuid;

use super::{claim, stamp};
use crate::{
    Record,
    custom_field::{Fields, link, refresh, unique},
    external_id, rows,
};

/// Takes live records that the transaction holds out of their table. External ids, numbers and unique values are free from then on. `tell` makes the
/// event, which is recorded as a deletion.
pub async fn withdraw<R: Record>(
    tx: &mut Tx<'_>,
    call: &Call,
    fields: &Fields,
    records: &[R],
    tell: &(dyn Fn(R::Wire) -> Telling + Sync),
) -> Result<()> {
    let (tenant, ids) = (tx.tenant_id(), records.iter().map(|record| record.head().id));
    let ids: Vec<Uuid> = ids.collect();
    external_id::release(tx.conn(), tenant, &ids).await?;
    link::deleted(tx, call, fields, records).await?;
    rows::purge(tx.conn(), R::KIND, tenant, &ids).await?;
    for record in records {
        let wire = record.to_wire(fields);
        let change = change::<R>(record, ChangeKind::Delete, tell(wire.clone()));
        tx.record(change.audited(Some(&wire), None));
    }
    Ok(())
}

/// Puts such records back with all they had but a new revision. Fails with `ALREADY_EXISTS` when somebody took an external id, a number or a unique value
/// meanwhile.
pub async fn restore<R: Record>(
    tx: &mut Tx<'_>,
    call: &Call,
    fields: &Fields,
    mut records: Vec<R>,
    tell: &(dyn Fn(R::Wire) -> Telling + Sync),
) -> Result<Vec<R>> {
    for record in &mut records {
        let deleted = record.head().delete_time;
        stamp(record, call.now, deleted);
        refresh::evaluate(fields, record, call.moment());
    }
    R::insert(tx.conn(), &records).await?;
    claim(tx, &records).await?;
    for record in &records {
        link::undeleted(tx, call, fields, record).await?;
        let wire = record.to_wire(fields);
        let change = change::<R>(record, ChangeKind::Undelete, tell(wire.clone()));
        tx.record(change.audited(None, Some(&wire)));
    }
    Ok(records)
}

fn change<R: Record>(record: &R, kind: ChangeKind, told: Telling) -> Change {
    Change::told(R::KIND.collection, record.head().id, kind, told).owned_by(record.head().owner_id)
}

/// Frees the external ids and unique values of live records that the transaction holds, so that records which had them before can come back.
/// [`reclaim`] takes what is left of them again.
pub async fn release(tx: &mut Tx<'_>, ids: &[Uuid]) -> Result<()> {
    let tenant = tx.tenant_id();
    external_id::release(tx.conn(), tenant, ids).await?;
    unique::release_records(tx.conn(), tenant, ids).await
}

/// Takes the external ids and unique values of live records that were freed in the transaction.
pub async fn reclaim<R: Record>(tx: &mut Tx<'_>, fields: &Fields, records: &[R]) -> Result<()> {
    let ids: Vec<Uuid> = records.iter().map(|record| record.head().id).collect();
    release(tx, &ids).await?;
    claim(tx, records).await?;
    link::reclaimed(tx, fields, records).await
}
