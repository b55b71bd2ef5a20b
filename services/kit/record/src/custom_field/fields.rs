//! The fields of one collection of one tenant, and what they do to a record's values.

use std::{
    any::Any,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crm_kit_api::{
    filter::{self, Filter, Formula, Moment},
    order,
    sensitivity::{Mask, Masks},
};
use crm_proto::crm::record::v1::{
    CustomValue,
    custom_field::{Type, roll_up::Function},
};

use super::{
    formula::{self, Fault},
    model::Definition,
    schema, value,
    values::{Origin, Values},
};
use crate::{Kind, Kinds, field::Checker};

/// The definitions of one collection.
#[derive(Debug, Default)]
pub struct Fields {
    kinds: Kinds,
    by_key: BTreeMap<String, Field>,
    /// Keys of the formulas in the order to compute.
    order: Vec<String>,
    feeds_roll_ups: bool,
    settings: Option<Settings>,
}

/// What the kinds of a service need of a tenant beside its own fields, of a type that the service knows.
pub type Settings = Arc<dyn Any + Send + Sync>;

/// A definition with its expressions.
#[derive(Debug)]
pub struct Field {
    /// The definition.
    pub definition: Definition,
    formula: Option<Formula>,
    condition: Option<Filter>,
}

/// A record's values before a write.
#[derive(Debug)]
pub struct Before {
    values: Values,
    /// Keys of fields whose value was required and missing already; writing something else does not ask for them.
    lacking: BTreeSet<String>,
}

/// Tells a record's standard fields by their paths.
pub type Standard<'s, 'r> = &'s dyn Fn(&str) -> filter::Value<'r>;

impl Fields {
    /// The fields of a collection, with what is wrong with their expressions. A faulty formula gives no values, a faulty condition requires
    /// nothing. `feeds_roll_ups` says whether the records above have roll-ups over the collection.
    pub fn compile(
        (kinds, kind): (&Kinds, &Kind),
        definitions: Vec<Definition>,
        feeds_roll_ups: bool,
    ) -> (Self, Vec<Fault>) {
        let schema = formula::schema(kind, &definitions);
        let mut faults = Vec::new();
        let mut fields = BTreeMap::new();
        for definition in &definitions {
            let formula = (definition.kind() == Type::Formula).then(|| formula::formula(definition, &schema));
            let formula = formula.and_then(|read| read.map_err(|fault| faults.push(fault)).ok());
            faults.extend(
                formula
                    .as_ref()
                    .and_then(|formula| formula::class_fault(kind, definition, formula, &definitions)),
            );
            let condition = formula::condition(definition, &schema);
            let condition = condition.map_err(|fault| faults.push(fault)).ok().flatten();
            fields
                .insert(definition.key.clone(), Field { definition: definition.clone(), formula, condition });
        }
        let uses = fields.iter().filter_map(|(key, field)| {
            let paths = field.formula.as_ref()?.fields().map(str::to_owned).collect();
            Some((key.clone(), paths))
        });
        let order = formula::order(&uses.collect());
        faults.extend(order.circular.iter().map(|key| {
            Fault::new(key, "formula", "FORMULA_CIRCLE", "goes in a circle, or uses a formula that does")
        }));
        (
            Self { kinds: kinds.clone(), by_key: fields, order: order.keys, feeds_roll_ups, settings: None },
            faults,
        )
    }

    /// The fields with what the service needs of the tenant beside them.
    #[must_use]
    pub fn with_settings(self, settings: Option<Settings>) -> Self {
        Self { settings, ..self }
    }

    /// What the service needs of the tenant beside its own fields; `None` when that is nothing of this type.
    pub fn settings<T: Any>(&self) -> Option<&T> {
        self.settings.as_deref()?.downcast_ref()
    }

    /// Every kind of record of the service.
    pub fn kinds(&self) -> impl Iterator<Item = &'static Kind> {
        self.kinds.iter()
    }

    /// The definitions, by key.
    pub fn definitions(&self) -> impl Iterator<Item = &Definition> {
        self.by_key.values().map(|field| &field.definition)
    }

    /// The definition with a key.
    pub fn definition(&self, key: &str) -> Option<&Definition> {
        self.by_key.get(key).map(|field| &field.definition)
    }

    /// Definitions of a type.
    pub fn of_kind(&self, kind: Type) -> impl Iterator<Item = &Definition> {
        self.definitions().filter(move |definition| definition.kind() == kind)
    }

    /// Whether the records above have roll-ups over the collection.
    pub fn feeds_roll_ups(&self) -> bool {
        self.feeds_roll_ups
    }

    /// What a write needs to know of the record as it was; `standard` tells its standard fields.
    pub fn before(&self, values: &Values, standard: Standard<'_, '_>, moment: Moment) -> Before {
        let stored = values.origin() == Origin::Stored;
        let lacking =
            self.by_key.values().filter(|field| stored && self.lacks(field, values, standard, moment));
        let lacking = lacking.map(|field| field.definition.key.clone()).collect();
        Before { values: values.clone(), lacking }
    }

    /// Reads the values that a caller sent, which are all that the record shall have. Unknown fields are refused by name, and so are new values
    /// of retired and of computed ones; these keep what they have.
    pub fn read(
        &self,
        wire: BTreeMap<String, CustomValue>,
        before: &Before,
        check: &mut Checker<'_>,
    ) -> Values {
        let mut values = before.values.emptied();
        let mut sent = BTreeSet::new();
        for (key, wire) in wire {
            match self.by_key.get(&key) {
                Some(field) => {
                    let held = before.values.get(&key);
                    values.set(&key, read_one(&field.definition, wire, held, check));
                }
                None => check.refuse(
                    &format!("custom.{key}"),
                    "FIELD_UNKNOWN",
                    "is not a field of this collection",
                ),
            }
            sent.insert(key);
        }
        for (key, held) in before.values.iter() {
            if values.get(key).is_none() && self.stays(key, held, sent.contains(key)) {
                values.set(key, Some(held.clone()));
            }
        }
        values
    }

    /// Whether a value stays that the caller did not send, or sent as unset: the server's own, those of retired fields unless cleared, and those
    /// that do not fit the definition as this process knows it, because another one has just changed it.
    fn stays(&self, key: &str, held: &serde_json::Value, cleared: bool) -> bool {
        self.by_key.get(key).is_none_or(|Field { definition, .. }| {
            definition.is_server_set()
                || (definition.retired && !cleared)
                || value::to_wire(definition, held).is_none()
        })
    }

    /// Computes formulas and checks what is required; `standard` tells the record's standard fields.
    pub fn compute(
        &self,
        values: &mut Values,
        before: &Before,
        standard: Standard<'_, '_>,
        moment: Moment,
        check: &mut Checker<'_>,
    ) {
        self.evaluate(values, standard, moment);
        for (key, field) in &self.by_key {
            if !before.lacking.contains(key) && self.lacks(field, values, standard, moment) {
                check.refuse(&field.definition.path(), "REQUIRED", "is required");
            }
        }
    }

    /// Computes formulas alone, for a record that the server itself writes. A formula that fails is unset.
    pub fn evaluate(&self, values: &mut Values, standard: Standard<'_, '_>, moment: Moment) {
        if values.origin() == Origin::New {
            self.start_roll_ups(values);
        }
        for key in &self.order {
            let Some(formula) = self.by_key.get(key).and_then(|field| field.formula.as_ref()) else {
                continue;
            };
            let result = formula.eval(&|path| self.lookup(values, standard, path), moment);
            let stored = result.ok().and_then(value::computed);
            values.set(key, stored);
        }
    }

    /// A new record has nothing below it.
    fn start_roll_ups(&self, values: &mut Values) {
        for definition in self.of_kind(Type::RollUp) {
            let function = definition.roll_up.as_ref().map(|roll_up| roll_up.function.0);
            if matches!(function, Some(Function::Count | Function::Sum)) {
                values.set(&definition.key, value::stored_number(0.into()));
            }
        }
    }

    fn lacks(&self, field: &Field, values: &Values, standard: Standard<'_, '_>, moment: Moment) -> bool {
        let Field { definition, condition, .. } = field;
        if values.get(&definition.key).is_some() || definition.retired || definition.is_server_set() {
            return false;
        }
        let lookup = |path: &str| self.lookup(values, standard, path);
        definition.required || condition.as_ref().is_some_and(|condition| condition.matches(&lookup, moment))
    }

    /// A standard or custom field of a record.
    pub fn lookup(&self, values: &Values, standard: Standard<'_, '_>, path: &str) -> filter::Value<'static> {
        let Some(rest) = path.strip_prefix("custom.") else { return standard(path).into_owned() };
        let (key, part) = rest.split_once('.').map_or((rest, None), |(key, part)| (key, Some(part)));
        let (Some(field), Some(stored)) = (self.by_key.get(key), values.get(key)) else {
            return filter::Value::Null;
        };
        let value = match part {
            None => value::to_filter(field.definition.stored_kind(), stored),
            Some(_) => value::currency(stored)
                .map_or(filter::Value::Null, |currency| filter::Value::Text(currency.into())),
        };
        value.into_owned()
    }

    /// The values on the wire, each with the sensitivity its definition states.
    pub fn to_wire(&self, values: &Values) -> BTreeMap<String, CustomValue> {
        let known = values.iter().filter_map(|(key, stored)| {
            let definition = self.definition(key)?;
            Some((key.to_owned(), value::to_custom_value(definition, stored)?))
        });
        known.collect()
    }

    /// Fields for filters.
    pub fn filter_fields(&self, masks: &Masks) -> Vec<filter::Field> {
        let usable = self.definitions().filter(|definition| definition.filterable);
        usable
            .flat_map(|definition| schema::filter_fields(definition, is_masked(definition, masks)))
            .collect()
    }

    /// Columns for orders.
    pub fn order_columns(&self, masks: &Masks) -> Vec<order::Column> {
        let usable = self.definitions().filter(|definition| definition.filterable);
        usable
            .filter_map(|definition| schema::order_column(definition, is_masked(definition, masks)))
            .collect()
    }
}

/// Whether a caller with `masks` sees the field masked.
pub fn is_masked(definition: &Definition, masks: &Masks) -> bool {
    masks.of(definition.sensitivity.0) != Mask::None
}

/// Reads a value that was sent for a field which holds `held`.
pub(super) fn read_one(
    definition: &Definition,
    wire: CustomValue,
    held: Option<&serde_json::Value>,
    check: &mut Checker<'_>,
) -> Option<serde_json::Value> {
    let known = held.and_then(|held| value::to_wire(definition, held));
    if known == wire.value {
        // What merely repeats the stored value is not checked again: a definition holds for new values.
        return held.filter(|_| known.is_some()).cloned();
    }
    if definition.is_server_set() {
        check.refuse(&definition.path(), "OUTPUT_ONLY", "is computed by the server and cannot be set");
        return None;
    }
    let sent = wire.value?;
    let read = value::read(definition, sent, held, check);
    if definition.retired && read.is_some() && read.as_ref() != held {
        check.refuse(&definition.path(), "FIELD_RETIRED", "is retired and takes no new values");
    }
    read
}

#[cfg(test)]
mod tests {
    use crm_kit_api::error::Violation;
    use crm_proto::crm::record::v1::custom_value::Value as Wire;
    use serde_json::json;
    use sqlx::types::Json;

    use super::*;
    use crate::{
        Choice,
        custom_field::model::{Opt, RollUp},
        sample::{FIRMS, kinds},
    };

    fn definition(key: &str, kind: Type) -> Definition {
        Definition {
            key: key.to_owned(),
            collection: "firms".to_owned(),
            value_type: Choice(kind),
            filterable: true,
            ..Definition::default()
        }
    }

    fn formula(key: &str, text: &str, result: Type) -> Definition {
        Definition {
            formula: text.to_owned(),
            formula_type: Choice(result),
            ..definition(key, Type::Formula)
        }
    }

    fn fields(definitions: Vec<Definition>) -> Fields {
        let (fields, faults) = Fields::compile((&kinds(), &FIRMS), definitions, false);
        assert_eq!(faults, []);
        fields
    }

    fn standard(path: &str) -> filter::Value<'static> {
        match path {
            "employee_count" => filter::Value::Int(12),
            "level" => filter::Value::Enum(1),
            _ => filter::Value::Null,
        }
    }

    fn stored(document: serde_json::Value) -> Values {
        serde_json::from_value(document).unwrap()
    }

    fn write(
        fields: &Fields,
        base: &Values,
        sent: &[(&str, Option<Wire>)],
    ) -> Result<Values, Vec<Violation>> {
        let moment = Moment::from(chrono::DateTime::UNIX_EPOCH);
        let mut check = Checker::new("account", "CN");
        let before = fields.before(base, &standard, moment);
        let wire = sent
            .iter()
            .map(|(key, value)| ((*key).to_owned(), CustomValue { value: value.clone(), sensitivity: 0 }));
        let mut values = fields.read(wire.collect(), &before, &mut check);
        fields.compute(&mut values, &before, &standard, moment, &mut check);
        check.into_violations().into_result(values).map_err(|error| error.violations().to_vec())
    }

    fn refused(outcome: Result<Values, Vec<Violation>>) -> Vec<String> {
        let violations = outcome.unwrap_err();
        violations.iter().map(|violation| format!("{} {}", violation.field, violation.code)).collect()
    }

    /// A text; `-` stands for none.
    fn text(text: &str) -> Option<Wire> {
        if text == "-" { None } else { Some(Wire::Text(text.to_owned())) }
    }

    #[test]
    fn formulas_are_computed_in_order_and_those_that_fail_are_unset() {
        let fields = fields(vec![
            formula("a", "custom.b + 1", Type::Number),
            formula("b", "employee_count * 100", Type::Number),
            formula("broken", "employee_count / (employee_count - 12)", Type::Number),
            formula("big", "custom.b >= 1200", Type::Boolean),
        ]);
        let values = write(&fields, &Values::default(), &[]).unwrap();
        assert_eq!(values, stored(json!({"a": "1201", "b": "1200", "big": true})));
        let again = write(&fields, &values, &[("b", Some(Wire::Number("1200".into())))]).unwrap();
        assert_eq!(again, values);
        assert_eq!(
            refused(write(&fields, &values, &[("b", Some(Wire::Number("1".into())))])),
            ["account.custom.b OUTPUT_ONLY"]
        );
    }

    #[test]
    fn circles_and_wrong_types_are_faults_of_the_definition() {
        let (_, faults) = Fields::compile(
            (&kinds(), &FIRMS),
            vec![
                formula("a", "custom.b", Type::Text),
                formula("b", "custom.a", Type::Text),
                formula("c", "nothing", Type::Text),
                formula("d", "display_name", Type::Number),
                formula("e", "email", Type::Text),
                Definition { required_if: "level ==".into(), ..definition("f", Type::Text) },
            ],
            false,
        );
        let mut found: Vec<(&str, &str)> =
            faults.iter().map(|fault| (fault.key.as_str(), fault.code)).collect();
        found.sort_unstable();
        assert_eq!(
            found,
            [
                ("a", "FORMULA_CIRCLE"),
                ("b", "FORMULA_CIRCLE"),
                ("c", "FORMULA_INVALID"),
                ("d", "FORMULA_INVALID"),
                ("e", "CLASS_LOST"),
                ("f", "CONDITION_INVALID"),
            ]
        );
    }

    #[test]
    fn a_required_value_is_asked_for_when_the_record_is_new_or_the_value_goes() {
        let required = Definition { required: true, ..definition("must", Type::Text) };
        let fields = fields(vec![required, definition("other", Type::Text)]);
        let missing = ["account.custom.must REQUIRED"];
        assert_eq!(refused(write(&fields, &Values::default(), &[("other", text("x"))])), missing);
        assert!(write(&fields, &Values::default(), &[("must", text("x"))]).is_ok());
        assert!(write(&fields, &stored(json!({})), &[("other", text("x"))]).is_ok());
        assert_eq!(refused(write(&fields, &stored(json!({"must": "x"})), &[("must", text(""))])), missing);
        assert_eq!(refused(write(&fields, &stored(json!({"must": "x"})), &[])), missing);
    }

    #[test]
    fn a_condition_is_read_over_standard_and_custom_fields() {
        let conditional = |condition: &str| {
            let must = Definition { required_if: condition.into(), ..definition("must", Type::Text) };
            fields(vec![must, definition("score", Type::Number)])
        };
        let score = [("score", Some(Wire::Number("7".into())))];
        for (condition, asked) in [
            ("level == \"LEVEL_A\"", true),
            ("level == \"LEVEL_B\"", false),
            ("custom.score > 5", true),
            ("custom.score > 5 && custom.must == null && level != \"LEVEL_A\"", false),
        ] {
            let outcome = write(&conditional(condition), &Values::default(), &score);
            assert_eq!(outcome.is_err(), asked, "{condition}");
        }
        assert!(write(&conditional("custom.score > 5"), &stored(json!({"score": "6"})), &score).is_ok());
        assert!(write(&conditional("custom.score > 5"), &stored(json!({"score": "5"})), &score).is_err());
    }

    #[test]
    fn unknown_and_retired_fields_are_refused_by_name_and_stored_values_stay() {
        let retired = Definition { retired: true, ..definition("gone", Type::Text) };
        let fields = fields(vec![retired, definition("plain", Type::Text)]);
        let base = stored(json!({"gone": "x", "plain": "y", "other_process": 1}));
        assert_eq!(
            refused(write(&fields, &base, &[("nope", text("x")), ("gone", text("z"))])),
            ["account.custom.gone FIELD_RETIRED", "account.custom.nope FIELD_UNKNOWN"]
        );
        assert_eq!(write(&fields, &base, &[]).unwrap(), stored(json!({"gone": "x", "other_process": 1})));
        assert_eq!(write(&fields, &base, &[("gone", text("x")), ("plain", text("y"))]).unwrap(), base);
        assert_eq!(
            write(&fields, &base, &[("gone", text("-"))]).unwrap(),
            stored(json!({"other_process": 1}))
        );
    }

    #[test]
    fn a_stored_value_that_is_not_changed_is_not_checked_again() {
        let option = Opt { key: "old".into(), retired: true, ..Opt::default() };
        let choice = Definition { options: Json(vec![option]), ..definition("choice", Type::Select) };
        let fields = fields(vec![choice]);
        assert!(write(&fields, &stored(json!({"choice": "old"})), &[("choice", text("old"))]).is_ok());
        assert_eq!(
            refused(write(&fields, &stored(json!({})), &[("choice", text("old"))])),
            ["account.custom.choice OPTION_RETIRED"]
        );
    }

    #[test]
    fn a_new_record_counts_nothing_below_it() {
        let roll_up = RollUp { function: Choice(Function::Count), field: String::new() };
        let count = Definition { roll_up: Some(Json(roll_up)), ..definition("people", Type::RollUp) };
        let fields = fields(vec![count]);
        assert_eq!(write(&fields, &Values::default(), &[]).unwrap(), stored(json!({"people": "0"})));
        assert_eq!(
            write(&fields, &stored(json!({"people": "3"})), &[]).unwrap(),
            stored(json!({"people": "3"}))
        );
    }
}
