//! Events of pools.

use crm_kit_api::{Result, mask};
use crm_kit_pg::{Change, ChangeKind};
use crm_proto::crm::customer::v1::{Pool as Wire, PoolCreated, PoolDeleted, PoolUpdated};
use prost::Name as _;
use prost_types::FieldMask;

use super::{COLLECTION, convert::to_wire, model::Pool};

/// Tells that a pool was created.
pub fn created(pool: &Pool) -> Change {
    let wire = to_wire(pool);
    let event = PoolCreated { pool: Some(wire.clone()) };
    Change::new(COLLECTION, pool.id, ChangeKind::Create, &event).audited(None, Some(&wire))
}

/// Tells that a pool changed.
pub fn updated(was: &Pool, pool: &Pool) -> Result<Change> {
    let (before, after) = (to_wire(was), to_wire(pool));
    let descriptor = crm_proto::message(&Wire::full_name());
    let mut fields = mask::changed(&descriptor, &before, &after)?;
    fields.retain(|name| !matches!(name.as_str(), "update_time" | "etag"));
    let previous = mask::only(&descriptor, &before, &fields)?;
    let current = mask::only(&descriptor, &after, &fields)?;
    let changed_fields = Some(FieldMask { paths: fields.clone() });
    let event = PoolUpdated { pool: Some(after), previous: Some(previous.clone()), changed_fields };
    let change = Change::new(COLLECTION, pool.id, ChangeKind::Update, &event);
    Ok(change.of_fields(fields).audited(Some(&previous), Some(&current)))
}

/// Tells that a pool was removed.
pub fn deleted(pool: &Pool) -> Change {
    let wire = to_wire(pool);
    let event = PoolDeleted { pool: Some(wire.clone()) };
    Change::new(COLLECTION, pool.id, ChangeKind::Delete, &event).audited(Some(&wire), None)
}
