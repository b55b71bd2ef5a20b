//! The kinds an expression can have while it is checked, and what callers call them.

use chrono::DateTime;

use super::error::{Error, ErrorKind};
use super::eval::{self, Failure};
use super::expr::{Expr, Needs};
use super::schema::Kind;
use super::value::{Moment, Value};

/// What an expression gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Null,
    Text,
    Bool,
    Int,
    Decimal,
    Timestamp,
    Date,
    Duration,
    Uuid,
    Enum(&'static [(&'static str, i32)]),
    TextList,
}

/// A checked expression, what it gives, and where it is written.
#[derive(Debug)]
pub(super) struct Typed {
    pub(super) position: usize,
    pub(super) kind: Type,
    pub(super) expr: Expr,
}

impl Type {
    /// The kind in the caller's words.
    pub(super) fn noun(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Text => "text",
            Self::Bool => "true or false",
            Self::Int | Self::Decimal => "a number",
            Self::Timestamp => "a timestamp",
            Self::Date => "a date",
            Self::Duration => "a duration",
            Self::Uuid => "an id",
            Self::Enum(_) => "a choice",
            Self::TextList => "a list",
        }
    }

    pub(super) fn is_number(self) -> bool {
        matches!(self, Self::Int | Self::Decimal)
    }

    pub(super) fn is_ordered(self) -> bool {
        self.is_number() || matches!(self, Self::Text | Self::Timestamp | Self::Date | Self::Duration)
    }

    pub(super) fn is_listable(self) -> bool {
        self.is_ordered() || matches!(self, Self::Uuid | Self::Enum(_))
    }

    pub(super) fn is_comparable_with(self, other: Self) -> bool {
        let values = !matches!(self, Self::Null | Self::TextList);
        (self == other && values) || (self.is_number() && other.is_number())
    }
}

impl From<Kind> for Type {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Text => Self::Text,
            Kind::Bool => Self::Bool,
            Kind::Int => Self::Int,
            Kind::Decimal { .. } | Kind::Numeric => Self::Decimal,
            Kind::Timestamp => Self::Timestamp,
            Kind::Date => Self::Date,
            Kind::Uuid => Self::Uuid,
            Kind::Enum(values) => Self::Enum(values),
            Kind::TextList => Self::TextList,
        }
    }
}

impl Typed {
    pub(super) fn constant(position: usize, kind: Type, value: Value<'static>) -> Self {
        Self { position, kind, expr: Expr::Const(value) }
    }

    /// An expression of checked parts, computed at once when nothing is missing. One that waits for the
    /// clock is tried, so that what can never be computed is refused.
    pub(super) fn computed(position: usize, kind: Type, expr: Expr) -> Result<Self, Error> {
        let needs = expr.needs();
        if needs == Needs::Record {
            return Ok(Self { position, kind, expr });
        }
        let value = eval::constant(&expr, Moment::from(DateTime::UNIX_EPOCH), Failure::Reported)
            .map_err(|error| Error::new(ErrorKind::Evaluation, position, error.to_string()))?;
        Ok(match needs {
            Needs::Nothing => Self::constant(position, kind, value),
            _ => Self { position, kind, expr },
        })
    }

    /// The same expression as an exact number, when it is a whole one.
    pub(super) fn widened(self) -> Result<Self, Error> {
        match self.kind {
            Type::Int => Self::computed(self.position, Type::Decimal, Expr::Widen(Box::new(self.expr))),
            _ => Ok(self),
        }
    }
}
