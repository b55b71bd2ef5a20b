//! The functions an expression may call.

use super::check::Checker;
use super::error::{Error, ErrorKind, suggestion};
use super::expr::{Affix, Expr};
use super::literal;
use super::parser::{Node, Syntax};
use super::types::{Type, Typed};
use super::value::Value;

/// Every function and how many arguments it takes, its receiver included.
const FUNCTIONS: [(&str, usize); 9] = [
    ("has", 1),
    ("size", 1),
    ("startsWith", 2),
    ("endsWith", 2),
    ("contains", 2),
    ("lowerAscii", 1),
    ("timestamp", 1),
    ("date", 1),
    ("duration", 1),
];

/// Checks a call; a receiver is its first argument.
pub(super) fn call(checker: &mut Checker, at: usize, name: &str, arguments: &[Node]) -> Result<Typed, Error> {
    let Some((_, arity)) = FUNCTIONS.iter().find(|(known, _)| *known == name) else {
        let near = suggestion(name, FUNCTIONS.iter().map(|(known, _)| *known));
        let message = format!("unknown function \"{name}\"{near}");
        return Err(Error::new(ErrorKind::UnknownFunction(name.to_owned()), at, message));
    };
    match (name, arguments) {
        ("has", [field]) => has(checker, at, field),
        ("size", [counted]) => size(checker, at, counted),
        ("startsWith", [text, part]) => affix(checker, at, Affix::Prefix, [text, part]),
        ("endsWith", [text, part]) => affix(checker, at, Affix::Suffix, [text, part]),
        ("contains", [text, part]) => affix(checker, at, Affix::Anywhere, [text, part]),
        ("lowerAscii", [text]) => {
            let text = self::text(checker, text)?;
            Typed::computed(at, Type::Text, Expr::LowerAscii(Box::new(text)))
        }
        ("timestamp" | "date" | "duration", [text]) => moment(checker, at, name, text),
        _ => {
            let message = format!("{name} takes {arity} argument(s), the value before the dot included");
            Err(Error::new(ErrorKind::Arguments, at, message))
        }
    }
}

fn has(checker: &mut Checker, at: usize, field: &Node) -> Result<Typed, Error> {
    let Syntax::Path(path) = &field.syntax else {
        return Err(Error::new(ErrorKind::Arguments, field.position, "has takes a field"));
    };
    let index = checker.field(field.position, path)?;
    Typed::computed(at, Type::Bool, Expr::IsSet(index))
}

fn size(checker: &mut Checker, at: usize, counted: &Node) -> Result<Typed, Error> {
    let counted = checker.expression(counted)?;
    let expr = match counted.kind {
        Type::Text => Expr::Length(Box::new(counted.expr)),
        Type::TextList => Expr::Count(Box::new(counted.expr)),
        _ => {
            let message = format!("{} and has no size", checker.description(&counted));
            return Err(Error::new(ErrorKind::Type, counted.position, message));
        }
    };
    Typed::computed(at, Type::Int, expr)
}

fn affix(checker: &mut Checker, at: usize, affix: Affix, [text, part]: [&Node; 2]) -> Result<Typed, Error> {
    let text = Box::new(self::text(checker, text)?);
    let part = Box::new(self::text(checker, part)?);
    Typed::computed(at, Type::Bool, Expr::Affix(affix, text, part))
}

fn text(checker: &mut Checker, argument: &Node) -> Result<Expr, Error> {
    let argument = checker.expression(argument)?;
    if argument.kind == Type::Text {
        return Ok(argument.expr);
    }
    let message = format!("{}, but text is needed here", checker.description(&argument));
    Err(Error::new(ErrorKind::Type, argument.position, message))
}

/// A point or length of time written as text.
fn moment(checker: &mut Checker, at: usize, name: &str, argument: &Node) -> Result<Typed, Error> {
    let position = argument.position;
    let Expr::Const(Value::Text(text)) = text(checker, argument)? else {
        let message = format!("{name} takes a text constant");
        return Err(Error::new(ErrorKind::Arguments, position, message));
    };
    let (kind, value, form) = match name {
        "timestamp" => {
            (Type::Timestamp, literal::timestamp(&text).map(Value::Timestamp), "\"2025-01-31T08:00:00Z\"")
        }
        "date" => (Type::Date, literal::date(&text).map(Value::Date), "\"2025-01-31\""),
        _ => (Type::Duration, literal::duration(&text).map(Value::Duration), "\"72h\", \"30m\" or \"15s\""),
    };
    let refused = || Error::new(ErrorKind::Literal, position, format!("{name} takes text such as {form}"));
    Ok(Typed::constant(at, kind, value.ok_or_else(refused)?))
}
