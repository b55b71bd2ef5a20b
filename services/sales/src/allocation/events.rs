//! Events of allocations: each entry is told once.

use crm_kit_pg::{Change, ChangeKind};
use crm_proto::crm::sales::v1::AllocationEntryCreated;
use uuid::Uuid;

use super::{COLLECTION, convert, model::Entry};

/// Tells of an entry to those who see the records of the receipt's owner.
pub fn created(entry: &Entry, owner_id: Uuid) -> Change {
    let wire = convert::entry_to_wire(entry);
    let event = AllocationEntryCreated { allocation_entry: Some(wire.clone()) };
    Change::new(COLLECTION, entry.id, ChangeKind::Create, &event)
        .owned_by(Some(owner_id))
        .audited(None, Some(&wire))
}
