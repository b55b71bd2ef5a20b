//! The values that travel beside a predicate, in the form their columns store.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::expr::{Affix, Comparison};
use super::value::Value;

/// A predicate and the values of its placeholders, in their order.
#[derive(Debug, Clone, PartialEq)]
pub struct Sql {
    /// The predicate.
    pub text: String,
    /// One value for each placeholder.
    pub binds: Vec<Bind>,
}

/// A value to bind, in the type Postgres has to receive it as.
#[derive(Debug, Clone, PartialEq)]
pub enum Bind {
    /// `text`.
    Text(String),
    /// `text[]`.
    TextList(Vec<String>),
    /// `boolean`.
    Bool(bool),
    /// `bigint`.
    Int(i64),
    /// `bigint[]`.
    IntList(Vec<i64>),
    /// `numeric`.
    Numeric(Decimal),
    /// `numeric[]`.
    NumericList(Vec<Decimal>),
    /// `timestamptz`.
    Timestamp(DateTime<Utc>),
    /// `timestamptz[]`.
    TimestampList(Vec<DateTime<Utc>>),
    /// `date`.
    Date(NaiveDate),
    /// `date[]`.
    DateList(Vec<NaiveDate>),
    /// `uuid`.
    Uuid(Uuid),
    /// `uuid[]`.
    UuidList(Vec<Uuid>),
    /// `jsonb`.
    Json(serde_json::Value),
    /// `jsonb[]`.
    JsonList(Vec<serde_json::Value>),
}

/// A value in the type it is compared in; `None` for those that no column is compared with.
pub(super) fn bound(value: &Value) -> Option<Bind> {
    match value {
        Value::Text(text) => Some(Bind::Text(text.to_string())),
        Value::Bool(truth) => Some(Bind::Bool(*truth)),
        Value::Int(_) | Value::Decimal(_) => value.number().map(Bind::Numeric),
        Value::Timestamp(instant) => Some(Bind::Timestamp(*instant)),
        Value::Date(day) => Some(Bind::Date(*day)),
        Value::Uuid(id) => Some(Bind::Uuid(*id)),
        Value::Enum(number) => Some(Bind::Int(i64::from(*number))),
        Value::Null | Value::Duration(_) | Value::TextList(_) => None,
    }
}

/// Values of one kind as an array, without the numbers that an integer column of this scale cannot hold;
/// `None` when there is nothing to look for.
pub(super) fn bound_list(values: &[Value], scale: Option<u32>) -> Option<Bind> {
    let mut list = match (values.first()?, scale) {
        (Value::Text(_), _) => Bind::TextList(Vec::new()),
        (Value::Timestamp(_), _) => Bind::TimestampList(Vec::new()),
        (Value::Date(_), _) => Bind::DateList(Vec::new()),
        (Value::Uuid(_), _) => Bind::UuidList(Vec::new()),
        (Value::Enum(_), _) | (Value::Int(_) | Value::Decimal(_), Some(_)) => Bind::IntList(Vec::new()),
        (Value::Int(_) | Value::Decimal(_), None) => Bind::NumericList(Vec::new()),
        _ => return None,
    };
    for value in values {
        match (&mut list, value) {
            (Bind::TextList(list), Value::Text(text)) => list.push(text.to_string()),
            (Bind::TimestampList(list), Value::Timestamp(instant)) => list.push(*instant),
            (Bind::DateList(list), Value::Date(day)) => list.push(*day),
            (Bind::UuidList(list), Value::Uuid(id)) => list.push(*id),
            (Bind::IntList(list), Value::Enum(number)) => list.push(i64::from(*number)),
            (Bind::IntList(list), number) => list.extend(stored_exactly(number, scale)),
            (Bind::NumericList(list), number) => list.extend(number.number()),
            _ => {}
        }
    }
    Some(list)
}

/// A comparison with a number as one with the integer that is stored. A number between two of these is
/// rounded down, and then belongs to the lower side.
pub(super) fn stored(comparison: Comparison, number: Decimal, scale: u32) -> Option<(Comparison, i64)> {
    let (whole, exact) = scaled(number, scale)?;
    match comparison {
        _ if exact => Some((comparison, whole)),
        Comparison::Less | Comparison::AtMost => Some((Comparison::AtMost, whole)),
        Comparison::Greater | Comparison::AtLeast => Some((Comparison::Greater, whole)),
        Comparison::Equal => None,
    }
}

/// The integer that is stored for a number, if one is.
pub(super) fn stored_exactly(number: &Value, scale: Option<u32>) -> Option<i64> {
    scaled(number.number()?, scale?).filter(|(_, exact)| *exact).map(|(whole, _)| whole)
}

/// The integer a column of this scale stores for a number, rounded down, and whether it is exact; `None`
/// when `bigint` cannot hold it.
pub(super) fn scaled(number: Decimal, scale: u32) -> Option<(i64, bool)> {
    let number = number.normalize();
    let shift = |places: u32| 10_i128.checked_pow(places);
    let (whole, exact) = match scale.checked_sub(number.scale()) {
        Some(missing) => (number.mantissa().checked_mul(shift(missing)?)?, true),
        None => (number.mantissa().div_euclid(shift(number.scale() - scale)?), false),
    };
    Some((i64::try_from(whole).ok()?, exact))
}

/// A LIKE pattern that finds a text literally.
pub(super) fn pattern(affix: Affix, part: &str) -> String {
    let literal = part.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    match affix {
        Affix::Prefix => format!("{literal}%"),
        Affix::Suffix => format!("%{literal}"),
        Affix::Anywhere => format!("%{literal}%"),
    }
}
