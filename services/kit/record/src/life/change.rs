//! What a write tells: the event of the kind, the audit row, and whose records the event is about.

use crm_kit_api::{Result, mask};
use crm_kit_pg::{Change, ChangeKind};
use prost::Name as _;

use crate::{Happening, Record};

/// Tells that a record was created.
pub fn created<R: Record>(record: &R, wire: &R::Wire) -> Change {
    of(record, wire, ChangeKind::Create, Happening::Created).audited(None, Some(wire))
}

/// Tells that a record went to the recycle bin.
pub fn deleted<R: Record>(record: &R, wire: &R::Wire) -> Change {
    of(record, wire, ChangeKind::Delete, Happening::Deleted).audited(Some(wire), None)
}

/// Tells that a record came back.
pub fn undeleted<R: Record>(record: &R, wire: &R::Wire) -> Change {
    of(record, wire, ChangeKind::Undelete, Happening::Undeleted).audited(None, Some(wire))
}

/// Tells that a record is gone for good. Event and audit row say which one it was and nothing of what it held.
pub fn purged<R: Record>(record: &R, wire: &R::Wire) -> Result<Change> {
    let descriptor = crm_proto::message(&R::Wire::full_name());
    let known = mask::only(&descriptor, wire, &["id", "delete_time"].map(str::to_owned))?;
    Ok(of(record, &known, ChangeKind::Purge, Happening::Purged).audited::<R::Wire>(None, None))
}

/// Tells that `fields` of a record changed. Whoever may see the records of the owner before and not those of the new one is told that the record
/// went to somebody else, and nothing more of it.
pub fn updated<R: Record>(
    was: &R,
    before: &R::Wire,
    record: &R,
    wire: &R::Wire,
    fields: Vec<String>,
) -> Result<Change> {
    let descriptor = crm_proto::message(&R::Wire::full_name());
    let previous = mask::only(&descriptor, before, &fields)?;
    let current = mask::only(&descriptor, wire, &fields)?;
    let happening = Happening::Updated { fields: fields.clone(), previous: previous.clone() };
    let change = of(record, wire, ChangeKind::Update, happening)
        .of_fields(fields)
        .audited(Some(&previous), Some(&current));
    let (from, to) = (was.head().owner_id, record.head().owner_id);
    let Some(from) = from.filter(|from| Some(*from) != to) else { return Ok(change) };
    let owner = || vec!["owner_id".to_owned()];
    let known = ["id", "update_time", "etag", "owner_id"].map(str::to_owned);
    let farewell =
        Happening::Updated { fields: owner(), previous: mask::only(&descriptor, before, &owner())? };
    Ok(change.taken_from(from, owner(), R::event(mask::only(&descriptor, wire, &known)?, farewell)))
}

fn of<R: Record>(record: &R, wire: &R::Wire, kind: ChangeKind, happening: Happening<R::Wire>) -> Change {
    let told = R::event(wire.clone(), happening);
    Change::told(R::KIND.collection, record.head().id, kind, told).owned_by(record.head().owner_id)
}
