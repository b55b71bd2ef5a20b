//! One expression language for list filters, rules and formulas: a small, typed subset of CEL (the
//! Common Expression Language), checked against the fields the caller may use.
//!
//! What does not belong here: running SQL, and knowing any resource.
//!
//! ```text
//! text --lexer--> tokens --parser--> syntax tree --check--> expression --sql---> predicate and binds
//!                                                                      \-eval--> answer for one record
//! ```
//!
//! **Unset values.** The logic is two-valued. A comparison or test of an unset value is false, `!`
//! negates that, and `a != b` is `!(a == b)`: so `city != "Berlin"` selects records without a city.
//! `has(x)` and `x == null` ask whether a field is set; a text or list that is never NULL counts as
//! set when it is not empty. Arithmetic on an unset value gives an unset value.
//!
//! **Numbers** are decimal, never floating; results keep up to 28 digits. Whole numbers divide towards
//! zero, as in CEL; with a decimal on either side the result is a decimal. **Text** is case sensitive and
//! orders by code point.
//!
//! SQL and memory give the same answer for the same record; `arbitrary` generates what proves it.

mod arithmetic;
mod bind;
mod check;
mod document;
mod error;
mod eval;
mod expr;
mod functions;
mod lexer;
mod literal;
mod parser;
mod schema;
mod sql;
mod types;
mod value;

#[cfg(any(test, feature = "arbitrary"))]
pub mod arbitrary;
#[cfg(test)]
mod tests;

use rust_decimal::{Decimal, RoundingStrategy};

pub use arithmetic::EvalError;
pub use bind::{Bind, Sql};
pub use document::Place;
pub use error::{Error, ErrorKind};
pub use schema::{Field, Kind, Schema};
pub use value::{Moment, Value};

use check::Checked;
use eval::{Failure, Scope};
use expr::Expr;

/// The longest text of an expression.
pub const MAX_TEXT_BYTES: usize = 2048;
/// How deep brackets, arguments, choices and signs may nest.
pub const MAX_DEPTH: usize = 32;
/// How many operators, operands and calls an expression may have.
pub const MAX_NODES: usize = 200;
/// How many items a list may hold.
pub const MAX_LIST_ITEMS: usize = 100;

/// A condition on records of one resource.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter(Checked);

impl Filter {
    /// Reads and checks a filter. An empty text selects every record.
    ///
    /// # Errors
    ///
    /// When the text breaks a limit, the grammar or the schema; the error says what and where.
    pub fn parse(text: &str, schema: &Schema) -> Result<Self, Error> {
        if text.trim().is_empty() {
            return Ok(Self::everything());
        }
        parser::parse(text)
            .and_then(|root| check::filter(&root, schema))
            .map(Self)
            .map_err(|error| error.located_in(text))
    }

    /// The filter that selects every record.
    #[must_use]
    pub fn everything() -> Self {
        Self(Checked { expr: Expr::Const(Value::Bool(true)), fields: Vec::new() })
    }

    /// The filter as a predicate whose placeholders count up from `$first_placeholder`. It can be joined
    /// to others with AND as it stands.
    #[must_use]
    pub fn to_sql(&self, first_placeholder: usize, moment: impl Into<Moment>) -> Sql {
        sql::write(&self.0, first_placeholder, moment.into())
    }

    /// Whether a record, given by the values of its fields, is selected.
    #[must_use]
    pub fn matches<'r>(&self, lookup: &dyn Fn(&str) -> Value<'r>, moment: impl Into<Moment>) -> bool {
        let scope = Scope { fields: &self.0.fields, lookup, moment: moment.into(), failure: Failure::Unset };
        scope.holds(&self.0.expr).unwrap_or(false)
    }

    /// The paths of the fields it uses, each once.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.0.fields.iter().map(|field| &*field.path)
    }
}

/// A computation over the fields of one record.
#[derive(Debug, Clone, PartialEq)]
pub struct Formula {
    checked: Checked,
    result: Kind,
}

impl Formula {
    /// Reads and checks a formula that gives a value of the kind `result`.
    ///
    /// # Errors
    ///
    /// When the text breaks a limit, the grammar or the schema; the error says what and where.
    pub fn parse(text: &str, schema: &Schema, result: Kind) -> Result<Self, Error> {
        parser::parse(text)
            .and_then(|root| check::formula(&root, schema, result))
            .map(|checked| Self { checked, result })
            .map_err(|error| error.located_in(text))
    }

    /// The value for a record, unset when a needed field is. A decimal is rounded, half away from zero,
    /// to the scale of the result's kind.
    ///
    /// # Errors
    ///
    /// When a number or time leaves its range, or something is divided by zero.
    pub fn eval<'r>(
        &self,
        lookup: &dyn Fn(&str) -> Value<'r>,
        moment: impl Into<Moment>,
    ) -> Result<Value<'static>, EvalError> {
        let scope =
            Scope { fields: &self.checked.fields, lookup, moment: moment.into(), failure: Failure::Reported };
        match (scope.value(&self.checked.expr)?, self.result) {
            (Value::Decimal(number), Kind::Decimal { scale }) => rounded(number, scale).map(Value::Decimal),
            (value, _) => Ok(value.into_owned()),
        }
    }

    /// The paths of the fields it uses, each once: what has to be computed before it.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.checked.fields.iter().map(|field| &*field.path)
    }
}

/// The number at a scale, if the column can hold it.
fn rounded(number: Decimal, scale: u32) -> Result<Decimal, EvalError> {
    let rounded = number.round_dp_with_strategy(scale, RoundingStrategy::MidpointAwayFromZero);
    match bind::scaled(rounded, scale) {
        Some(_) => Ok(rounded),
        None => Err(EvalError::Overflow),
    }
}
