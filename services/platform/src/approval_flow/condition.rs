//! The condition of a flow: checked against its variables when it is written, evaluated over submitted values.

use std::{borrow::Cow, collections::BTreeMap};

use crm_kit_api::{
    Result,
    error::Violations,
    filter::{self, Field, Filter, Kind, Moment, Schema, Value},
};
use prost_types::{Struct, value::Kind as Sent};
use rust_decimal::Decimal;

use super::model::{Definition, Variable, VariableKind};

/// The condition, checked against the variables.
pub fn compile(definition: &Definition) -> std::result::Result<Filter, filter::Error> {
    let fields = definition.variables.iter().map(|variable| Field {
        path: Cow::Owned(variable.path.clone()),
        kind: match variable.kind {
            VariableKind::Text => Kind::Text,
            VariableKind::Number => Kind::Numeric,
            VariableKind::Boolean => Kind::Bool,
            VariableKind::Date => Kind::Date,
        },
        // Evaluated in memory only.
        sql: Cow::Borrowed(""),
        nullable: true,
        masked: false,
        document: None,
    });
    Filter::parse(&definition.condition, &Schema::default().with_custom(fields))
}

/// Whether submitted values satisfy the condition. A value of another type than its variable's is a violation.
pub fn holds(definition: &Definition, values: &Struct, moment: Moment) -> Result<bool> {
    let filter = compile(definition)?;
    let mut violations = Violations::default();
    let mut known = BTreeMap::new();
    for path in filter.fields() {
        if let Some(variable) = definition.variables.iter().find(|variable| variable.path == path) {
            known.insert(path.to_owned(), read(variable, values, &mut violations));
        }
    }
    violations.into_result(())?;
    Ok(filter.matches(&|path| known.get(path).cloned().unwrap_or(Value::Null), moment))
}

fn read(variable: &Variable, values: &Struct, violations: &mut Violations) -> Value<'static> {
    let Some(sent) = find(values, &variable.path) else { return Value::Null };
    let value = match (variable.kind, sent) {
        (_, Sent::NullValue(_)) => return Value::Null,
        (VariableKind::Text, Sent::StringValue(text)) => Some(Value::Text(Cow::Owned(text.clone()))),
        (VariableKind::Boolean, Sent::BoolValue(truth)) => Some(Value::Bool(*truth)),
        (VariableKind::Number, Sent::StringValue(text)) => text.parse::<Decimal>().ok().map(Value::Decimal),
        // The shortest decimal that stands for the number: 0.1 is 0.1.
        (VariableKind::Number, Sent::NumberValue(number)) => {
            number.to_string().parse::<Decimal>().ok().map(Value::Decimal)
        }
        (VariableKind::Date, Sent::StringValue(text)) => text.parse().ok().map(Value::Date),
        _ => None,
    };
    value.unwrap_or_else(|| {
        let message = format!("is not {}", noun(variable.kind));
        violations.add(format!("values.{}", variable.path), "TYPE_MISMATCH", message);
        Value::Null
    })
}

fn find<'v>(values: &'v Struct, path: &str) -> Option<&'v Sent> {
    let (head, rest) = path.split_once('.').map_or((path, None), |(head, rest)| (head, Some(rest)));
    match (values.fields.get(head)?.kind.as_ref()?, rest) {
        (sent, None) => Some(sent),
        (Sent::StructValue(inner), Some(rest)) => find(inner, rest),
        _ => None,
    }
}

fn noun(kind: VariableKind) -> &'static str {
    match kind {
        VariableKind::Text => "text",
        VariableKind::Number => "a number",
        VariableKind::Boolean => "true or false",
        VariableKind::Date => "a date such as 2026-03-01",
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn definition(condition: &str) -> Definition {
        let variable = |path: &str, kind| Variable { path: path.to_owned(), kind };
        Definition {
            condition: condition.to_owned(),
            variables: vec![
                variable("discount_percent", VariableKind::Number),
                variable("customer.level", VariableKind::Text),
                variable("rush", VariableKind::Boolean),
                variable("due_date", VariableKind::Date),
            ],
            nodes: Vec::new(),
        }
    }

    fn values(entries: &[(&str, Sent)]) -> Struct {
        let field = |(name, sent): &(&str, Sent)| {
            ((*name).to_owned(), prost_types::Value { kind: Some(sent.clone()) })
        };
        Struct { fields: entries.iter().map(field).collect() }
    }

    fn holds_for(condition: &str, entries: &[(&str, Sent)]) -> Result<bool> {
        holds(&definition(condition), &values(entries), Moment::from(DateTime::UNIX_EPOCH))
    }

    #[test]
    fn conditions_look_at_submitted_values() {
        let text = |text: &str| Sent::StringValue(text.to_owned());
        let customer = Sent::StructValue(values(&[("level", text("A"))]));
        for (condition, entries, expected) in [
            ("", vec![], true),
            ("discount_percent > 10", vec![("discount_percent", Sent::NumberValue(10.1))], true),
            ("discount_percent > 10", vec![("discount_percent", text("10.00"))], false),
            ("discount_percent == 0.1", vec![("discount_percent", Sent::NumberValue(0.1))], true),
            ("discount_percent > 10", vec![], false),
            ("discount_percent > 10", vec![("discount_percent", Sent::NullValue(0))], false),
            ("customer.level == 'A'", vec![("customer", customer)], true),
            ("rush", vec![("rush", Sent::BoolValue(true))], true),
            ("due_date < date('2026-01-01')", vec![("due_date", text("2025-12-31"))], true),
        ] {
            assert_eq!(holds_for(condition, &entries).unwrap(), expected, "{condition} {entries:?}");
        }
    }

    #[test]
    fn a_value_of_another_type_is_told_by_its_place() {
        for sent in [Sent::StringValue("ten".into()), Sent::BoolValue(true), Sent::NumberValue(f64::NAN)] {
            let error = holds_for("discount_percent > 10", &[("discount_percent", sent)]).unwrap_err();
            assert_eq!(error.violations()[0].field, "values.discount_percent");
        }
        // What the condition does not use is not looked at.
        assert!(holds_for("rush", &[("discount_percent", Sent::BoolValue(true))]).is_ok());
    }
}
