//! Fields that stand in a JSON document, such as a tenant's own: how SQL reads one, and how a test for equality becomes one for containment,
//! which a single GIN index (`jsonb_path_ops`) serves whatever the keys are.
//!
//! | kind | form in the document |
//! |---|---|
//! | text | string |
//! | true or false | boolean |
//! | whole number, choice | number |
//! | decimal | number: the scaled integer a `bigint` column would hold |
//! | numeric | string: decimal text, at most 18 digits before and 10 after the point, without needless zeros |
//! | timestamp | string: `2025-01-31T08:00:00.000000Z` |
//! | date | string: `2025-01-31` |
//! | id | string, in lower case with hyphens |
//! | list of texts | array of strings |
//!
//! A value of any other form counts as unset. Each value has one form only; otherwise containment would miss its equals.

use std::borrow::Cow;

use serde_json::Value as Json;

use super::bind::stored_exactly;
use super::schema::{Field, Kind};
use super::value::Value;

/// Where in which document a field stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The `jsonb` column, which is never NULL.
    column: Cow<'static, str>,
    /// The keys that lead to the value, the outermost first.
    keys: Vec<String>,
}

impl Field {
    /// A field at `keys` of the documents in `column`, which is never NULL. Only a list is set without a value: then it is empty.
    #[must_use]
    pub fn in_document(path: String, kind: Kind, column: &'static str, keys: &[&str]) -> Self {
        let place = Place { column: column.into(), keys: keys.iter().map(|&key| key.to_owned()).collect() };
        Self {
            path: path.into(),
            kind,
            sql: place.expression(kind).into(),
            nullable: kind != Kind::TextList,
            masked: false,
            document: Some(place),
        }
    }
}

impl Place {
    /// The `jsonb` column.
    pub(super) fn column(&self) -> &str {
        &self.column
    }

    /// A document that holds nothing but a value at this place; `None` when no document holds such a value.
    pub(super) fn holding(&self, kind: Kind, value: &Value) -> Option<Json> {
        let leaf = form(kind, value)?;
        Some(
            self.keys
                .iter()
                .rev()
                .fold(leaf, |inner, key| Json::Object([(key.clone(), inner)].into_iter().collect())),
        )
    }

    /// The value as an SQL expression: NULL, or an empty list, when it is unset or of another form.
    fn expression(&self, kind: Kind) -> String {
        let value = self.walk(false);
        let text = self.walk(true);
        let guarded = |shape: &str, condition: &str, sql_type: &str| {
            format!("(CASE WHEN jsonb_typeof({value}) = '{shape}'{condition} THEN {text}{sql_type} END)")
        };
        match kind {
            Kind::Text => guarded("string", "", ""),
            Kind::Bool => format!("(CASE {value} WHEN 'true' THEN TRUE WHEN 'false' THEN FALSE END)"),
            Kind::Int | Kind::Enum(_) | Kind::Decimal { .. } => {
                guarded("number", &format!(" AND {text} ~ '^-?[0-9]{{1,19}}$'"), "::bigint")
            }
            Kind::Numeric => guarded(
                "string",
                &format!(" AND {text} ~ '^-?[0-9]{{1,18}}([.][0-9]{{1,10}})?$'"),
                "::numeric",
            ),
            Kind::Timestamp => {
                let day = day_of(&text);
                let time = "([01][0-9]|2[0-3])(:[0-5][0-9]){2}[.][0-9]{6}Z";
                guarded("string", &format!(" AND {text} ~ '^.{{10}}T{time}$' AND {day}"), "::timestamptz")
            }
            Kind::Date => {
                guarded("string", &format!(" AND {text} ~ '^.{{10}}$' AND {}", day_of(&text)), "::date")
            }
            Kind::Uuid => guarded(
                "string",
                &format!(" AND {text} ~ '^[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}$'"),
                "::uuid",
            ),
            Kind::TextList => format!(
                "(CASE WHEN jsonb_typeof({value}) = 'array' \
                 THEN ARRAY(SELECT jsonb_array_elements_text({value})) ELSE '{{}}'::text[] END)"
            ),
        }
    }

    /// The way to the value, as JSON or as text.
    fn walk(&self, as_text: bool) -> String {
        let last = self.keys.len().saturating_sub(1);
        let steps = self.keys.iter().enumerate().map(|(index, key)| {
            let arrow = if as_text && index == last { "->>" } else { "->" };
            format!("{arrow}'{}'", key.replace('\'', "''"))
        });
        format!("({}{})", self.column, steps.collect::<String>())
    }
}

/// A value in the form documents have it in.
pub(super) fn form(kind: Kind, value: &Value) -> Option<Json> {
    Some(match (kind, value) {
        (Kind::Text, Value::Text(text)) => Json::from(text.as_ref()),
        (Kind::Bool, Value::Bool(truth)) => Json::from(*truth),
        (Kind::Int, number @ (Value::Int(_) | Value::Decimal(_))) => {
            Json::from(stored_exactly(number, Some(0))?)
        }
        (Kind::Enum(_), Value::Enum(number)) => Json::from(*number),
        (Kind::Decimal { scale }, number @ (Value::Int(_) | Value::Decimal(_))) => {
            Json::from(stored_exactly(number, Some(scale))?)
        }
        (Kind::Numeric, number) => {
            let number = number.number()?.normalize();
            // `-0` is no number of its own.
            Json::from(if number.is_zero() { "0".to_owned() } else { number.to_string() })
        }
        (Kind::Timestamp, Value::Timestamp(instant)) => {
            Json::from(instant.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string())
        }
        (Kind::Date, Value::Date(day)) => Json::from(day.to_string()),
        (Kind::Uuid, Value::Uuid(id)) => Json::from(id.to_string()),
        (Kind::TextList, Value::TextList(texts)) => Json::from(texts.to_vec()),
        // An item that the list has.
        (Kind::TextList, Value::Text(text)) => Json::from(vec![text.as_ref()]),
        _ => return None,
    })
}

/// The condition that a text begins with a day of the calendar. Digits alone do not make one: the cast of 30 February fails, and with it the
/// statement.
fn day_of(text: &str) -> String {
    // The parts of a conjunction are evaluated in any order, so a CASE of its own keeps the casts to digits.
    format!(
        "CASE WHEN {text} ~ '^[0-9]{{4}}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])' \
         THEN substr({text}, 1, 4) <> '0000' AND substr({text}, 9, 2)::integer <= \
         extract(day FROM make_date(greatest(substr({text}, 1, 4)::integer, 1), substr({text}, 6, 2)::integer, 1) \
         + interval '1 month -1 day') ELSE FALSE END"
    )
}
