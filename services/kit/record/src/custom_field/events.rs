//! Changes of definitions, as events and audit rows tell them.

use crm_kit_api::{Result, mask};
use crm_kit_pg::{Change, ChangeKind};
use crm_proto::crm::record::v1::{CustomField as Wire, CustomFieldCreated, CustomFieldUpdated};
use prost::Name as _;
use prost_types::FieldMask;

use super::{COLLECTION, convert, model::Definition};

/// Tells of a new definition.
pub fn created(definition: &Definition) -> Change {
    let wire = convert::to_wire(definition);
    let event = CustomFieldCreated { custom_field: Some(wire.clone()) };
    Change::new(COLLECTION, definition.id, ChangeKind::Create, &event).audited(None, Some(&wire))
}

/// Tells of a changed definition.
pub fn updated(before: &Definition, after: &Definition) -> Result<Change> {
    let descriptor = crm_proto::message(&Wire::full_name());
    let (before, wire) = (convert::to_wire(before), convert::to_wire(after));
    let mut fields = mask::changed(&descriptor, &before, &wire)?;
    fields.retain(|name| !matches!(name.as_str(), "update_time" | "etag"));
    let previous = mask::only(&descriptor, &before, &fields)?;
    let current = mask::only(&descriptor, &wire, &fields)?;
    let event = CustomFieldUpdated {
        custom_field: Some(wire),
        previous: Some(previous.clone()),
        changed_fields: Some(FieldMask { paths: fields.clone() }),
    };
    let change = Change::new(COLLECTION, after.id, ChangeKind::Update, &event);
    Ok(change.of_fields(fields).audited(Some(&previous), Some(&current)))
}
