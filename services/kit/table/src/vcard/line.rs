//! Lines of a vCard: unfolding, parameters, transfer encodings and charsets.

use std::io::{self, BufRead, Read};

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

/// Base64 of programs that forget the padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Bytes kept of one property; pictures are larger and dropped beyond.
const MAX_PROPERTY: usize = 128 << 10;
/// Bytes of one physical line; pictures are sometimes on one.
const MAX_LINE: u64 = 16 << 20;

/// Why no property could be read.
#[derive(Debug)]
pub(super) enum LineError {
    /// The source fails.
    Io(io::Error),
    /// A line without a colon.
    NotAProperty {
        /// The line.
        line: u64,
    },
    /// A line that no program writes.
    TooLong {
        /// The line.
        line: u64,
    },
}

/// A property of a card with its value still encoded.
#[derive(Debug)]
pub(super) struct Property {
    pub(super) line: u64,
    /// What stands before a point before the name, to tie properties together.
    pub(super) group: String,
    /// In upper case.
    pub(super) name: String,
    /// Names in upper case and values; a bare value of version 2.1 has no name.
    parameters: Vec<(String, String)>,
    value: Vec<u8>,
}

/// Unfolds the lines of a source.
pub(super) struct Lines<R> {
    source: R,
    line: u64,
    /// The physical line that was read ahead to see whether it continues the last.
    ahead: Option<Vec<u8>>,
}

impl<R: BufRead> Lines<R> {
    pub(super) const fn new(source: R) -> Self {
        Self { source, line: 0, ahead: None }
    }

    /// The next property that is not blank.
    pub(super) fn next_property(&mut self) -> Result<Option<Property>, LineError> {
        let (text, line) = loop {
            match self.take_line()? {
                None => return Ok(None),
                Some(text) if text.iter().all(u8::is_ascii_whitespace) => {}
                Some(text) => break (text, self.line),
            }
        };
        let mut property = parse(&text, line).ok_or(LineError::NotAProperty { line })?;
        self.continue_value(&mut property)?;
        Ok(Some(property))
    }

    /// Appends the lines that belong to the value: those after a blank, for quoted-printable those after a `=`, and for base64
    /// of version 2.1 those up to a blank line.
    fn continue_value(&mut self, property: &mut Property) -> Result<(), LineError> {
        let is_quoted = property.encoding().eq_ignore_ascii_case("QUOTED-PRINTABLE");
        while let Some(next) = self.take_line()? {
            let is_soft = is_quoted && property.value.last() == Some(&b'=');
            let rest = match next.first() {
                _ if is_soft => &next[..],
                Some(b' ' | b'\t') => &next[1..],
                _ => {
                    self.ahead = Some(next);
                    self.line -= 1;
                    return Ok(());
                }
            };
            if is_soft {
                property.value.pop();
            }
            let room = MAX_PROPERTY.saturating_sub(property.value.len());
            property.value.extend_from_slice(&rest[..rest.len().min(room)]);
        }
        Ok(())
    }

    /// The next physical line without its end.
    fn take_line(&mut self) -> Result<Option<Vec<u8>>, LineError> {
        if let Some(ahead) = self.ahead.take() {
            self.line += 1;
            return Ok(Some(ahead));
        }
        let mut text = Vec::new();
        let read = self.source.by_ref().take(MAX_LINE).read_until(b'\n', &mut text).map_err(LineError::Io)?;
        self.line += 1;
        if read == 0 {
            return Ok(None);
        }
        if read as u64 == MAX_LINE {
            return Err(LineError::TooLong { line: self.line });
        }
        let end = text.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n')).map_or(0, |last| last + 1);
        text.truncate(end);
        if self.line == 1 && text.starts_with(b"\xEF\xBB\xBF") {
            text.drain(..3);
        }
        Ok(Some(text))
    }
}

/// Splits `group.NAME;PARAMETER=value:VALUE`. A colon or semicolon between double quotes belongs to a parameter.
fn parse(text: &[u8], line: u64) -> Option<Property> {
    let mut in_quotes = false;
    let mut pieces = vec![];
    let mut start = 0;
    let mut colon = None;
    for (index, &byte) in text.iter().enumerate() {
        match byte {
            b'"' => in_quotes = !in_quotes,
            b';' if !in_quotes => {
                pieces.push(&text[start..index]);
                start = index + 1;
            }
            b':' if !in_quotes => {
                pieces.push(&text[start..index]);
                colon = Some(index);
                break;
            }
            _ => {}
        }
    }
    let mut value = text[colon? + 1..].to_vec();
    value.truncate(MAX_PROPERTY);
    let mut pieces = pieces.into_iter().map(|piece| String::from_utf8_lossy(piece).trim().to_owned());
    let head = pieces.next()?;
    let (group, name) = head.rsplit_once('.').unwrap_or(("", &head));
    let parameters = pieces
        .map(|piece| match piece.split_once('=') {
            Some((name, value)) => (name.to_ascii_uppercase(), value.trim_matches('"').to_owned()),
            None => (String::new(), piece),
        })
        .collect();
    Some(Property { line, group: group.to_owned(), name: name.to_ascii_uppercase(), parameters, value })
}

impl Property {
    /// The value as text before decoding.
    pub(super) fn raw_text(&self) -> String {
        String::from_utf8_lossy(&self.value).trim().to_owned()
    }

    /// The value as one text.
    pub(super) fn text(&self) -> String {
        unescape(&self.decoded()).trim().to_owned()
    }

    /// The value as a list, without empty ones.
    pub(super) fn list(&self) -> Vec<String> {
        split(&self.decoded(), ',')
            .iter()
            .map(|value| unescape(value).trim().to_owned())
            .filter(|value| !value.is_empty())
            .collect()
    }

    /// The parts of a structured value that have one value each, where programs leave commas unescaped.
    pub(super) fn fields(&self) -> Vec<String> {
        split(&self.decoded(), ';').iter().map(|part| unescape(part).trim().to_owned()).collect()
    }

    /// The parts of a structured value, the values of each joined.
    pub(super) fn parts(&self, joint: &str) -> Vec<String> {
        let decoded = self.decoded();
        split(&decoded, ';')
            .iter()
            .map(|part| {
                let values: Vec<_> = split(part, ',')
                    .iter()
                    .map(|value| unescape(value).trim().to_owned())
                    .filter(|value| !value.is_empty())
                    .collect();
                values.join(joint)
            })
            .collect()
    }

    /// The types in lower case, from `TYPE=` and the bare words of version 2.1.
    pub(super) fn types(&self) -> Vec<String> {
        self.parameters
            .iter()
            .filter(|(name, value)| name == "TYPE" || (name.is_empty() && !is_encoding(value)))
            .flat_map(|(_, value)| value.split(','))
            .map(|kind| kind.trim().to_ascii_lowercase())
            .filter(|kind| !kind.is_empty())
            .collect()
    }

    /// Its place among its kind, from 1 to 100, the lowest first: `PREF` of version 4.0 (RFC 6350, 5.3). Another number is none.
    pub(super) fn preference(&self) -> Option<u8> {
        self.parameter("PREF")?.parse().ok().filter(|place| (1..=100).contains(place))
    }

    fn parameter(&self, wanted: &str) -> Option<&str> {
        self.parameters.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
    }

    fn encoding(&self) -> &str {
        self.parameter("ENCODING")
            .or_else(|| {
                self.parameters
                    .iter()
                    .find(|(name, value)| name.is_empty() && is_encoding(value))
                    .map(|(_, value)| value.as_str())
            })
            .unwrap_or("")
    }

    /// The value out of its transfer encoding and charset, which is UTF-8 unless named.
    fn decoded(&self) -> String {
        let encoding = self.encoding();
        let bytes = if encoding.eq_ignore_ascii_case("QUOTED-PRINTABLE") {
            unquote(&self.value)
        } else if encoding.eq_ignore_ascii_case("B") || encoding.eq_ignore_ascii_case("BASE64") {
            let packed: Vec<u8> =
                self.value.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
            BASE64.decode(packed).unwrap_or_default()
        } else {
            self.value.clone()
        };
        let charset =
            self.parameter("CHARSET").and_then(|name| encoding_rs::Encoding::for_label(name.as_bytes()));
        match charset {
            Some(charset) => charset.decode_without_bom_handling(&bytes).0.into_owned(),
            None => String::from_utf8(bytes)
                .unwrap_or_else(|error| encoding_rs::WINDOWS_1252.decode(error.as_bytes()).0.into_owned()),
        }
    }
}

fn is_encoding(word: &str) -> bool {
    ["QUOTED-PRINTABLE", "BASE64", "B", "8BIT", "7BIT"]
        .iter()
        .any(|encoding| word.eq_ignore_ascii_case(encoding))
}

/// Bytes out of quoted-printable; what is malformed stays as it is.
fn unquote(quoted: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(quoted.len());
    let mut rest = quoted;
    while let Some((&first, after)) = rest.split_first() {
        let byte = match after {
            [high, low, ..] if first == b'=' => std::str::from_utf8(&[*high, *low])
                .ok()
                .and_then(|digits| u8::from_str_radix(digits, 16).ok()),
            _ => None,
        };
        bytes.push(byte.unwrap_or(first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    bytes
}

/// Splits at a separator that has no backslash before it.
fn split(text: &str, separator: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut is_escaped = false;
    for (index, character) in text.char_indices() {
        if character == separator && !is_escaped {
            parts.push(&text[start..index]);
            start = index + separator.len_utf8();
        }
        is_escaped = character == '\\' && !is_escaped;
    }
    parts.push(&text[start..]);
    parts
}

/// The text with its backslashes resolved: `\n` is a line end, any other character stands for itself.
fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        plain.push(match character {
            '\\' => match characters.next() {
                Some('n' | 'N') => '\n',
                Some(other) => other,
                None => '\\',
            },
            other => other,
        });
    }
    plain.replace("\r\n", "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_unescaped_after_they_are_split() {
        let property = parse(b"item1.ADR;TYPE=home,pref;X-A=\";a:b\":;a\\,b,c;d\\;e\\\\;f\\ng", 1).unwrap();
        assert_eq!(
            (property.group.as_str(), property.types()),
            ("item1", vec!["home".to_owned(), "pref".to_owned()])
        );
        assert_eq!(property.parts("|"), ["", "a,b|c", "d;e\\", "f\ng"]);
    }

    #[test]
    fn quoted_printable_is_joined_at_soft_ends_and_folds() {
        let source = b"NOTE;ENCODING=QUOTED-PRINTABLE:a=\r\nb=0D=0Ac\r\nFN:x\r\n y\r\n";
        let mut lines = Lines::new(&source[..]);
        assert_eq!(lines.next_property().unwrap().unwrap().text(), "ab\nc");
        let second = lines.next_property().unwrap().unwrap();
        assert_eq!((second.text().as_str(), second.line), ("xy", 3));
        assert!(lines.next_property().unwrap().is_none());
    }
}
