//! The checked form of an expression: what the SQL writer and the evaluator share.

use std::cmp::Ordering;

use super::value::Value;

/// An expression whose kinds are known to fit. Fields are indexes into the list that travels with it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expr {
    Const(Value<'static>),
    Now,
    Today,
    Field(usize),
    /// Whether a field is set.
    IsSet(usize),
    Not(Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    Compare(Comparison, Box<Expr>, Box<Expr>),
    /// Whether a value equals one of these constants.
    OneOf(Box<Expr>, Vec<Expr>),
    /// Whether a text is an item of a list.
    Member(Box<Expr>, Box<Expr>),
    /// Whether a text starts with, ends with or contains another.
    Affix(Affix, Box<Expr>, Box<Expr>),
    LowerAscii(Box<Expr>),
    /// How many characters a text has.
    Length(Box<Expr>),
    /// How many items a list has.
    Count(Box<Expr>),
    /// A whole number as a decimal.
    Widen(Box<Expr>),
    Negate(Box<Expr>),
    Arithmetic(Operator, Box<Expr>, Box<Expr>),
    /// The second when the first holds, otherwise the third.
    Choose(Box<Expr>, Box<Expr>, Box<Expr>),
}

/// How two values are compared. `!=` is the negation of `Equal`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

/// Where one text is looked for in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Affix {
    Prefix,
    Suffix,
    Anywhere,
}

/// What arithmetic does with two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// What a value depends on, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Needs {
    Nothing,
    Clock,
    Record,
}

impl Expr {
    /// What has to be known before the value can be computed.
    pub(super) fn needs(&self) -> Needs {
        match self {
            Self::Const(_) => Needs::Nothing,
            Self::Now | Self::Today => Needs::Clock,
            Self::Field(_) | Self::IsSet(_) => Needs::Record,
            Self::Not(inner)
            | Self::LowerAscii(inner)
            | Self::Length(inner)
            | Self::Count(inner)
            | Self::Widen(inner)
            | Self::Negate(inner) => inner.needs(),
            Self::And(left, right)
            | Self::Or(left, right)
            | Self::Compare(_, left, right)
            | Self::Member(left, right)
            | Self::Affix(_, left, right)
            | Self::Arithmetic(_, left, right) => left.needs().max(right.needs()),
            Self::OneOf(item, list) => list.iter().map(Self::needs).fold(item.needs(), Needs::max),
            Self::Choose(condition, yes, no) => condition.needs().max(yes.needs()).max(no.needs()),
        }
    }
}

impl Comparison {
    pub(super) fn accepts(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::Less => order.is_lt(),
            Self::AtMost => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::AtLeast => order.is_ge(),
        }
    }

    /// The comparison that holds for `(b, a)` when this one holds for `(a, b)`.
    pub(super) fn mirrored(self) -> Self {
        match self {
            Self::Equal => Self::Equal,
            Self::Less => Self::Greater,
            Self::AtMost => Self::AtLeast,
            Self::Greater => Self::Less,
            Self::AtLeast => Self::AtMost,
        }
    }
}

impl Operator {
    /// What is done to the operands, for messages.
    pub(super) fn verb(self) -> &'static str {
        match self {
            Self::Add => "added",
            Self::Subtract => "subtracted",
            Self::Multiply => "multiplied",
            Self::Divide | Self::Remainder => "divided",
        }
    }
}
