//! The values expressions compute with, and how two of them compare.

use std::borrow::Cow;
use std::cmp::Ordering;

use chrono::{DateTime, NaiveDate, SubsecRound, TimeDelta, Utc};
use rust_decimal::Decimal;
use uuid::Uuid;

/// A value of a record, a constant or a result. Borrows from the record where it can.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'r> {
    /// An unset field.
    Null,
    /// Text.
    Text(Cow<'r, str>),
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// An exact amount, as itself: never the scaled integer its column stores.
    Decimal(Decimal),
    /// An instant, to the microsecond as Postgres keeps it.
    Timestamp(DateTime<Utc>),
    /// A calendar day.
    Date(NaiveDate),
    /// A length of time. Appears only within expressions: no field holds one.
    Duration(TimeDelta),
    /// An id.
    Uuid(Uuid),
    /// The number of an enum value.
    Enum(i32),
    /// A list of texts.
    TextList(Cow<'r, [String]>),
}

impl<'r> From<&'r str> for Value<'r> {
    fn from(text: &'r str) -> Self {
        Self::Text(text.into())
    }
}

impl From<Option<Uuid>> for Value<'_> {
    fn from(id: Option<Uuid>) -> Self {
        id.map_or(Self::Null, Self::Uuid)
    }
}

impl From<Option<NaiveDate>> for Value<'_> {
    fn from(day: Option<NaiveDate>) -> Self {
        day.map_or(Self::Null, Self::Date)
    }
}

impl From<Option<DateTime<Utc>>> for Value<'_> {
    fn from(instant: Option<DateTime<Utc>>) -> Self {
        instant.map_or(Self::Null, Self::Timestamp)
    }
}

impl Value<'_> {
    /// How two values compare, or `None` when either is unset or their kinds differ.
    /// Text compares by code point, numbers exactly whatever their kind.
    pub(super) fn order(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Text(left), Self::Text(right)) => Some(left.cmp(right)),
            (Self::Bool(left), Self::Bool(right)) => Some(left.cmp(right)),
            (Self::Timestamp(left), Self::Timestamp(right)) => Some(left.cmp(right)),
            (Self::Date(left), Self::Date(right)) => Some(left.cmp(right)),
            (Self::Duration(left), Self::Duration(right)) => Some(left.cmp(right)),
            (Self::Uuid(left), Self::Uuid(right)) => Some(left.cmp(right)),
            (Self::Enum(left), Self::Enum(right)) => Some(left.cmp(right)),
            (Self::Int(left), Self::Int(right)) => Some(left.cmp(right)),
            _ => Some(self.number()?.cmp(&other.number()?)),
        }
    }

    /// The value as an exact number, or `None` when it is none.
    pub(super) fn number(&self) -> Option<Decimal> {
        match self {
            Self::Int(whole) => Some(Decimal::from(*whole)),
            Self::Decimal(number) => Some(*number),
            _ => None,
        }
    }

    /// The same value, borrowing from nothing.
    #[must_use]
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Self::Null => Value::Null,
            Self::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
            Self::Bool(truth) => Value::Bool(truth),
            Self::Int(whole) => Value::Int(whole),
            Self::Decimal(number) => Value::Decimal(number),
            Self::Timestamp(instant) => Value::Timestamp(instant),
            Self::Date(day) => Value::Date(day),
            Self::Duration(length) => Value::Duration(length),
            Self::Uuid(id) => Value::Uuid(id),
            Self::Enum(number) => Value::Enum(number),
            Self::TextList(texts) => Value::TextList(Cow::Owned(texts.into_owned())),
        }
    }
}

/// What `now` and `today` mean for one evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The instant.
    pub now: DateTime<Utc>,
    /// The calendar day at that instant where the caller is.
    pub today: NaiveDate,
}

impl Moment {
    /// An instant and the day it falls on in the tenant's time zone. Postgres keeps microseconds, so
    /// the instant is cut to them.
    #[must_use]
    pub fn new(now: DateTime<Utc>, today: NaiveDate) -> Self {
        Self { now: now.trunc_subsecs(6), today }
    }
}

/// Takes the day in UTC.
impl From<DateTime<Utc>> for Moment {
    fn from(now: DateTime<Utc>) -> Self {
        Self::new(now, now.date_naive())
    }
}
