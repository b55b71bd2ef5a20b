//! Cuts the text of an expression into tokens.

use rust_decimal::Decimal;

use super::error::{Error, ErrorKind};

/// A token and the byte offset where it starts.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Lexeme {
    pub(super) token: Token,
    pub(super) position: usize,
}

/// The smallest meaningful part of an expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A field, a function or a keyword.
    Name(String),
    /// Text in quotes, its escapes resolved.
    Text(String),
    /// A whole number. Its sign, if any, is a symbol before it.
    Int(u64),
    /// A number with a point or an exponent.
    Decimal(Decimal),
    /// An operator or a bracket.
    Symbol(&'static str),
    /// The end of the text.
    End,
}

/// Every operator and bracket, longer ones before their own beginnings.
const SYMBOLS: [&str; 22] = [
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "!", "?", ":", ",", ".", "(", ")", "[", "]", "+", "-", "*",
    "/", "%",
];

/// Decimal exponents past this leave the range of an exact number.
const MAX_EXPONENT: u32 = 28;

/// All tokens of a text, closed by [`Token::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<Lexeme>, Error> {
    let mut lexer = Lexer { text, at: 0 };
    let mut lexemes = Vec::new();
    loop {
        lexer.take_while(|c| c.is_ascii_whitespace());
        let position = lexer.at;
        let token = lexer.token()?;
        let ended = token == Token::End;
        lexemes.push(Lexeme { token, position });
        if ended {
            return Ok(lexemes);
        }
    }
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Lexer<'t> {
    fn token(&mut self) -> Result<Token, Error> {
        let Some(first) = self.peek() else {
            return Ok(Token::End);
        };
        let mut following = self.rest().chars().skip(1);
        let second = following.next();
        let quote_follows = matches!(second, Some('\'' | '"'));
        match first {
            '\'' | '"' => self.quoted(false),
            'r' | 'R' if quote_follows => {
                self.at += 1;
                self.quoted(true)
            }
            'b' | 'B' if quote_follows => Err(self.fault(self.at, "bytes are not available, only text")),
            '0'..='9' => self.number(),
            '.' if second.is_some_and(|c| c.is_ascii_digit()) => self.number(),
            'a'..='z' | 'A'..='Z' | '_' => Ok(Token::Name(self.take_while(is_name).to_owned())),
            _ => self.symbol(first),
        }
    }

    fn symbol(&mut self, first: char) -> Result<Token, Error> {
        if let Some(symbol) = SYMBOLS.into_iter().find(|symbol| self.rest().starts_with(symbol)) {
            self.at += symbol.len();
            return Ok(Token::Symbol(symbol));
        }
        let hint = match first {
            '=' => ", did you mean \"==\"?",
            '&' => ", did you mean \"&&\"?",
            '|' => ", did you mean \"||\"?",
            _ => "",
        };
        let message = format!("unexpected \"{}\"{hint}", first.escape_debug());
        Err(Error::new(ErrorKind::Syntax, self.at, message))
    }

    fn number(&mut self) -> Result<Token, Error> {
        let start = self.at;
        let token = if self.eat("0x") || self.eat("0X") {
            let digits = self.take_while(|c| c.is_ascii_hexdigit());
            u64::from_str_radix(digits, 16).ok().map(Token::Int)
        } else {
            self.decimal_number()
        };
        let tail = self.take_while(is_name);
        if !tail.is_empty() {
            return Err(self.fault(start, format!("the number runs into \"{tail}\"")));
        }
        token.ok_or_else(|| self.fault(start, "the number is malformed or too large"))
    }

    /// `12`, `1.5`, `.5` or `1.5e-3`, exactly; `None` when it does not fit.
    fn decimal_number(&mut self) -> Option<Token> {
        let start = self.at;
        self.take_while(|c| c.is_ascii_digit());
        let mut whole = true;
        if self.rest().strip_prefix('.').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit())) {
            whole = false;
            self.at += 1;
            self.take_while(|c| c.is_ascii_digit());
        }
        let digits = &self.text[start..self.at];
        if !(self.eat("e") || self.eat("E")) {
            return if whole {
                digits.parse().ok().map(Token::Int)
            } else {
                Decimal::from_str_exact(digits).ok().map(Token::Decimal)
            };
        }
        let negative = self.eat("-");
        if !negative {
            self.eat("+");
        }
        let exponent = self.take_while(|c| c.is_ascii_digit()).parse().ok()?;
        shifted(Decimal::from_str_exact(digits).ok()?, negative, exponent).map(Token::Decimal)
    }

    fn quoted(&mut self, raw: bool) -> Result<Token, Error> {
        let start = self.at;
        let quote = self.peek();
        self.at += 1;
        let mut text = String::new();
        loop {
            let position = self.at;
            let next = self.take().filter(|c| !matches!(c, '\n' | '\r'));
            let Some(next) = next else {
                return Err(self.fault(start, "the text is not closed by its quote"));
            };
            if Some(next) == quote {
                return Ok(Token::Text(text));
            }
            let resolved = if next == '\\' && !raw { self.escape(position)? } else { next };
            if resolved == '\0' {
                return Err(self.fault(position, "text cannot hold the NUL character"));
            }
            text.push(resolved);
        }
    }

    /// The character an escape stands for, the backslash at `position` already taken.
    fn escape(&mut self, position: usize) -> Result<char, Error> {
        let character = match self.take() {
            Some('a') => Some('\u{7}'),
            Some('b') => Some('\u{8}'),
            Some('f') => Some('\u{c}'),
            Some('n') => Some('\n'),
            Some('r') => Some('\r'),
            Some('t') => Some('\t'),
            Some('v') => Some('\u{b}'),
            Some(itself @ ('\\' | '\'' | '"' | '`' | '?')) => Some(itself),
            Some('x' | 'X') => self.code_point(2, 16),
            Some('u') => self.code_point(4, 16),
            Some('U') => self.code_point(8, 16),
            Some('0'..='3') => {
                self.at -= 1;
                self.code_point(3, 8)
            }
            _ => None,
        };
        character.ok_or_else(|| self.fault(position, "the escape is not known"))
    }

    fn code_point(&mut self, length: usize, radix: u32) -> Option<char> {
        let digits = self.rest().get(..length).filter(|digits| digits.chars().all(|c| c.is_digit(radix)))?;
        self.at += length;
        char::from_u32(u32::from_str_radix(digits, radix).ok()?)
    }

    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn take(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    fn eat(&mut self, prefix: &str) -> bool {
        let found = self.rest().starts_with(prefix);
        self.at += if found { prefix.len() } else { 0 };
        found
    }

    fn take_while(&mut self, belongs: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let length = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    fn fault(&self, position: usize, message: impl Into<String>) -> Error {
        debug_assert!(position <= self.text.len());
        Error::new(ErrorKind::Literal, position, message)
    }
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// A number times ten to a power, or `None` when that is not exact.
fn shifted(number: Decimal, negative: bool, exponent: u32) -> Option<Decimal> {
    if exponent > MAX_EXPONENT {
        return None;
    }
    let power = Decimal::from_i128_with_scale(10_i128.checked_pow(exponent)?, 0);
    if !negative {
        return number.checked_mul(power);
    }
    let mut number = number.normalize();
    number.set_scale(number.scale() + exponent).ok()?;
    Some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(text: &str) -> Result<Token, String> {
        tokens(text).map(|lexemes| lexemes[0].token.clone()).map_err(|error| error.message)
    }

    fn decimal(text: &str) -> Token {
        Token::Decimal(Decimal::from_str_exact(text).unwrap())
    }

    #[test]
    fn numbers_are_kept_exactly() {
        for (text, token) in [
            ("12", Token::Int(12)),
            ("0x1F", Token::Int(31)),
            ("9223372036854775808", Token::Int(1 << 63)),
            ("0.1", decimal("0.1")),
            (".5", decimal("0.5")),
            ("1.5e-3", decimal("0.0015")),
            ("1.5E+3", decimal("1500.0")),
            ("1.0000000000000000000000000001", decimal("1.0000000000000000000000000001")),
        ] {
            assert_eq!(only(text), Ok(token), "{text}");
        }
    }

    #[test]
    fn numbers_that_cannot_be_kept_are_refused() {
        for text in ["99999999999999999999", "0x", "1e", "1e99", "1e-29", "1.00000000000000000000000000001"] {
            assert_eq!(only(text), Err("the number is malformed or too large".to_owned()), "{text}");
        }
        assert_eq!(only("1u"), Err("the number runs into \"u\"".to_owned()));
    }

    #[test]
    fn escapes_are_resolved() {
        for (text, value) in [
            (r"'it\'s'", "it's"),
            (r#""\u4e2d\U00004e2d\x41\101""#, "中中AA"),
            (r"'\a\b\f\n\r\t\v\\\?\`'", "\u{7}\u{8}\u{c}\n\r\t\u{b}\\?`"),
            (r"r'\n'", r"\n"),
            ("\"中文\"", "中文"),
        ] {
            assert_eq!(only(text), Ok(Token::Text(value.to_owned())), "{text}");
        }
    }

    #[test]
    fn bad_text_is_refused() {
        for (text, message) in [
            ("'open", "the text is not closed by its quote"),
            ("'a\nb'", "the text is not closed by its quote"),
            (r"'\ud800'", "the escape is not known"),
            (r"'\u12'", "the escape is not known"),
            (r"'\q'", "the escape is not known"),
            (r"'\x00'", "text cannot hold the NUL character"),
            ("r'\0'", "text cannot hold the NUL character"),
            ("b'x'", "bytes are not available, only text"),
            ("=", "unexpected \"=\", did you mean \"==\"?"),
            ("；", "unexpected \"；\""),
        ] {
            assert_eq!(only(text), Err(message.to_owned()), "{text}");
        }
    }
}
