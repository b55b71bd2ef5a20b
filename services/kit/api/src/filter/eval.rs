//! Evaluates a checked expression for one record in memory.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::arithmetic::{self, EvalError};
use super::expr::{Affix, Expr};
use super::schema::{Field, Kind, Presence};
use super::value::{Moment, Value};

/// What an expression is evaluated against.
pub(super) struct Scope<'e, 'r> {
    pub(super) fields: &'e [Field],
    pub(super) lookup: &'e dyn Fn(&str) -> Value<'r>,
    pub(super) moment: Moment,
    pub(super) failure: Failure,
}

/// What becomes of arithmetic that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// It is reported.
    Reported,
    /// Its result is unset. So a filter always has an answer, the same in memory and in SQL.
    Unset,
}

/// The value of an expression that reads no record.
pub(super) fn constant(expr: &Expr, moment: Moment, failure: Failure) -> Result<Value<'static>, EvalError> {
    let scope = Scope { fields: &[], lookup: &|_| Value::Null, moment, failure };
    scope.value(expr).map(Value::into_owned)
}

impl<'e, 'r: 'e> Scope<'e, 'r> {
    pub(super) fn value(&self, expr: &'e Expr) -> Result<Value<'e>, EvalError> {
        Ok(match expr {
            Expr::Const(value) => borrowed(value),
            Expr::Now => Value::Timestamp(self.moment.now),
            Expr::Today => Value::Date(self.moment.today),
            Expr::Field(index) => self.field(*index),
            Expr::LowerAscii(text) => lower_ascii(self.value(text)?),
            Expr::Length(text) | Expr::Count(text) => size(&self.value(text)?),
            Expr::Widen(whole) => self.value(whole)?.number().map_or(Value::Null, Value::Decimal),
            Expr::Negate(inner) => arithmetic::negate(&self.value(inner)?)?,
            Expr::Arithmetic(operator, left, right) => {
                let result = arithmetic::apply(*operator, self.value(left)?, self.value(right)?);
                if self.failure == Failure::Unset { result.unwrap_or(Value::Null) } else { result? }
            }
            Expr::Choose(condition, yes, no) => self.value(if self.holds(condition)? { yes } else { no })?,
            Expr::IsSet(_)
            | Expr::Not(_)
            | Expr::And(..)
            | Expr::Or(..)
            | Expr::Compare(..)
            | Expr::OneOf(..)
            | Expr::Member(..)
            | Expr::Affix(..) => Value::Bool(self.holds(expr)?),
        })
    }

    /// Whether an expression holds. One that rests on an unset value does not.
    pub(super) fn holds(&self, expr: &'e Expr) -> Result<bool, EvalError> {
        Ok(match expr {
            Expr::IsSet(index) => self.is_set(*index),
            Expr::Not(inner) => !self.holds(inner)?,
            Expr::And(left, right) => self.holds(left)? && self.holds(right)?,
            Expr::Or(left, right) => self.holds(left)? || self.holds(right)?,
            Expr::Compare(comparison, left, right) => {
                let order = self.value(left)?.order(&self.value(right)?);
                order.is_some_and(|order| comparison.accepts(order))
            }
            Expr::OneOf(item, list) => {
                let item = self.value(item)?;
                list.iter().try_fold(false, |found, candidate| {
                    Ok(found || item.order(&self.value(candidate)?).is_some_and(Ordering::is_eq))
                })?
            }
            Expr::Member(item, list) => match (self.value(item)?, self.value(list)?) {
                (Value::Text(item), Value::TextList(list)) => list.iter().any(|text| *text == item),
                _ => false,
            },
            Expr::Affix(affix, text, part) => match (self.value(text)?, self.value(part)?) {
                (Value::Text(text), Value::Text(part)) => affix.found_in(&text, &part),
                _ => false,
            },
            value => self.value(value)? == Value::Bool(true),
        })
    }

    /// A field of a decimal kind is a decimal, even when the record hands it over as a whole number.
    fn field(&self, index: usize) -> Value<'e> {
        let Some(field) = self.fields.get(index) else {
            return Value::Null;
        };
        match ((self.lookup)(&field.path), field.kind) {
            (Value::Int(whole), Kind::Decimal { .. } | Kind::Numeric) => Value::Decimal(whole.into()),
            (value, _) => value,
        }
    }

    fn is_set(&self, index: usize) -> bool {
        let presence = self.fields.get(index).map(Field::presence);
        presence == Some(Presence::Always)
            || match self.field(index) {
                Value::Null => false,
                Value::Text(text) if presence == Some(Presence::NotEmpty) => !text.is_empty(),
                Value::TextList(list) if presence == Some(Presence::NotEmpty) => !list.is_empty(),
                _ => true,
            }
    }
}

impl Affix {
    fn found_in(self, text: &str, part: &str) -> bool {
        match self {
            Self::Prefix => text.starts_with(part),
            Self::Suffix => text.ends_with(part),
            Self::Anywhere => text.contains(part),
        }
    }
}

fn borrowed<'e>(value: &'e Value<'static>) -> Value<'e> {
    match value {
        Value::Text(text) => Value::Text(Cow::Borrowed(text)),
        Value::TextList(list) => Value::TextList(Cow::Borrowed(list)),
        other => other.clone(),
    }
}

fn lower_ascii(value: Value) -> Value {
    match value {
        Value::Text(text) if text.bytes().any(|byte| byte.is_ascii_uppercase()) => {
            Value::Text(text.to_ascii_lowercase().into())
        }
        other => other,
    }
}

fn size(value: &Value) -> Value<'static> {
    let count = match value {
        Value::Text(text) => text.chars().count(),
        Value::TextList(list) => list.len(),
        _ => return Value::Null,
    };
    i64::try_from(count).map_or(Value::Null, Value::Int)
}
