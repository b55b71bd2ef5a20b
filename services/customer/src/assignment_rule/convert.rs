//! Rules between the wire and the table. Reading collects every violation.

use crm_kit_api::{
    Call, Result,
    error::Violations,
    etag,
    filter::{Filter, Schema},
    time,
};
use crm_kit_record::field::id_text;
use crm_kit_value::text::{Lines, check};
use crm_proto::crm::customer::v1::AssignmentRule as Wire;
use uuid::Uuid;

use super::model::AssignmentRule;

/// Fields that a caller may send back but never sets.
pub const FIXED: &[&str] = &["id", "create_time", "update_time", "etag"];

/// Reads a rule. `base` is the stored one of an update, or [`fresh`]; `schema` is that of leads.
pub fn read(wire: Wire, base: AssignmentRule, schema: &Schema) -> Result<AssignmentRule> {
    let mut violations = Violations::default();
    if wire.display_name.trim().is_empty() {
        violations.add("assignment_rule.display_name", "REQUIRED", "is required");
    } else if let Err(error) = check(&wire.display_name, Lines::Single, 100) {
        violations.add("assignment_rule.display_name", error.reason(), error.to_string());
    }
    if let Err(error) = Filter::parse(&wire.condition, schema) {
        violations.add("assignment_rule.condition", "FILTER_INVALID", error.to_string());
    }
    let mut user_ids: Vec<Uuid> = Vec::with_capacity(wire.user_ids.len());
    for (index, text) in wire.user_ids.iter().enumerate() {
        let place = format!("assignment_rule.user_ids[{index}]");
        match Uuid::try_parse(text) {
            Ok(id) if user_ids.contains(&id) => violations.add(place, "REPEATED", "stands twice"),
            Ok(id) => user_ids.push(id),
            Err(_) => violations.add(place, "ID_INVALID", "is not an id"),
        }
    }
    let pool_id = Uuid::try_parse(&wire.pool_id).ok();
    if user_ids.is_empty() == pool_id.is_none() {
        violations.add("assignment_rule.user_ids", "TARGET", "state either users or a pool");
    }
    violations.into_result(AssignmentRule {
        display_name: wire.display_name,
        position: wire.position,
        condition: wire.condition,
        disabled: wire.disabled,
        user_ids,
        pool_id,
        ..base
    })
}

/// A rule of the caller before anything is read into it.
pub fn fresh(call: &Call) -> AssignmentRule {
    AssignmentRule {
        tenant_id: call.tenant_id(),
        id: call.new_id(),
        create_time: call.now,
        update_time: call.now,
        revision: 1,
        ..AssignmentRule::default()
    }
}

/// The rule on the wire.
pub fn to_wire(rule: &AssignmentRule) -> Wire {
    Wire {
        id: rule.id.to_string(),
        create_time: Some(time::timestamp(rule.create_time)),
        update_time: Some(time::timestamp(rule.update_time)),
        etag: etag::of(rule.revision),
        display_name: rule.display_name.clone(),
        position: rule.position,
        condition: rule.condition.clone(),
        disabled: rule.disabled,
        user_ids: rule.user_ids.iter().map(Uuid::to_string).collect(),
        pool_id: id_text(rule.pool_id),
    }
}
