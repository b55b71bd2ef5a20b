//! Expressions of definitions: read against the fields of the collection, and put into the order in which they have to be computed.

use std::collections::{BTreeMap, BTreeSet};

use crm_kit_api::{
    filter::{Field as FilterField, Filter, Formula, Kind, Schema},
    sensitivity::{Masks, Sensitivity},
};
use crm_proto::crm::record::v1::custom_field::Type;

use super::{Fields, model::Definition};
use crate::Kind as RecordKind;

/// Why a definition's expression cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Key of the field whose expression it is.
    pub key: String,
    /// Property of the definition.
    pub property: &'static str,
    /// Machine-readable rule.
    pub code: &'static str,
    /// What is wrong, for people.
    pub message: String,
}

impl Fault {
    /// A fault of a definition.
    pub fn new(key: &str, property: &'static str, code: &'static str, message: impl Into<String>) -> Self {
        Self { key: key.to_owned(), property, code, message: message.into() }
    }
}

/// The kind of values of a type in expressions.
pub fn kind_of(kind: Type) -> Kind {
    match kind {
        Type::Number => Kind::Numeric,
        Type::Boolean => Kind::Bool,
        Type::Date => Kind::Date,
        Type::DateTime => Kind::Timestamp,
        Type::Money => Kind::Decimal { scale: 4 },
        Type::MultiSelect => Kind::TextList,
        Type::Reference => Kind::Uuid,
        _ => Kind::Text,
    }
}

/// The fields that formulas and conditions of a collection may use: all standard and custom ones, whoever may see them.
pub fn schema(record: &RecordKind, definitions: &[Definition]) -> Schema {
    let custom = definitions.iter().flat_map(|definition| {
        let kind = kind_of(definition.stored_kind());
        let field = |path: String, kind| FilterField {
            path: path.into(),
            kind,
            sql: "NULL".into(),
            nullable: kind != Kind::TextList,
            masked: false,
            document: None,
        };
        let currency = (definition.stored_kind() == Type::Money)
            .then(|| field(format!("{}.currency_code", definition.path()), Kind::Text));
        [Some(field(definition.path(), kind)), currency].into_iter().flatten()
    });
    record.schema.filter_schema(&Fields::default(), &Masks::default()).with_custom(custom)
}

/// Reads a definition's formula.
pub fn formula(definition: &Definition, schema: &Schema) -> Result<Formula, Fault> {
    let fault = |code, message: String| Fault::new(&definition.key, "formula", code, message);
    Formula::parse(&definition.formula, schema, kind_of(definition.formula_type.0))
        .map_err(|error| fault("FORMULA_INVALID", error.to_string()))
}

/// Reads the condition under which a definition requires a value.
pub fn condition(definition: &Definition, schema: &Schema) -> Result<Option<Filter>, Fault> {
    if definition.required_if.trim().is_empty() {
        return Ok(None);
    }
    let fault = |message: String| Fault::new(&definition.key, "required_if", "CONDITION_INVALID", message);
    Filter::parse(&definition.required_if, schema).map(Some).map_err(|error| fault(error.to_string()))
}

/// A formula shows what it is computed from, so it has to be of the class of each field it uses.
pub fn class_fault(
    record: &RecordKind,
    definition: &Definition,
    formula: &Formula,
    definitions: &[Definition],
) -> Option<Fault> {
    let class = definition.sensitivity.0;
    formula.fields().find_map(|path| {
        let used = class_of(record, path, definitions);
        (used != Sensitivity::Unspecified && used != class).then(|| {
            let message = format!(
                "must be {}, because the formula uses {path}, which is of that class",
                used.as_str_name()
            );
            Fault::new(&definition.key, "sensitivity", "CLASS_LOST", message)
        })
    })
}

fn class_of(record: &RecordKind, path: &str, definitions: &[Definition]) -> Sensitivity {
    match path.strip_prefix("custom.") {
        None => record.schema.class_of(path),
        Some(rest) => {
            let key = rest.split('.').next().unwrap_or_default();
            let used = definitions.iter().find(|definition| definition.key == key);
            used.map(|definition| definition.sensitivity.0).unwrap_or_default()
        }
    }
}

/// Formulas in an order in which each comes after those it uses, and those that are part of a circle or come after one.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Order {
    /// Keys in the order to compute.
    pub keys: Vec<String>,
    /// Keys that have no place in it.
    pub circular: Vec<String>,
}

/// Orders formulas, given for each the paths it uses.
pub fn order(uses: &BTreeMap<String, Vec<String>>) -> Order {
    let needs = |paths: &Vec<String>| -> BTreeSet<String> {
        let keys = paths.iter().filter_map(|path| path.strip_prefix("custom."));
        let keys = keys.map(|rest| rest.split('.').next().unwrap_or_default().to_owned());
        keys.filter(|key| uses.contains_key(key)).collect()
    };
    let mut open: BTreeMap<String, BTreeSet<String>> =
        uses.iter().map(|(key, paths)| (key.clone(), needs(paths))).collect();
    let mut keys = Vec::with_capacity(open.len());
    loop {
        let ready: Vec<String> =
            open.iter().filter(|(_, needs)| needs.is_empty()).map(|(key, _)| key.clone()).collect();
        if ready.is_empty() {
            return Order { keys, circular: open.into_keys().collect() };
        }
        for key in &ready {
            open.remove(key);
        }
        for needs in open.values_mut() {
            needs.retain(|need| !ready.contains(need));
        }
        keys.extend(ready);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn uses(pairs: &[(&str, &[&str])]) -> BTreeMap<String, Vec<String>> {
        pairs
            .iter()
            .map(|(key, paths)| ((*key).to_owned(), paths.iter().map(|path| (*path).to_owned()).collect()))
            .collect()
    }

    #[test]
    fn a_formula_comes_after_those_it_uses() {
        let found = order(&uses(&[
            ("a", &["custom.b", "employee_count"]),
            ("b", &["custom.c", "custom.plain"]),
            ("c", &["custom.money.currency_code"]),
        ]));
        assert_eq!((found.keys, found.circular), (vec!["c".into(), "b".into(), "a".into()], vec![]));
    }

    #[test]
    fn circles_are_found_and_the_rest_is_ordered() {
        for (pairs, keys, circular) in [
            (uses(&[("a", &["custom.a"])]), vec![], vec!["a"]),
            (uses(&[("a", &["custom.b"]), ("b", &["custom.a"]), ("c", &[])]), vec!["c"], vec!["a", "b"]),
            (uses(&[("a", &["custom.b"]), ("b", &["custom.b"])]), vec![], vec!["a", "b"]),
        ] {
            let found = order(&pairs);
            assert_eq!(found.keys, keys);
            assert_eq!(found.circular, circular);
        }
    }

    proptest! {
        #[test]
        fn every_formula_is_ordered_after_its_needs_or_circular(edges in prop::collection::vec((0..8_u8, 0..8_u8), 0..20)) {
            let mut graph: BTreeMap<String, Vec<String>> = (0..8).map(|key| (format!("k{key}"), vec![])).collect();
            for (from, to) in edges {
                graph.get_mut(&format!("k{from}")).unwrap().push(format!("custom.k{to}"));
            }
            let found = order(&graph);
            prop_assert_eq!(found.keys.len() + found.circular.len(), 8);
            for (at, key) in found.keys.iter().enumerate() {
                for path in &graph[key] {
                    let need = path.trim_start_matches("custom.");
                    prop_assert!(found.keys[..at].iter().any(|before| before == need));
                }
            }
        }
    }
}
