//! Builds the syntax tree of an expression, within limits that keep every later walk cheap.

use rust_decimal::Decimal;

use super::error::{Error, ErrorKind};
use super::lexer::{Lexeme, Token, tokens};
use super::{MAX_DEPTH, MAX_LIST_ITEMS, MAX_NODES, MAX_TEXT_BYTES};

/// A part of the tree. An operator sits where it is written, everything else where it starts.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) position: usize,
    pub(super) syntax: Syntax,
}

/// What a part of the tree says.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Syntax {
    Null,
    Bool(bool),
    Int(i64),
    Decimal(Decimal),
    Text(String),
    /// `name` or `address.city`.
    Path(String),
    List(Vec<Node>),
    Not(Box<Node>),
    Negate(Box<Node>),
    Binary(Binary, Box<Node>, Box<Node>),
    /// `condition ? yes : no`.
    Choose(Box<Node>, Box<Node>, Box<Node>),
    /// `function(arguments)`, or `receiver.function(arguments)` with the receiver as first argument.
    Call(String, Vec<Node>),
}

/// The operators between two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Binary {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    AtMost,
    Greater,
    AtLeast,
    In,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// The tree of a whole text.
pub(super) fn parse(text: &str) -> Result<Node, Error> {
    if text.len() > MAX_TEXT_BYTES {
        let message = format!("the expression is longer than {MAX_TEXT_BYTES} bytes");
        return Err(Error::new(ErrorKind::Limit, 0, message));
    }
    let mut parser = Parser { lexemes: tokens(text)?, next: 0, depth: 0, nodes: 0 };
    let root = parser.expression()?;
    match parser.peek() {
        Token::End => Ok(root),
        _ => Err(parser.unexpected("an operator or the end")),
    }
}

struct Parser {
    /// Ends with [`Token::End`], past which `next` never moves.
    lexemes: Vec<Lexeme>,
    next: usize,
    depth: usize,
    nodes: usize,
}

impl Parser {
    fn expression(&mut self) -> Result<Node, Error> {
        self.deeper()?;
        let condition = self.binary(0)?;
        let position = self.position();
        let node = if self.eat("?") {
            let yes = self.expression()?;
            self.expect(":")?;
            let no = self.expression()?;
            let syntax = Syntax::Choose(Box::new(condition), Box::new(yes), Box::new(no));
            self.node(position, syntax)?
        } else {
            condition
        };
        self.depth -= 1;
        Ok(node)
    }

    /// Operands joined by operators that bind at least as tightly as `level`.
    fn binary(&mut self, level: u8) -> Result<Node, Error> {
        let mut left = self.unary()?;
        while let Some((operator, binding)) = self.operator().filter(|(_, binding)| *binding >= level) {
            let position = self.position();
            self.advance();
            let right = self.binary(binding + 1)?;
            left = self.node(position, Syntax::Binary(operator, Box::new(left), Box::new(right)))?;
        }
        Ok(left)
    }

    /// The operator that comes next and how tightly it binds.
    fn operator(&self) -> Option<(Binary, u8)> {
        let symbol = match self.peek() {
            Token::Symbol(symbol) => symbol,
            Token::Name(name) if name == "in" => "in",
            _ => return None,
        };
        Some(match symbol {
            "||" => (Binary::Or, 0),
            "&&" => (Binary::And, 1),
            "==" => (Binary::Equal, 2),
            "!=" => (Binary::NotEqual, 2),
            "<" => (Binary::Less, 2),
            "<=" => (Binary::AtMost, 2),
            ">" => (Binary::Greater, 2),
            ">=" => (Binary::AtLeast, 2),
            "in" => (Binary::In, 2),
            "+" => (Binary::Add, 3),
            "-" => (Binary::Subtract, 3),
            "*" => (Binary::Multiply, 4),
            "/" => (Binary::Divide, 4),
            "%" => (Binary::Remainder, 4),
            _ => return None,
        })
    }

    fn unary(&mut self) -> Result<Node, Error> {
        let position = self.position();
        let negates = match self.peek() {
            Token::Symbol("!") => false,
            Token::Symbol("-") => true,
            _ => return self.member(),
        };
        self.advance();
        if let Token::Int(magnitude) = *self.peek()
            && negates
        {
            self.advance();
            return self.whole(position, 0_i64.checked_sub_unsigned(magnitude));
        }
        self.deeper()?;
        let inner = Box::new(self.unary()?);
        self.depth -= 1;
        self.node(position, if negates { Syntax::Negate(inner) } else { Syntax::Not(inner) })
    }

    /// An operand with the members and method calls that follow it.
    fn member(&mut self) -> Result<Node, Error> {
        let mut node = self.primary()?;
        while self.eat(".") {
            let position = self.position();
            let name = self.name()?;
            node = if self.eat("(") {
                let arguments = self.items(vec![node], ")")?;
                self.node(position, Syntax::Call(name, arguments))?
            } else if let Syntax::Path(path) = node.syntax {
                Node { position: node.position, syntax: Syntax::Path(format!("{path}.{name}")) }
            } else {
                return Err(Error::new(ErrorKind::Syntax, position, "only a field has members"));
            };
        }
        Ok(node)
    }

    fn primary(&mut self) -> Result<Node, Error> {
        let position = self.position();
        let token = self.peek().clone();
        match token {
            Token::Int(magnitude) => {
                self.advance();
                self.whole(position, i64::try_from(magnitude).ok())
            }
            Token::Decimal(number) => self.leaf(Syntax::Decimal(number)),
            Token::Text(text) => self.leaf(Syntax::Text(text)),
            Token::Name(name) => self.named(name),
            Token::Symbol("(") => {
                self.advance();
                let inner = self.expression()?;
                self.expect(")")?;
                Ok(inner)
            }
            Token::Symbol("[") => {
                self.advance();
                let items = self.items(Vec::new(), "]")?;
                self.node(position, Syntax::List(items))
            }
            Token::Symbol(_) | Token::End => Err(self.unexpected("a value")),
        }
    }

    fn named(&mut self, name: String) -> Result<Node, Error> {
        let position = self.position();
        match name.as_str() {
            "in" => return Err(self.unexpected("a value")),
            "true" | "false" => return self.leaf(Syntax::Bool(name == "true")),
            "null" => return self.leaf(Syntax::Null),
            _ => self.advance(),
        }
        if self.eat("(") {
            let arguments = self.items(Vec::new(), ")")?;
            return self.node(position, Syntax::Call(name, arguments));
        }
        self.node(position, Syntax::Path(name))
    }

    /// The items of a list or call up to its closing bracket, the opening one already taken.
    fn items(&mut self, mut items: Vec<Node>, closing: &'static str) -> Result<Vec<Node>, Error> {
        while !self.eat(closing) {
            if items.len() == MAX_LIST_ITEMS {
                return Err(self.limit(format!("a list can hold at most {MAX_LIST_ITEMS} items")));
            }
            items.push(self.expression()?);
            if !self.eat(",") {
                self.expect(closing)?;
                break;
            }
        }
        Ok(items)
    }

    fn name(&mut self) -> Result<String, Error> {
        let Token::Name(name) = self.peek().clone() else {
            return Err(self.unexpected("a name"));
        };
        self.advance();
        Ok(name)
    }

    fn leaf(&mut self, syntax: Syntax) -> Result<Node, Error> {
        let position = self.position();
        self.advance();
        self.node(position, syntax)
    }

    fn whole(&mut self, position: usize, whole: Option<i64>) -> Result<Node, Error> {
        let too_large = || Error::new(ErrorKind::Literal, position, "the number is malformed or too large");
        self.node(position, Syntax::Int(whole.ok_or_else(too_large)?))
    }

    fn node(&mut self, position: usize, syntax: Syntax) -> Result<Node, Error> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(self.limit(format!("the expression has more than {MAX_NODES} parts")));
        }
        Ok(Node { position, syntax })
    }

    fn deeper(&mut self) -> Result<(), Error> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.limit(format!("the expression is nested more than {MAX_DEPTH} levels deep")));
        }
        Ok(())
    }

    fn peek(&self) -> &Token {
        &self.lexemes[self.next].token
    }

    fn position(&self) -> usize {
        self.lexemes[self.next].position
    }

    fn advance(&mut self) {
        self.next = (self.next + 1).min(self.lexemes.len() - 1);
    }

    fn eat(&mut self, symbol: &'static str) -> bool {
        let found = *self.peek() == Token::Symbol(symbol);
        if found {
            self.advance();
        }
        found
    }

    fn expect(&mut self, symbol: &'static str) -> Result<(), Error> {
        if self.eat(symbol) { Ok(()) } else { Err(self.unexpected(&format!("\"{symbol}\""))) }
    }

    fn unexpected(&self, wanted: &str) -> Error {
        let found = match self.peek() {
            Token::Symbol(symbol) => format!("\"{symbol}\""),
            Token::Name(name) => format!("\"{name}\"{}", operator_hint(name)),
            Token::Text(_) => "text".to_owned(),
            Token::Int(_) | Token::Decimal(_) => "a number".to_owned(),
            Token::End => "the end".to_owned(),
        };
        Error::new(ErrorKind::Syntax, self.position(), format!("expected {wanted}, found {found}"))
    }

    fn limit(&self, message: String) -> Error {
        Error::new(ErrorKind::Limit, self.position(), message)
    }
}

/// What a caller used to SQL probably meant.
fn operator_hint(name: &str) -> &'static str {
    match name.to_ascii_lowercase().as_str() {
        "and" => ", did you mean \"&&\"?",
        "or" => ", did you mean \"||\"?",
        "not" => ", did you mean \"!\"?",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tree in prefix notation.
    fn shape(node: &Node) -> String {
        let list = |nodes: &[Node]| nodes.iter().map(shape).collect::<Vec<_>>().join(" ");
        match &node.syntax {
            Syntax::Null => "null".to_owned(),
            Syntax::Bool(truth) => truth.to_string(),
            Syntax::Int(whole) => whole.to_string(),
            Syntax::Decimal(number) => number.to_string(),
            Syntax::Text(text) => format!("{text:?}"),
            Syntax::Path(path) => path.clone(),
            Syntax::List(items) => format!("[{}]", list(items)),
            Syntax::Not(inner) => format!("(Not {})", shape(inner)),
            Syntax::Negate(inner) => format!("(Negate {})", shape(inner)),
            Syntax::Binary(operator, left, right) => {
                format!("({operator:?} {} {})", shape(left), shape(right))
            }
            Syntax::Choose(c, y, n) => format!("(Choose {} {} {})", shape(c), shape(y), shape(n)),
            Syntax::Call(function, arguments) => format!("({function} {})", list(arguments)),
        }
    }

    #[test]
    fn operators_bind_as_in_cel() {
        for (text, tree) in [
            ("a || b && c", "(Or a (And b c))"),
            ("a && b == c + d * e", "(And a (Equal b (Add c (Multiply d e))))"),
            ("a - b - c", "(Subtract (Subtract a b) c)"),
            ("!a.b in [1, 2,]", "(In (Not a.b) [1 2])"),
            ("a ? b : c ? d : e", "(Choose a b (Choose c d e))"),
            ("-a.b.f(-1) + -9223372036854775808", "(Add (Negate (f a.b -1)) -9223372036854775808)"),
            ("(a || b) && has(c.d)", "(And (Or a b) (has c.d))"),
            ("'x'.f().g(a)", "(g (f \"x\") a)"),
            ("a - 1", "(Subtract a 1)"),
        ] {
            assert_eq!(parse(text).map(|node| shape(&node)), Ok(tree.to_owned()), "{text}");
        }
    }

    #[test]
    fn broken_texts_are_refused_where_they_break() {
        for (text, position, message) in [
            ("a ==", 4, "expected a value, found the end"),
            ("a and b", 2, "expected an operator or the end, found \"and\", did you mean \"&&\"?"),
            ("(a", 2, "expected \")\", found the end"),
            ("a ? b", 5, "expected \":\", found the end"),
            ("f(a).b", 5, "only a field has members"),
            ("a.1", 1, "expected an operator or the end, found a number"),
            ("[1 2]", 3, "expected \"]\", found a number"),
            ("9223372036854775808", 0, "the number is malformed or too large"),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!((error.position, error.message.as_str()), (position, message), "{text}");
        }
    }

    #[test]
    fn texts_past_a_limit_are_refused() {
        let deep = |levels: usize| format!("{}a{}", "(".repeat(levels), ")".repeat(levels));
        let terms = |count: usize| vec!["a"; count].join("||");
        let list = |count: usize| format!("a in [{}]", vec!["1"; count].join(","));
        for (fits, exceeds) in [
            (deep(MAX_DEPTH - 1), deep(MAX_DEPTH)),
            ("!".repeat(MAX_DEPTH - 1) + "a", "!".repeat(MAX_DEPTH) + "a"),
            (terms(MAX_NODES / 2), terms(MAX_NODES / 2 + 1)),
            (list(MAX_LIST_ITEMS), list(MAX_LIST_ITEMS + 1)),
            ("a".repeat(MAX_TEXT_BYTES), "a".repeat(MAX_TEXT_BYTES + 1)),
            ("a".to_owned(), terms(20_000)),
            ("a".to_owned(), deep(20_000)),
        ] {
            assert!(parse(&fits).is_ok(), "{fits:.40}");
            assert_eq!(parse(&exceeds).unwrap_err().kind, ErrorKind::Limit, "{exceeds:.40}");
        }
    }
}
