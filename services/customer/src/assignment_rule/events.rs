//! Events of rules.

use crm_kit_api::{Result, mask};
use crm_kit_pg::{Change, ChangeKind};
use crm_proto::crm::customer::v1::{
    AssignmentRule as Wire, AssignmentRuleCreated, AssignmentRuleDeleted, AssignmentRuleUpdated,
};
use prost::Name as _;
use prost_types::FieldMask;

use super::{COLLECTION, convert::to_wire, model::AssignmentRule};

/// Tells that a rule was created.
pub fn created(rule: &AssignmentRule) -> Change {
    let wire = to_wire(rule);
    let event = AssignmentRuleCreated { assignment_rule: Some(wire.clone()) };
    Change::new(COLLECTION, rule.id, ChangeKind::Create, &event).audited(None, Some(&wire))
}

/// Tells that a rule changed.
pub fn updated(was: &AssignmentRule, rule: &AssignmentRule) -> Result<Change> {
    let (before, after) = (to_wire(was), to_wire(rule));
    let descriptor = crm_proto::message(&Wire::full_name());
    let mut fields = mask::changed(&descriptor, &before, &after)?;
    fields.retain(|name| !matches!(name.as_str(), "update_time" | "etag"));
    let previous = mask::only(&descriptor, &before, &fields)?;
    let current = mask::only(&descriptor, &after, &fields)?;
    let changed_fields = Some(FieldMask { paths: fields.clone() });
    let event = AssignmentRuleUpdated {
        assignment_rule: Some(after),
        previous: Some(previous.clone()),
        changed_fields,
    };
    let change = Change::new(COLLECTION, rule.id, ChangeKind::Update, &event);
    Ok(change.of_fields(fields).audited(Some(&previous), Some(&current)))
}

/// Tells that a rule was removed.
pub fn deleted(rule: &AssignmentRule) -> Change {
    let wire = to_wire(rule);
    let event = AssignmentRuleDeleted { assignment_rule: Some(wire.clone()) };
    Change::new(COLLECTION, rule.id, ChangeKind::Delete, &event).audited(Some(&wire), None)
}
