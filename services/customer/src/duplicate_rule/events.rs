//! Changes of rules, as events and audit rows tell them.

use crm_kit_api::{Result, mask};
use crm_kit_pg::{Change, ChangeKind};
use crm_proto::crm::customer::v1::{
    DuplicateRule as Wire, DuplicateRuleCreated, DuplicateRuleDeleted, DuplicateRuleUpdated,
};
use prost::Name as _;
use prost_types::FieldMask;

use super::{COLLECTION, convert::to_wire, model::StoredRule};

/// Tells of a new rule.
pub fn created(rule: &StoredRule) -> Change {
    let wire = to_wire(rule);
    let event = DuplicateRuleCreated { duplicate_rule: Some(wire.clone()) };
    Change::new(COLLECTION, rule.id, ChangeKind::Create, &event).audited(None, Some(&wire))
}

/// Tells of a changed rule.
pub fn updated(before: &StoredRule, after: &StoredRule) -> Result<Change> {
    let descriptor = crm_proto::message(&Wire::full_name());
    let (before, wire) = (to_wire(before), to_wire(after));
    let mut fields = mask::changed(&descriptor, &before, &wire)?;
    fields.retain(|name| !matches!(name.as_str(), "update_time" | "etag"));
    let previous = mask::only(&descriptor, &before, &fields)?;
    let current = mask::only(&descriptor, &wire, &fields)?;
    let event = DuplicateRuleUpdated {
        duplicate_rule: Some(wire),
        previous: Some(previous.clone()),
        changed_fields: Some(FieldMask { paths: fields.clone() }),
    };
    let change = Change::new(COLLECTION, after.id, ChangeKind::Update, &event);
    Ok(change.of_fields(fields).audited(Some(&previous), Some(&current)))
}

/// Tells of a rule that is gone.
pub fn deleted(rule: &StoredRule) -> Change {
    let wire = to_wire(rule);
    let event = DuplicateRuleDeleted { duplicate_rule: Some(wire.clone()) };
    Change::new(COLLECTION, rule.id, ChangeKind::Delete, &event).audited(Some(&wire), None)
}
