//! Definitions between the wire and the table. Reading collects every violation that the definition shows by itself; what it says about other
//! fields is checked with them ([`super::rules`]).

use crm_kit_api::{Call, Result, etag, time};
use crm_proto::crm::record::v1::{
    CustomField as Wire,
    custom_field::{Option as WireOption, RollUp as WireRollUp, Type, roll_up::Function},
};
use sqlx::types::Json;

use super::{
    link::USERS,
    model::{Definition, MAX_LONG_TEXT, MAX_TEXT, Opt, RollUp, is_key, pattern_parts},
    value,
};
use crate::{Choice, Kinds, field::Checker};
use crm_kit_value::text::is_blank;

/// Fields that a caller may send back but never sets.
pub const FIXED: &[&str] = &["id", "create_time", "update_time", "etag"];

/// Reads a definition of a field of one of `kinds`. `base` is the stored one of an update, or [`fresh`].
pub fn read(kinds: &Kinds, wire: Wire, base: Definition) -> Result<Definition> {
    let mut check = Checker::new("custom_field", "");
    let is_new = base.revision == 0;
    let kind = wire.r#type();
    if is_blank(&wire.display_name) {
        check.refuse("display_name", "REQUIRED", "is required");
    }
    let mut definition = Definition {
        display_name: check.line("display_name", wire.display_name.clone(), 100),
        display_name_zh: check.line("display_name_zh", wire.display_name_zh.clone(), 100),
        collection: fixed("collection", &wire.collection, &base.collection, is_new, &mut check),
        key: fixed("key", &wire.key, &base.key, is_new, &mut check),
        value_type: Choice(kind),
        required: wire.required,
        required_if: wire.required_if.trim().to_owned(),
        is_unique: wire.unique,
        minimum: wire.minimum.clone(),
        maximum: wire.maximum.clone(),
        options: Json(wire.options.iter().cloned().map(option).collect()),
        reference_collection: wire.reference_collection.clone(),
        formula: wire.formula.trim().to_owned(),
        formula_type: Choice(wire.formula_type()),
        roll_up: wire.roll_up.as_ref().map(roll_up),
        number_pattern: wire.number_pattern.clone(),
        filterable: wire.filterable,
        sensitivity: Choice(wire.sensitivity()),
        retired: wire.retired,
        ..base.clone()
    };
    if !is_new && kind != base.kind() {
        drop_what_the_type_has_not(&mut definition, &base);
    }
    check_identity(kinds, &definition, &mut check);
    check_limits(&definition, &mut check);
    check_options(&definition, &mut check);
    check_parts(kinds, &definition, &mut check);
    check.into_violations().into_result(definition)
}

/// A definition before anything is read into it.
pub fn fresh(call: &Call) -> Definition {
    Definition {
        tenant_id: call.tenant_id(),
        id: call.new_id(),
        create_time: call.now,
        update_time: call.now,
        ..Definition::default()
    }
}

/// The definition on the wire.
pub fn to_wire(definition: &Definition) -> Wire {
    Wire {
        id: definition.id.to_string(),
        create_time: Some(time::timestamp(definition.create_time)),
        update_time: Some(time::timestamp(definition.update_time)),
        etag: etag::of(definition.revision),
        display_name: definition.display_name.clone(),
        display_name_zh: definition.display_name_zh.clone(),
        collection: definition.collection.clone(),
        key: definition.key.clone(),
        r#type: definition.value_type.number(),
        required: definition.required,
        required_if: definition.required_if.clone(),
        unique: definition.is_unique,
        minimum: definition.minimum.clone(),
        maximum: definition.maximum.clone(),
        options: definition.options.iter().map(option_to_wire).collect(),
        reference_collection: definition.reference_collection.clone(),
        formula: definition.formula.clone(),
        formula_type: definition.formula_type.number(),
        roll_up: definition
            .roll_up
            .as_ref()
            .map(|roll_up| WireRollUp { function: roll_up.function.number(), field: roll_up.field.clone() }),
        number_pattern: definition.number_pattern.clone(),
        filterable: definition.filterable,
        sensitivity: definition.sensitivity.number(),
        retired: definition.retired,
    }
}

fn option(wire: WireOption) -> Opt {
    let WireOption { key, display_name, display_name_zh, retired } = wire;
    Opt { key, display_name, display_name_zh, retired }
}

fn option_to_wire(option: &Opt) -> WireOption {
    let Opt { key, display_name, display_name_zh, retired } = option.clone();
    WireOption { key, display_name, display_name_zh, retired }
}

fn roll_up(wire: &WireRollUp) -> Json<RollUp> {
    Json(RollUp { function: Choice(wire.function()), field: wire.field.clone() })
}

/// A property that is given at creation and never changes; an empty one is left as it is.
fn fixed(field: &str, given: &str, before: &str, is_new: bool, check: &mut Checker<'_>) -> String {
    if is_new {
        return given.to_owned();
    }
    if !given.is_empty() && given != before {
        check.refuse(field, "IMMUTABLE", "is fixed at creation");
    }
    before.to_owned()
}

/// A change of type takes properties along that the new type does not have, unless the caller sends new ones, which are then refused.
fn drop_what_the_type_has_not(definition: &mut Definition, base: &Definition) {
    let kind = definition.kind();
    let has = |kinds: &[Type]| kinds.contains(&kind);
    if !has(&[Type::Text, Type::LongText, Type::Number]) {
        clear_if_same(&mut definition.minimum, &base.minimum);
        clear_if_same(&mut definition.maximum, &base.maximum);
    }
    if !has(&[Type::Select, Type::MultiSelect]) && definition.options == base.options {
        definition.options.clear();
    }
    if kind != Type::Reference {
        clear_if_same(&mut definition.reference_collection, &base.reference_collection);
    }
    if kind != Type::Formula {
        clear_if_same(&mut definition.formula, &base.formula);
        if definition.formula_type == base.formula_type {
            definition.formula_type = Choice(Type::Unspecified);
        }
    }
    if kind != Type::RollUp && definition.roll_up == base.roll_up {
        definition.roll_up = None;
    }
    if kind != Type::AutoNumber {
        clear_if_same(&mut definition.number_pattern, &base.number_pattern);
    }
}

fn clear_if_same(text: &mut String, before: &str) {
    if text == before {
        text.clear();
    }
}

fn check_identity(kinds: &Kinds, definition: &Definition, check: &mut Checker<'_>) {
    if kinds.get(&definition.collection).is_none() {
        check.refuse(
            "collection",
            "COLLECTION_UNKNOWN",
            format!("must be one of {}", kinds.names().join(", ")),
        );
    }
    if !is_key(&definition.key) {
        let message = "must be 1 to 40 lower-case letters, digits and _, starting with a letter";
        check.refuse("key", "KEY_INVALID", message);
    }
    let kind = definition.kind();
    if kind == Type::Unspecified {
        check.refuse("type", "REQUIRED", "is required");
    }
    if definition.is_server_set() && (definition.required || !definition.required_if.is_empty()) {
        let field = if definition.required { "required" } else { "required_if" };
        check.refuse(field, "NOT_APPLICABLE", "cannot be set on a field that the server computes");
    }
    if definition.is_unique && !matches!(kind, Type::Text | Type::Number | Type::Email | Type::Phone) {
        let message = "can be set on TEXT, NUMBER, EMAIL and PHONE fields only";
        check.refuse("unique", "NOT_APPLICABLE", message);
    }
}

fn check_limits(definition: &Definition, check: &mut Checker<'_>) {
    let most = match definition.kind() {
        Type::Number => None,
        Type::Text => Some(MAX_TEXT),
        Type::LongText => Some(MAX_LONG_TEXT),
        _ => {
            for (field, text) in [("minimum", &definition.minimum), ("maximum", &definition.maximum)] {
                refuse_given(field, !text.is_empty(), "TEXT, LONG_TEXT and NUMBER", check);
            }
            return;
        }
    };
    for (field, text) in [("minimum", &definition.minimum), ("maximum", &definition.maximum)] {
        if let Some(most) = most.filter(|_| !text.is_empty())
            && !text.parse().is_ok_and(|length: usize| length <= most)
        {
            check.refuse(field, "LIMIT_INVALID", format!("must be a whole number from 0 to {most}"));
        } else if !text.is_empty() && value::limit(text).is_none() {
            check.refuse(field, "LIMIT_INVALID", "is not a decimal number");
        }
    }
    if let (Some(minimum), Some(maximum)) =
        (value::limit(&definition.minimum), value::limit(&definition.maximum))
        && minimum > maximum
    {
        check.refuse("maximum", "LIMIT_INVALID", "is less than the minimum");
    }
}

fn check_options(definition: &Definition, check: &mut Checker<'_>) {
    if !matches!(definition.kind(), Type::Select | Type::MultiSelect) {
        refuse_given("options", !definition.options.is_empty(), "SELECT and MULTI_SELECT", check);
        return;
    }
    if definition.options.is_empty() {
        check.refuse("options", "REQUIRED", "must have at least one option");
    }
    for (index, option) in definition.options.iter().enumerate() {
        let place = format!("options[{index}]");
        let is_sound = !option.key.is_empty()
            && !option.key.starts_with('_')
            && option.key.len() <= 40
            && option
                .key
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        if !is_sound {
            let message = "must be 1 to 40 lower-case letters, digits and _";
            check.refuse(&format!("{place}.key"), "KEY_INVALID", message);
        }
        if is_blank(&option.display_name) {
            check.refuse(&format!("{place}.display_name"), "REQUIRED", "is required");
        }
        if definition.options[..index].iter().any(|earlier| earlier.key == option.key) {
            check.refuse(&format!("{place}.key"), "REPEATED", "stands twice");
        }
    }
}

/// Reference, formula, roll-up and number pattern: each is there for exactly one type.
fn check_parts(kinds: &Kinds, definition: &Definition, check: &mut Checker<'_>) {
    let kind = definition.kind();
    let given = |field, given: bool, owner: Type, name, check: &mut Checker<'_>| {
        if kind != owner {
            refuse_given(field, given, name, check);
        } else if !given {
            check.refuse(field, "REQUIRED", "is required");
        }
        given && kind == owner
    };
    let target = definition.reference_collection.as_str();
    if given("reference_collection", !target.is_empty(), Type::Reference, "REFERENCE", check)
        && kinds.get(target).is_none()
        && target != USERS
    {
        let message = format!("must be one of {}, {USERS}", kinds.names().join(", "));
        check.refuse("reference_collection", "COLLECTION_UNKNOWN", message);
    }
    given("formula", !definition.formula.is_empty(), Type::Formula, "FORMULA", check);
    let result = definition.formula_type.0;
    let results = [Type::Text, Type::Number, Type::Boolean, Type::Date, Type::DateTime];
    if given("formula_type", result != Type::Unspecified, Type::Formula, "FORMULA", check)
        && !results.contains(&result)
    {
        check.refuse("formula_type", "TYPE_INVALID", "must be TEXT, NUMBER, BOOLEAN, DATE or DATE_TIME");
    }
    if given("roll_up", definition.roll_up.is_some(), Type::RollUp, "ROLL_UP", check) {
        check_roll_up(kinds, definition, check);
    }
    let pattern = definition.number_pattern.as_str();
    if given("number_pattern", !pattern.is_empty(), Type::AutoNumber, "AUTO_NUMBER", check)
        && pattern_parts(pattern).is_none()
    {
        let message = "must have one place such as {0000}, with 1 to 12 zeros";
        check.refuse("number_pattern", "PATTERN_INVALID", message);
    }
}

fn check_roll_up(kinds: &Kinds, definition: &Definition, check: &mut Checker<'_>) {
    if kinds.below(&definition.collection).is_none() {
        check.refuse(
            "roll_up",
            "NOT_APPLICABLE",
            "can be computed only on records that have others below them",
        );
    }
    let Some(Json(RollUp { function, field })) = &definition.roll_up else { return };
    match (function.0, field.is_empty()) {
        (Function::Unspecified, _) => check.refuse("roll_up.function", "REQUIRED", "is required"),
        (Function::Count, false) => {
            check.refuse("roll_up.field", "NOT_APPLICABLE", "must be empty for COUNT");
        }
        (Function::Sum | Function::Min | Function::Max, true) => {
            check.refuse("roll_up.field", "REQUIRED", "is required");
        }
        _ => {}
    }
}

fn refuse_given(field: &str, given: bool, types: &str, check: &mut Checker<'_>) {
    if given {
        check.refuse(field, "NOT_APPLICABLE", format!("can be set on {types} fields only"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::kinds;

    fn wire(kind: Type) -> Wire {
        let option = WireOption { key: "a".into(), display_name: "A".into(), ..WireOption::default() };
        let mut wire = Wire {
            display_name: "Score".into(),
            collection: "firms".into(),
            key: "score".into(),
            ..Wire::default()
        };
        wire.set_type(kind);
        match kind {
            Type::Select | Type::MultiSelect => wire.options = vec![option],
            Type::Reference => wire.reference_collection = "users".into(),
            Type::Formula => {
                wire.formula = "1 + 1".into();
                wire.set_formula_type(Type::Number);
            }
            Type::RollUp => {
                wire.roll_up = Some(WireRollUp { function: Function::Count.into(), field: String::new() });
            }
            Type::AutoNumber => wire.number_pattern = "C-{000}".into(),
            _ => {}
        }
        wire
    }

    fn refused(wire: Wire, base: Definition) -> Vec<String> {
        let error = read(&kinds(), wire, base).unwrap_err();
        error.violations().iter().map(|violation| format!("{} {}", violation.field, violation.code)).collect()
    }

    #[test]
    fn a_definition_of_every_type_comes_back_as_it_was_sent() {
        for number in 1..=16 {
            let kind = Type::try_from(number).unwrap();
            let definition = read(&kinds(), wire(kind), Definition::default()).unwrap();
            let back = to_wire(&definition);
            let sent = Wire {
                id: back.id.clone(),
                etag: back.etag.clone(),
                create_time: back.create_time,
                update_time: back.update_time,
                ..wire(kind)
            };
            assert_eq!(back, sent, "{kind:?}");
        }
    }

    #[test]
    fn properties_of_other_types_are_refused() {
        type Change = fn(&mut Wire);
        let cases: [(Type, Change, &str); 18] = [
            (Type::Unspecified, |_| (), "custom_field.type REQUIRED"),
            (Type::Text, |wire| wire.display_name = " ".into(), "custom_field.display_name REQUIRED"),
            (
                Type::Text,
                |wire| wire.collection = "leads".into(),
                "custom_field.collection COLLECTION_UNKNOWN",
            ),
            (Type::Text, |wire| wire.key = "A".into(), "custom_field.key KEY_INVALID"),
            (Type::Formula, |wire| wire.required = true, "custom_field.required NOT_APPLICABLE"),
            (Type::Boolean, |wire| wire.unique = true, "custom_field.unique NOT_APPLICABLE"),
            (Type::Boolean, |wire| wire.minimum = "1".into(), "custom_field.minimum NOT_APPLICABLE"),
            (Type::Text, |wire| wire.maximum = "501".into(), "custom_field.maximum LIMIT_INVALID"),
            (Type::Text, |wire| wire.minimum = "-1".into(), "custom_field.minimum LIMIT_INVALID"),
            (
                Type::Number,
                |wire| (wire.minimum, wire.maximum) = ("2".into(), "1.5".into()),
                "custom_field.maximum LIMIT_INVALID",
            ),
            (Type::Select, |wire| wire.options.clear(), "custom_field.options REQUIRED"),
            (
                Type::Select,
                |wire| wire.options.push(wire.options[0].clone()),
                "custom_field.options[1].key REPEATED",
            ),
            (Type::Text, |wire| wire.formula = "1".into(), "custom_field.formula NOT_APPLICABLE"),
            (Type::Formula, |wire| wire.formula.clear(), "custom_field.formula REQUIRED"),
            (
                Type::Formula,
                |wire| wire.set_formula_type(Type::Money),
                "custom_field.formula_type TYPE_INVALID",
            ),
            (Type::RollUp, |wire| wire.collection = "people".into(), "custom_field.roll_up NOT_APPLICABLE"),
            (
                Type::Reference,
                |wire| wire.reference_collection = "deals".into(),
                "custom_field.reference_collection COLLECTION_UNKNOWN",
            ),
            (
                Type::AutoNumber,
                |wire| wire.number_pattern = "C".into(),
                "custom_field.number_pattern PATTERN_INVALID",
            ),
        ];
        for (kind, change, refusal) in cases {
            let mut wire = wire(kind);
            change(&mut wire);
            assert_eq!(refused(wire, Definition::default()), [refusal], "{kind:?}");
        }
    }

    #[test]
    fn key_and_collection_are_fixed_and_a_new_type_drops_what_it_has_not() {
        let stored =
            Definition { revision: 1, ..read(&kinds(), wire(Type::Select), Definition::default()).unwrap() };
        let moved = Wire { key: "other".into(), collection: "people".into(), ..wire(Type::Select) };
        assert_eq!(
            refused(moved, stored.clone()),
            ["custom_field.collection IMMUTABLE", "custom_field.key IMMUTABLE"]
        );
        let mut text = to_wire(&stored);
        text.set_type(Type::Text);
        assert!(read(&kinds(), text, stored).unwrap().options.is_empty());
    }
}
