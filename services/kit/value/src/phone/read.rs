//! The typed form of a number: digits, whether a country code leads, and the extension.

/// Shortest run of digits in front of an extension.
const MIN_BEFORE_EXTENSION: usize = 3;
/// Longest extension, in digits.
const MAX_EXTENSION: usize = 9;
/// Letters that make a vanity number; fewer are a slip.
const MIN_LETTERS: usize = 3;

/// Code points of the digit zero in scripts whose ten digits follow each other.
const ZEROS: [u32; 18] = [
    0x30, 0x660, 0x6F0, 0x7C0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xE50, 0xED0,
    0x1040, 0x17E0, 0xFF10,
];

/// What announces an extension, the longer spellings first. Compared without regard to case.
const MARKERS: [&str; 21] = [
    "extension",
    "extensión",
    "extn",
    "ext",
    "доб",
    "分机号",
    "分機號",
    "分机",
    "分機",
    "内线",
    "內線",
    "内線",
    "转接",
    "轉接",
    "转",
    "轉",
    "anexo",
    "x",
    "×",
    "#",
    "~",
];

/// A number taken apart but not yet understood.
pub struct Typed {
    /// ASCII digits, without the plus sign.
    pub digits: String,
    /// A plus sign led.
    pub international: bool,
    pub extension: Option<String>,
}

/// Takes a text apart; `None` when it cannot be one telephone number.
pub fn typed(text: &str) -> Option<Typed> {
    let plain: String = text.trim().chars().map(narrow).collect();
    let (number, link_extension) = without_link(&plain);
    let (number, extension) = match link_extension {
        Some(extension) => (number, Some(extension)),
        None => split_extension(number),
    };
    let start = number.find(|c: char| c == '+' || c.is_ascii_digit())?;
    let body = &number[start..];
    let international = body.starts_with('+');
    let digits = dial(body.trim_start_matches('+'))?;
    Some(Typed { digits, international, extension })
}

/// The value of a decimal digit in any script, as ASCII.
pub fn digit(c: char) -> Option<char> {
    let code = u32::from(c);
    let zero = ZEROS.iter().rev().find(|zero| **zero <= code)?;
    char::from_digit(code - zero, 10).filter(|_| code - zero < 10)
}

/// Digits of every script and full-width forms as ASCII.
fn narrow(c: char) -> char {
    match c {
        '\u{3000}' | '\u{a0}' => ' ',
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{30fc}' => '-',
        _ => digit(c).unwrap_or(c),
    }
}

/// Resolves `tel:` links and their parameters `ext` and `phone-context`.
fn without_link(text: &str) -> (String, Option<String>) {
    let text = strip_prefix_ignoring_case(text, "tel:").unwrap_or(text);
    let Some((number, parameters)) = text.split_once(';') else {
        return (text.to_owned(), None);
    };
    let (mut number, mut extension) = (number.to_owned(), None);
    for parameter in parameters.split(';') {
        match parameter.trim().split_once('=') {
            Some(("ext", value)) if is_extension(value) => extension = Some(value.to_owned()),
            Some(("phone-context", value)) if value.starts_with('+') => number.insert_str(0, value),
            _ => {}
        }
    }
    (number, extension)
}

/// Cuts "转 805", "ext. 805", "#805" and their like off the end.
fn split_extension(text: String) -> (String, Option<String>) {
    let body = text.trim_end_matches([')', '#', ' ']);
    let head = body.trim_end_matches(|c: char| c.is_ascii_digit());
    let extension = &body[head.len()..];
    let head = head.trim_end_matches([' ', '.', ':', '=', '-', '\u{3002}']);
    let before = MARKERS.iter().find_map(|marker| strip_suffix_ignoring_case(head, marker));
    match before {
        Some(before) if is_extension(extension) && count_digits(before) >= MIN_BEFORE_EXTENSION => {
            (before.to_owned(), Some(extension.to_owned()))
        }
        _ => (text, None),
    }
}

/// The digits of a number's body, letters read from the keypad; `None` when anything else stands in it.
fn dial(body: &str) -> Option<String> {
    let body = body.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
    let letters = body.chars().filter(char::is_ascii_alphabetic).count();
    if (letters > 0 && letters < MIN_LETTERS) || body.is_empty() {
        return None;
    }
    let mut digits = String::with_capacity(body.len());
    for c in body.chars() {
        match c {
            '0'..='9' => digits.push(c),
            'a'..='z' | 'A'..='Z' => digits.push(key(c)),
            _ if is_punctuation(c) => {}
            _ => return None,
        }
    }
    Some(digits)
}

/// What people set between digits, and the marks that address books paste along.
fn is_punctuation(c: char) -> bool {
    " -.()[]/~·".contains(c)
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}')
}

/// The key that carries a letter on a telephone (ITU E.161).
fn key(letter: char) -> char {
    match letter.to_ascii_lowercase() {
        'a'..='c' => '2',
        'd'..='f' => '3',
        'g'..='i' => '4',
        'j'..='l' => '5',
        'm'..='o' => '6',
        'p'..='s' => '7',
        't'..='v' => '8',
        _ => '9',
    }
}

fn is_extension(text: &str) -> bool {
    (1..=MAX_EXTENSION).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

fn count_digits(text: &str) -> usize {
    text.bytes().filter(u8::is_ascii_digit).count()
}

fn strip_prefix_ignoring_case<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let head = text.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
}

fn strip_suffix_ignoring_case<'t>(text: &'t str, suffix: &str) -> Option<&'t str> {
    let cut = text.len().checked_sub(suffix.len())?;
    text.get(cut..)?.eq_ignore_ascii_case(suffix).then(|| &text[..cut])
}
