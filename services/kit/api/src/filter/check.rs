//! Checks a syntax tree against the schema: every name is known, every kind fits, constants are computed.

use super::error::{Error, ErrorKind, suggestion};
use super::expr::{Comparison, Expr, Needs, Operator};
use super::parser::{Binary, Node, Syntax};
use super::schema::{Field, Kind, Schema};
use super::types::{Type, Typed};
use super::value::Value;
use super::{functions, literal};

/// What an expression is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Selecting records: all of it must be sayable in SQL.
    Filter,
    /// Computing a value in memory.
    Formula,
}

/// A checked expression and the fields its indexes mean, in order of first use.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Checked {
    pub(super) expr: Expr,
    pub(super) fields: Vec<Field>,
}

/// Checks a filter: it must be true or false.
pub(super) fn filter(root: &Node, schema: &Schema) -> Result<Checked, Error> {
    let mut checker = Checker { schema, purpose: Purpose::Filter, fields: Vec::new() };
    let expr = checker.condition(root)?;
    Ok(Checked { expr, fields: checker.fields })
}

/// Checks a formula: it must give a value of the kind wanted.
pub(super) fn formula(root: &Node, schema: &Schema, wanted: Kind) -> Result<Checked, Error> {
    let mut checker = Checker { schema, purpose: Purpose::Formula, fields: Vec::new() };
    let wanted = Type::from(wanted);
    let mut result = checker.resulting_in(root, wanted)?;
    if wanted == Type::Decimal {
        result = result.widened()?;
    }
    let fits = result.kind == wanted || result.kind == Type::Null;
    if !fits {
        let (given, wanted) = (checker.description(&result), wanted.noun());
        let message = match result.kind {
            Type::Decimal => {
                "the formula gives a number with decimals, but a whole number is needed".to_owned()
            }
            _ => format!("{given}, but the formula has to give {wanted}"),
        };
        return Err(Error::new(ErrorKind::Type, result.position, message));
    }
    Ok(Checked { expr: result.expr, fields: checker.fields })
}

/// Walks the tree and collects the fields it meets.
pub(super) struct Checker<'s> {
    schema: &'s Schema,
    purpose: Purpose,
    fields: Vec<Field>,
}

impl Checker<'_> {
    pub(super) fn expression(&mut self, node: &Node) -> Result<Typed, Error> {
        let at = node.position;
        match &node.syntax {
            Syntax::Null => Ok(Typed::constant(at, Type::Null, Value::Null)),
            Syntax::Bool(truth) => Ok(Typed::constant(at, Type::Bool, Value::Bool(*truth))),
            Syntax::Int(whole) => Ok(Typed::constant(at, Type::Int, Value::Int(*whole))),
            Syntax::Decimal(number) => Ok(Typed::constant(at, Type::Decimal, Value::Decimal(*number))),
            Syntax::Text(text) => Ok(Typed::constant(at, Type::Text, Value::Text(text.clone().into()))),
            Syntax::Path(path) => self.path(at, path),
            Syntax::List(_) => Err(Error::new(ErrorKind::Type, at, "a list can only be used after \"in\"")),
            Syntax::Not(inner) => {
                let inner = self.condition(inner)?;
                Typed::computed(at, Type::Bool, Expr::Not(Box::new(inner)))
            }
            Syntax::Negate(inner) => self.negation(at, inner),
            Syntax::Binary(operator, left, right) => self.binary(at, *operator, left, right),
            Syntax::Choose(condition, yes, no) => {
                let condition = self.condition(condition)?;
                let (yes, no) = (self.expression(yes)?, self.expression(no)?);
                self.choice(at, condition, yes, no)
            }
            Syntax::Call(name, arguments) => functions::call(self, at, name, arguments),
        }
    }

    /// An expression that must be true or false.
    fn condition(&mut self, node: &Node) -> Result<Expr, Error> {
        let condition = self.expression(node)?;
        if condition.kind == Type::Bool {
            return Ok(condition.expr);
        }
        let message = format!("{}, but a condition is needed here", self.description(&condition));
        Err(Error::new(ErrorKind::Type, condition.position, message))
    }

    /// A field, or the time unless a field has its name.
    fn path(&mut self, position: usize, path: &str) -> Result<Typed, Error> {
        let clock = match path {
            "now" => Some((Type::Timestamp, Expr::Now)),
            "today" => Some((Type::Date, Expr::Today)),
            _ => None,
        };
        if let Some((kind, expr)) = clock
            && self.schema.field(path).is_none()
        {
            return Typed::computed(position, kind, expr);
        }
        let index = self.field(position, path)?;
        Ok(Typed { position, kind: self.fields[index].kind.into(), expr: Expr::Field(index) })
    }

    /// The index of the field at a path, if the caller may use it.
    pub(super) fn field(&mut self, position: usize, path: &str) -> Result<usize, Error> {
        let Some(field) = self.schema.field(path) else {
            let usable = self.schema.fields().filter(|field| !self.schema.is_masked(field));
            let near = suggestion(path, usable.map(|field| &*field.path).chain(["now", "today"]));
            let message = format!("unknown field \"{path}\"{near}");
            return Err(Error::new(ErrorKind::UnknownField(path.to_owned()), position, message));
        };
        if self.schema.is_masked(field) {
            let message = format!("\"{path}\" is masked for you and cannot be used here");
            return Err(Error::new(ErrorKind::Masked(path.to_owned()), position, message));
        }
        let known = self.fields.iter().position(|known| known.path == field.path);
        Ok(known.unwrap_or_else(|| {
            self.fields.push(field.clone());
            self.fields.len() - 1
        }))
    }

    fn binary(&mut self, at: usize, operator: Binary, left: &Node, right: &Node) -> Result<Typed, Error> {
        let (comparison, negated) = match operator {
            Binary::Or | Binary::And => return self.junction(at, operator, left, right),
            Binary::In => return self.containment(at, left, right),
            Binary::Add => return self.arithmetic(at, Operator::Add, left, right),
            Binary::Subtract => return self.arithmetic(at, Operator::Subtract, left, right),
            Binary::Multiply => return self.arithmetic(at, Operator::Multiply, left, right),
            Binary::Divide => return self.arithmetic(at, Operator::Divide, left, right),
            Binary::Remainder => return self.arithmetic(at, Operator::Remainder, left, right),
            Binary::Equal => (Comparison::Equal, false),
            Binary::NotEqual => (Comparison::Equal, true),
            Binary::Less => (Comparison::Less, false),
            Binary::AtMost => (Comparison::AtMost, false),
            Binary::Greater => (Comparison::Greater, false),
            Binary::AtLeast => (Comparison::AtLeast, false),
        };
        let (left, right) = (self.expression(left)?, self.expression(right)?);
        let expr = match (left.kind, right.kind) {
            (_, Type::Null) => null_test(at, comparison, &left)?,
            (Type::Null, _) => null_test(at, comparison, &right)?,
            _ => self.comparison(at, comparison, left, right)?,
        };
        let expr = if negated { Expr::Not(Box::new(expr)) } else { expr };
        Typed::computed(at, Type::Bool, expr)
    }

    fn junction(&mut self, at: usize, operator: Binary, left: &Node, right: &Node) -> Result<Typed, Error> {
        let (left, right) = (Box::new(self.condition(left)?), Box::new(self.condition(right)?));
        let expr = if operator == Binary::And { Expr::And(left, right) } else { Expr::Or(left, right) };
        Typed::computed(at, Type::Bool, expr)
    }

    fn comparison(
        &self,
        at: usize,
        comparison: Comparison,
        left: Typed,
        right: Typed,
    ) -> Result<Expr, Error> {
        let right = self.as_value_of(right, &left)?;
        let left = self.as_value_of(left, &right)?;
        self.require_comparable(at, &left, &right)?;
        if comparison == Comparison::Equal {
            self.require_representable(&left, &right)?;
            self.require_representable(&right, &left)?;
        } else if !left.kind.is_ordered() {
            let message = format!("{}, which has no order", self.description(&left));
            return Err(Error::new(ErrorKind::Type, at, message));
        }
        Ok(Expr::Compare(comparison, Box::new(left.expr), Box::new(right.expr)))
    }

    fn containment(&mut self, at: usize, item: &Node, list: &Node) -> Result<Typed, Error> {
        let item = self.expression(item)?;
        let Syntax::List(candidates) = &list.syntax else {
            let list = self.expression(list)?;
            if list.kind != Type::TextList {
                let message = format!("\"in\" needs a list after it, but {}", self.description(&list));
                return Err(Error::new(ErrorKind::Type, list.position, message));
            }
            if item.kind != Type::Text {
                let message = format!("{}, but the list holds texts", self.description(&item));
                return Err(Error::new(ErrorKind::Type, item.position, message));
            }
            return Typed::computed(at, Type::Bool, Expr::Member(Box::new(item.expr), Box::new(list.expr)));
        };
        if !item.kind.is_listable() {
            let message = format!("{} and cannot be looked for in a list", self.description(&item));
            return Err(Error::new(ErrorKind::Type, item.position, message));
        }
        let mut constants = Vec::with_capacity(candidates.len());
        for candidate in candidates {
            let candidate = self.expression(candidate)?;
            if candidate.expr.needs() == Needs::Record {
                let message = "a list can only hold constants";
                return Err(Error::new(ErrorKind::Type, candidate.position, message));
            }
            let candidate = self.as_value_of(candidate, &item)?;
            self.require_comparable(candidate.position, &item, &candidate)?;
            self.require_representable(&item, &candidate)?;
            constants.push(candidate.expr);
        }
        Typed::computed(at, Type::Bool, Expr::OneOf(Box::new(item.expr), constants))
    }

    fn negation(&mut self, at: usize, inner: &Node) -> Result<Typed, Error> {
        let inner = self.expression(inner)?;
        if !inner.kind.is_number() && inner.kind != Type::Duration {
            let message = format!("{} and has no negative", self.description(&inner));
            return Err(Error::new(ErrorKind::Type, at, message));
        }
        self.calculated(at, inner.kind, Expr::Negate(Box::new(inner.expr)))
    }

    fn arithmetic(
        &mut self,
        at: usize,
        operator: Operator,
        left: &Node,
        right: &Node,
    ) -> Result<Typed, Error> {
        use Type::{Date, Decimal, Duration, Int, Text, Timestamp};
        let (mut left, mut right) = (self.expression(left)?, self.expression(right)?);
        if left.kind.is_number() && right.kind.is_number() && left.kind != right.kind {
            (left, right) = (left.widened()?, right.widened()?);
        }
        let kind = match (operator, left.kind, right.kind) {
            (_, Int, Int) => Int,
            (Operator::Remainder, ..) => return Err(unfit(at, operator, &left, &right)),
            (_, Decimal, Decimal) => Decimal,
            (Operator::Add, Text, Text) => Text,
            (Operator::Add | Operator::Subtract, Duration, Duration)
            | (Operator::Subtract, Timestamp, Timestamp)
            | (Operator::Subtract, Date, Date) => Duration,
            (Operator::Add | Operator::Subtract, Timestamp, Duration)
            | (Operator::Add, Duration, Timestamp) => Timestamp,
            (Operator::Add | Operator::Subtract, Date, Duration) | (Operator::Add, Duration, Date) => Date,
            _ => return Err(unfit(at, operator, &left, &right)),
        };
        self.calculated(at, kind, Expr::Arithmetic(operator, Box::new(left.expr), Box::new(right.expr)))
    }

    fn choice(&self, at: usize, condition: Expr, yes: Typed, no: Typed) -> Result<Typed, Error> {
        let (mut yes, mut no) = (yes, no);
        if yes.kind.is_number() && no.kind.is_number() && yes.kind != no.kind {
            (yes, no) = (yes.widened()?, no.widened()?);
        }
        let kind = match (yes.kind, no.kind) {
            (Type::Null, kind) | (kind, Type::Null) => kind,
            (yes, no) if yes == no => yes,
            (yes, no) => {
                let message = format!("the choice gives either {} or {}", yes.noun(), no.noun());
                return Err(Error::new(ErrorKind::Type, at, message));
            }
        };
        if self.purpose == Purpose::Filter && kind != Type::Bool {
            let message = "a choice between values is only available in formulas";
            return Err(Error::new(ErrorKind::FormulaOnly, at, message));
        }
        Typed::computed(at, kind, Expr::Choose(Box::new(condition), Box::new(yes.expr), Box::new(no.expr)))
    }

    /// A formula's result: texts in its branches may be the names of what is wanted.
    fn resulting_in(&mut self, node: &Node, wanted: Type) -> Result<Typed, Error> {
        if let Syntax::Choose(condition, yes, no) = &node.syntax {
            let condition = self.condition(condition)?;
            let (yes, no) = (self.resulting_in(yes, wanted)?, self.resulting_in(no, wanted)?);
            return self.choice(node.position, condition, yes, no);
        }
        let result = self.expression(node)?;
        named_value(result, wanted, "the result")
    }

    fn calculated(&self, at: usize, kind: Type, expr: Expr) -> Result<Typed, Error> {
        if self.purpose == Purpose::Filter && expr.needs() == Needs::Record {
            let message = "arithmetic on fields is only available in formulas";
            return Err(Error::new(ErrorKind::FormulaOnly, at, message));
        }
        Typed::computed(at, kind, expr)
    }

    /// A text constant as the id or choice it is compared with.
    fn as_value_of(&self, text: Typed, other: &Typed) -> Result<Typed, Error> {
        named_value(text, other.kind, &self.subject(other))
    }

    fn require_comparable(&self, at: usize, left: &Typed, right: &Typed) -> Result<(), Error> {
        if left.kind.is_comparable_with(right.kind) {
            return Ok(());
        }
        let is_field = |typed: &Typed| matches!(typed.expr, Expr::Field(_));
        let (left, right) = if is_field(right) && !is_field(left) { (right, left) } else { (left, right) };
        let other = match right.expr {
            Expr::Field(_) => self.subject(right),
            _ => right.kind.noun().to_owned(),
        };
        let hint = match (left.kind, right.kind) {
            (Type::Timestamp, Type::Text | Type::Date) => ", write timestamp(\"2025-01-31T00:00:00Z\")",
            (Type::Date, Type::Text) => ", write date(\"2025-01-31\")",
            _ => "",
        };
        let message = format!("{} and cannot be compared with {other}{hint}", self.description(left));
        Err(Error::new(ErrorKind::Type, at, message))
    }

    /// Refuses to look for a number that the operand can never hold.
    fn require_representable(&self, operand: &Typed, number: &Typed) -> Result<(), Error> {
        let places = match &operand.expr {
            Expr::Length(_) | Expr::Count(_) => 0,
            Expr::Field(index) => match self.fields[*index].kind {
                Kind::Int => 0,
                Kind::Decimal { scale } => scale,
                _ => return Ok(()),
            },
            _ => return Ok(()),
        };
        match &number.expr {
            Expr::Const(Value::Decimal(value)) if value.normalize().scale() > places => {
                let message = format!("{} holds at most {places} decimal places", self.subject(operand));
                Err(Error::new(ErrorKind::Literal, number.position, message))
            }
            _ => Ok(()),
        }
    }

    /// `"amount" is a number` or `this is a number`.
    pub(super) fn description(&self, typed: &Typed) -> String {
        format!("{} is {}", self.subject(typed), typed.kind.noun())
    }

    /// What a message calls an expression.
    fn subject(&self, typed: &Typed) -> String {
        match typed.expr {
            Expr::Field(index) => format!("\"{}\"", self.fields[index].path),
            _ => "this".to_owned(),
        }
    }
}

fn unfit(at: usize, operator: Operator, left: &Typed, right: &Typed) -> Error {
    let message = match operator {
        Operator::Remainder => "a remainder can only be taken of whole numbers".to_owned(),
        _ => format!("{} and {} cannot be {}", left.kind.noun(), right.kind.noun(), operator.verb()),
    };
    Error::new(ErrorKind::Type, at, message)
}

/// `field == null`: whether the field is unset.
fn null_test(at: usize, comparison: Comparison, tested: &Typed) -> Result<Expr, Error> {
    match tested.expr {
        Expr::Field(index) if comparison == Comparison::Equal => Ok(Expr::Not(Box::new(Expr::IsSet(index)))),
        _ => Err(Error::new(ErrorKind::Type, at, "null can only be tested with == or != against a field")),
    }
}

/// A text constant read as an id or as the name of a choice, where one of these is wanted.
fn named_value(text: Typed, wanted: Type, subject: &str) -> Result<Typed, Error> {
    let Expr::Const(Value::Text(name)) = &text.expr else {
        return Ok(text);
    };
    let at = text.position;
    match wanted {
        Type::Uuid => match literal::id(name) {
            Some(id) => Ok(Typed::constant(at, wanted, Value::Uuid(id))),
            None => {
                Err(Error::new(ErrorKind::Literal, at, format!("{subject} is an id, and \"{name}\" is none")))
            }
        },
        Type::Enum(values) => {
            if let Some((_, number)) = values.iter().find(|(known, _)| known == name) {
                return Ok(Typed::constant(at, wanted, Value::Enum(*number)));
            }
            let near = suggestion(name, values.iter().map(|(known, _)| *known));
            Err(Error::new(ErrorKind::Literal, at, format!("{subject} has no value \"{name}\"{near}")))
        }
        _ => Ok(text),
    }
}
