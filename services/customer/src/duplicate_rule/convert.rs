//! Rules between the wire and the table.

use std::collections::BTreeSet;

use crm_kit_api::{Call, Result, etag, time};
use crm_kit_record::{Choice, field::Checker};
use crm_kit_value::{email::Email, phone::Phone, text::is_blank};
use crm_proto::crm::customer::v1::{DuplicateRule as Wire, MatchKey, duplicate_rule::Outcome as OutcomeWire};

use super::model::StoredRule;
use crate::duplicate::{
    field::Field,
    key::{KeyKind, keys},
    profile::Profile,
    rule::{Outcome, Rule},
    store::COLLECTIONS,
};

/// Fields that a caller may send back but never sets.
pub const FIXED: &[&str] = &["id", "create_time", "update_time", "etag", "built_in"];

/// Reads a rule. `base` keeps what the server sets.
pub fn read(call: &Call, wire: Wire, base: StoredRule) -> Result<StoredRule> {
    let mut check = Checker::new("duplicate_rule", &call.access.tenant.region_code);
    if is_blank(&wire.display_name) {
        check.refuse("display_name", "REQUIRED", "is required");
    }
    if !COLLECTIONS.contains(&wire.collection.as_str()) {
        check.refuse("collection", "COLLECTION_UNKNOWN", "is not a collection with rules about duplicates");
    }
    if base.revision > 0 && wire.collection != base.collection {
        check.refuse("collection", "IMMUTABLE", "is fixed at creation");
    }
    if wire.outcome() == OutcomeWire::Unspecified {
        check.refuse("outcome", "REQUIRED", "is required");
    }
    let kinds = kinds(&wire, &mut check);
    let ignored_keys = ignored(&wire.ignored_values, &kinds, check.region);
    let rule = StoredRule {
        outcome: Choice(wire.outcome()),
        display_name: check.line("display_name", wire.display_name, 100),
        collection: wire.collection,
        keys: kinds.iter().map(|kind| kind.name().to_owned()).collect(),
        threshold: wire.threshold,
        disabled: wire.disabled,
        ignored_values: wire.ignored_values,
        ignored_keys,
        ..base
    };
    if let Err(error) = rule.rule().check() {
        check.refuse(error.field(), error.reason(), error.to_string());
    }
    check.into_violations().into_result(rule)
}

fn kinds(wire: &Wire, check: &mut Checker<'_>) -> BTreeSet<KeyKind> {
    let mut kinds = BTreeSet::new();
    for (index, key) in wire.keys().enumerate() {
        match key_from_wire(key) {
            Some(kind) => {
                kinds.insert(kind);
            }
            None => check.refuse(&format!("keys[{index}]"), "REQUIRED", "is not a key"),
        }
    }
    kinds
}

/// The values as they stand among the keys of records.
fn ignored(values: &[String], kinds: &BTreeSet<KeyKind>, region: &str) -> Vec<String> {
    let mut ignored = BTreeSet::new();
    for value in values {
        let phone = Phone::parse(value, Some(region).filter(|region| !region.is_empty()));
        let email = Email::parse(value).map(|email| email.folded_key());
        let profile = Profile::default()
            .plain(Field::Identity, value)
            .plain(Field::TaxNumber, value)
            .plain(Field::Domain, value)
            .plain(Field::Email, email.as_deref().unwrap_or_default())
            .plain(Field::Phone, phone.as_ref().map(Phone::e164).unwrap_or_default())
            .company(value)
            .person("", value);
        ignored
            .extend(keys(&profile).into_iter().filter(|key| kinds.contains(&key.kind)).map(|key| key.text));
    }
    ignored.into_iter().collect()
}

/// A rule before anything is read into it.
pub fn fresh(call: &Call) -> StoredRule {
    StoredRule {
        tenant_id: call.tenant_id(),
        id: call.new_id(),
        create_time: call.now,
        update_time: call.now,
        ..StoredRule::default()
    }
}

/// The rule on the wire.
pub fn to_wire(rule: &StoredRule) -> Wire {
    Wire {
        id: rule.id.to_string(),
        create_time: Some(time::timestamp(rule.create_time)),
        update_time: Some(time::timestamp(rule.update_time)),
        etag: etag::of(rule.revision),
        collection: rule.collection.clone(),
        disabled: rule.disabled,
        ignored_values: rule.ignored_values.clone(),
        built_in: false,
        ..shown(&rule.rule())
    }
}

/// A built-in rule on the wire.
pub fn built_in(collection: &str, rule: &Rule) -> Wire {
    Wire { collection: collection.to_owned(), built_in: true, ..shown(rule) }
}

fn shown(rule: &Rule) -> Wire {
    Wire {
        display_name: rule.name.clone(),
        keys: rule.keys.iter().map(|kind| key_to_wire(*kind).into()).collect(),
        threshold: rule.threshold,
        outcome: outcome_to_wire(rule.outcome).into(),
        ..Wire::default()
    }
}

/// An outcome on the wire.
pub fn outcome_to_wire(outcome: Outcome) -> OutcomeWire {
    match outcome {
        Outcome::Report => OutcomeWire::Report,
        Outcome::Warn => OutcomeWire::Warn,
        Outcome::Block => OutcomeWire::Block,
    }
}

/// A kind of key on the wire.
pub fn key_to_wire(kind: KeyKind) -> MatchKey {
    match kind {
        KeyKind::Identity => MatchKey::Identity,
        KeyKind::TaxNumber => MatchKey::TaxNumber,
        KeyKind::Email => MatchKey::Email,
        KeyKind::Phone => MatchKey::Phone,
        KeyKind::CompanyName => MatchKey::CompanyName,
        KeyKind::PersonName => MatchKey::PersonName,
        KeyKind::Domain => MatchKey::Domain,
        KeyKind::CompanyCore => MatchKey::CompanyCore,
        KeyKind::NameSound => MatchKey::NameSound,
        KeyKind::PhoneTail => MatchKey::PhoneTail,
    }
}

fn key_from_wire(key: MatchKey) -> Option<KeyKind> {
    KeyKind::ALL.into_iter().find(|kind| key_to_wire(*kind) == key)
}
