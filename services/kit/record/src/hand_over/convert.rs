//! Hand-overs between the wire and the table.

use crm_kit_api::{Call, Error, Result, error::Violations, id, time};
use crm_kit_value::{text, text::Lines};
use crm_proto::crm::record::v1::{
    HandOver as Wire,
    hand_over::{Count as WireCount, Refusal as WireRefusal, Rule as WireRule, State},
};
use sqlx::types::Json;
use uuid::Uuid;

use super::model::{Count, HandOver, Refusal, Rule};
use crate::{Choice, collection::Collections, field::id_text, rights::Rights};

/// Who is to get records, with the fields that name them.
pub fn recipients(wire: &Wire) -> Vec<(String, Uuid)> {
    let rules = wire.rules.iter().enumerate();
    let named = rules.flat_map(|(rule, one)| {
        let users = one.to_user_ids.iter().enumerate();
        users.filter_map(move |(index, text)| {
            Some((format!("hand_over.rules[{rule}].to_user_ids[{index}]"), Uuid::try_parse(text).ok()?))
        })
    });
    named.collect()
}

/// Most rules once those for all collections are written out.
const MOST_RULES: usize = 200;

/// A new hand-over from the wire.
pub fn read(call: &Call, wire: Wire, collections: &Collections) -> Result<HandOver> {
    let from_user_id = id::parse("hand_over.from_user_id", &wire.from_user_id)?;
    let mut violations = Violations::default();
    if let Err(error) = text::check(&wire.reason, Lines::Multi, 500) {
        violations.add("hand_over.reason", error.reason(), error.to_string());
    }
    let mut rules = Vec::new();
    for (index, rule) in wire.rules.into_iter().enumerate() {
        rules.extend(read_rule(index, rule, from_user_id, collections, &mut violations));
    }
    if rules.len() > MOST_RULES {
        violations.add("hand_over.rules", "TOO_MANY", format!("make more than {MOST_RULES} rules"));
    }
    violations.into_result(HandOver {
        tenant_id: call.tenant_id(),
        id: call.new_id(),
        create_time: call.now,
        update_time: call.now,
        end_time: None,
        creator_id: call.caller_id(),
        rights: Json(Rights::of(&call.access)),
        from_user_id,
        rules: Json(rules),
        reason: wire.reason,
        state: Choice(State::Running),
        counts: Json::default(),
        rule_index: 0,
        after_id: None,
        turn: 0,
        failure: String::new(),
        refused_records: 0,
        refusals: Json::default(),
    })
}

fn read_rule(
    index: usize,
    rule: WireRule,
    from_user_id: Uuid,
    collections: &Collections,
    violations: &mut Violations,
) -> Vec<Rule> {
    let place = |field: &str| format!("hand_over.rules[{index}].{field}");
    let mut to_user_ids = Vec::with_capacity(rule.to_user_ids.len());
    for (at, text) in rule.to_user_ids.iter().enumerate() {
        match Uuid::try_parse(text) {
            Ok(user) if user == from_user_id => {
                violations.add(
                    place(&format!("to_user_ids[{at}]")),
                    "SAME_USER",
                    "is the user whose records go",
                );
            }
            Ok(user) => to_user_ids.push(user),
            Err(_) => violations.add(place(&format!("to_user_ids[{at}]")), "UUID_INVALID", "is no UUID"),
        }
    }
    let names: Vec<&str> = handed_over(collections).collect();
    let wanted = match rule.collection.as_str() {
        "" if !rule.filter.is_empty() => {
            violations.add(place("collection"), "REQUIRED", "is required beside a filter");
            Vec::new()
        }
        "" => names,
        name if names.contains(&name) => vec![name],
        _ => {
            let known = names.join(", ");
            violations.add(place("collection"), "COLLECTION_UNKNOWN", format!("must be one of {known}"));
            Vec::new()
        }
    };
    let one = |collection: &str| Rule {
        collection: collection.to_owned(),
        filter: rule.filter.clone(),
        to_user_ids: to_user_ids.clone(),
    };
    wanted.into_iter().map(one).collect()
}

/// Names of the collections that are handed over.
fn handed_over(collections: &Collections) -> impl Iterator<Item = &'static str> {
    collections.iter().filter(|one| one.is_handed_over()).map(|one| one.kind().collection)
}

/// The hand-over on the wire.
pub fn to_wire(job: &HandOver) -> Wire {
    Wire {
        id: job.id.to_string(),
        create_time: Some(time::timestamp(job.create_time)),
        update_time: Some(time::timestamp(job.update_time)),
        end_time: job.end_time.map(time::timestamp),
        from_user_id: job.from_user_id.to_string(),
        rules: job.rules.iter().map(rule_to_wire).collect(),
        reason: job.reason.clone(),
        state: job.state.number(),
        counts: job.counts.iter().map(count_to_wire).collect(),
        failure: job.failure.clone(),
        creator_id: job.creator_id.to_string(),
        refused_records: job.refused_records,
        refusals: job.refusals.iter().map(refusal_to_wire).collect(),
    }
}

/// A dry run on the wire: nothing that could be asked for again.
pub fn rehearsed(job: &HandOver) -> Wire {
    Wire {
        id: String::new(),
        create_time: None,
        update_time: None,
        state: State::Unspecified.into(),
        ..to_wire(job)
    }
}

fn rule_to_wire(rule: &Rule) -> WireRule {
    WireRule {
        collection: rule.collection.clone(),
        filter: rule.filter.clone(),
        to_user_ids: rule.to_user_ids.iter().map(Uuid::to_string).collect(),
    }
}

fn count_to_wire(count: &Count) -> WireCount {
    WireCount {
        collection: count.collection.clone(),
        to_user_id: id_text(count.to_user_id),
        records: count.records,
    }
}

fn refusal_to_wire(refusal: &Refusal) -> WireRefusal {
    WireRefusal {
        collection: refusal.collection.clone(),
        record_id: refusal.record_id.to_string(),
        reason: refusal.reason.clone(),
        message: refusal.message.clone(),
    }
}

/// Why a hand-over ended, for people: what its creator could have been told, or else that something is wrong with the server.
pub fn failure(error: &Error) -> String {
    let violations = error.violations().iter().map(|one| format!("{}: {}", one.field, one.message));
    let told: Vec<String> = violations.collect();
    if told.is_empty() { error.message().to_owned() } else { told.join("; ") }
}
