//! Arithmetic on values: exact, and refused rather than wrapped when it leaves its range.

use std::fmt;

use chrono::TimeDelta;
use rust_decimal::Decimal;

use super::expr::Operator;
use super::literal::{bounded, in_range};
use super::value::Value;

/// Why a sound formula has no result for a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EvalError {
    /// A number, instant or duration left its range.
    Overflow,
    /// Something was divided by zero.
    DivisionByZero,
    /// A day was moved by a duration that is not a whole number of days.
    PartialDay,
}

impl fmt::Display for EvalError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Overflow => "the result is out of range",
            Self::DivisionByZero => "division by zero",
            Self::PartialDay => "a date can only be moved by whole days",
        })
    }
}

impl std::error::Error for EvalError {}

/// The result of an operator the checker has allowed for these kinds; unset when an operand is.
pub(super) fn apply(operator: Operator, left: Value, right: Value) -> Result<Value<'static>, EvalError> {
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => whole(operator, left, right).map(Value::Int),
        (Value::Decimal(left), Value::Decimal(right)) => exact(operator, left, right).map(Value::Decimal),
        (Value::Text(left), Value::Text(right)) => Ok(Value::Text((left.into_owned() + &right).into())),
        (left, right) => in_time(operator, left, right),
    }
}

/// The value with its sign turned.
pub(super) fn negate(value: &Value) -> Result<Value<'static>, EvalError> {
    Ok(match value {
        Value::Int(whole) => Value::Int(whole.checked_neg().ok_or(EvalError::Overflow)?),
        Value::Decimal(number) => Value::Decimal(-number),
        Value::Duration(length) => Value::Duration(-*length),
        _ => Value::Null,
    })
}

/// Whole numbers divide towards zero, as in CEL.
fn whole(operator: Operator, left: i64, right: i64) -> Result<i64, EvalError> {
    let divides = matches!(operator, Operator::Divide | Operator::Remainder);
    if divides && right == 0 {
        return Err(EvalError::DivisionByZero);
    }
    let result = match operator {
        Operator::Add => left.checked_add(right),
        Operator::Subtract => left.checked_sub(right),
        Operator::Multiply => left.checked_mul(right),
        Operator::Divide => left.checked_div(right),
        Operator::Remainder => left.checked_rem(right),
    };
    result.ok_or(EvalError::Overflow)
}

fn exact(operator: Operator, left: Decimal, right: Decimal) -> Result<Decimal, EvalError> {
    let divides = matches!(operator, Operator::Divide | Operator::Remainder);
    if divides && right.is_zero() {
        return Err(EvalError::DivisionByZero);
    }
    let result = match operator {
        Operator::Add => left.checked_add(right),
        Operator::Subtract => left.checked_sub(right),
        Operator::Multiply => left.checked_mul(right),
        Operator::Divide => left.checked_div(right),
        Operator::Remainder => left.checked_rem(right),
    };
    result.ok_or(EvalError::Overflow)
}

fn in_time(operator: Operator, left: Value, right: Value) -> Result<Value<'static>, EvalError> {
    let moved = match (operator, left, right) {
        (Operator::Subtract, Value::Timestamp(left), Value::Timestamp(right)) => {
            bounded(left - right).map(Value::Duration)
        }
        (Operator::Subtract, Value::Date(left), Value::Date(right)) => {
            bounded(left - right).map(Value::Duration)
        }
        (Operator::Add, Value::Duration(left), Value::Duration(right)) => {
            bounded(left + right).map(Value::Duration)
        }
        (Operator::Subtract, Value::Duration(left), Value::Duration(right)) => {
            bounded(left - right).map(Value::Duration)
        }
        (Operator::Add, Value::Duration(length), start) | (Operator::Add, start, Value::Duration(length)) => {
            return shift(&start, length);
        }
        (Operator::Subtract, start, Value::Duration(length)) => return shift(&start, -length),
        _ => Some(Value::Null),
    };
    moved.ok_or(EvalError::Overflow)
}

fn shift(start: &Value, length: TimeDelta) -> Result<Value<'static>, EvalError> {
    let moved = match start {
        Value::Timestamp(instant) => {
            instant.checked_add_signed(length).filter(in_range).map(Value::Timestamp)
        }
        Value::Date(_) if TimeDelta::days(length.num_days()) != length => return Err(EvalError::PartialDay),
        Value::Date(day) => day.checked_add_signed(length).filter(in_range).map(Value::Date),
        _ => Some(Value::Null),
    };
    moved.ok_or(EvalError::Overflow)
}
