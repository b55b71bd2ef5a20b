//! People out of a `.vcf` file: vCard 2.1, 3.0 and 4.0, as programs write them rather than as the standards ask.
//!
//! The file is read line by line and a card at a time, so its size does not matter; what belongs to no field of [`Card`],
//! pictures and keys above all, is dropped as it passes. Extensions (`X-…`) are kept as they are.

mod line;

use std::fmt;
use std::io::{self, BufRead};

use line::{LineError, Lines, Property};

/// A person. Texts are unescaped and trimmed; what is absent is empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Card {
    /// The line its `BEGIN` is on, from 1.
    pub line: u64,
    /// `2.1`, `3.0` or `4.0`.
    pub version: String,
    /// An id that the sending program keeps.
    pub uid: String,
    /// The name as shown.
    pub formatted_name: String,
    /// The name in parts.
    pub name: PersonName,
    /// Nicknames.
    pub nicknames: Vec<String>,
    /// The company, then its units; one list for each company.
    pub organizations: Vec<Vec<String>>,
    /// Job titles.
    pub titles: Vec<String>,
    /// Roles or professions.
    pub roles: Vec<String>,
    /// Telephone numbers, without `tel:`.
    pub phones: Vec<Labelled<String>>,
    /// Mail addresses, without `mailto:`.
    pub emails: Vec<Labelled<String>>,
    /// Postal addresses.
    pub addresses: Vec<Labelled<Address>>,
    /// Web pages.
    pub urls: Vec<Labelled<String>>,
    /// Notes.
    pub notes: Vec<String>,
    /// The birthday as written: a date, a part of one such as `--0203`, or a text.
    pub birthday: String,
    /// Categories.
    pub categories: Vec<String>,
    /// Properties whose names begin with `X-`, in upper case, with their values.
    pub extensions: Vec<(String, String)>,
}

/// A name in parts. A part with several values has them joined by a blank.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PersonName {
    /// Family name.
    pub family: String,
    /// Given name.
    pub given: String,
    /// Middle names.
    pub additional: String,
    /// What stands before, such as `Dr.`.
    pub prefix: String,
    /// What stands after, such as `Jr.`.
    pub suffix: String,
}

/// A postal address. A part with several values has them joined by a comma.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Address {
    /// Post office box.
    pub post_box: String,
    /// Flat, suite or building.
    pub extended: String,
    /// Street with number.
    pub street: String,
    /// City.
    pub city: String,
    /// State or province.
    pub region: String,
    /// Postal code.
    pub postal_code: String,
    /// Country, by name.
    pub country: String,
}

/// A value with what it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labelled<T> {
    /// The value.
    pub value: T,
    /// Its types in lower case, such as `work`, `cell`, `fax`, without `internet`, `voice` and `pref`.
    pub types: Vec<String>,
    /// How much it is preferred, from 1, the most, to 100; `None` when nothing is said. Several values may have the same.
    pub preference: Option<u8>,
    /// The label a person gave it, from `X-ABLabel`; empty without one.
    pub label: String,
}

/// The place of the most preferred value: the lowest preference wins, the first of equals; `None` when none is preferred.
pub fn most_preferred<T>(values: &[Labelled<T>]) -> Option<usize> {
    let preferred = values.iter().enumerate().filter_map(|(index, value)| Some((value.preference?, index)));
    preferred.min().map(|(_, index)| index)
}

/// A card that cannot be read, or the end of reading.
#[derive(Debug)]
pub enum CardError {
    /// The file cannot be read. Nothing follows.
    Unreadable(io::Error),
    /// The file has something other than cards, or a line too long. Nothing follows.
    NotVcard {
        /// Where.
        line: u64,
    },
    /// The card never ends. Nothing follows.
    Unfinished {
        /// Where it begins.
        line: u64,
    },
    /// The card has more properties than a person has use for. Nothing follows.
    TooLarge {
        /// Where it begins.
        line: u64,
    },
}

impl CardError {
    /// The machine reason.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "VCARD_UNREADABLE",
            Self::NotVcard { .. } => "VCARD_NOT_VCARD",
            Self::Unfinished { .. } => "VCARD_UNFINISHED",
            Self::TooLarge { .. } => "VCARD_TOO_LARGE",
        }
    }
}

impl fmt::Display for CardError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(_) => f.write_str("the file could not be read; try again"),
            Self::NotVcard { line } => write!(f, "line {line} does not belong to a vcard"),
            Self::Unfinished { line } => write!(f, "the card on line {line} never ends"),
            Self::TooLarge { line } => write!(f, "the card on line {line} has too many properties"),
        }
    }
}

impl std::error::Error for CardError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreadable(cause) => Some(cause),
            _ => None,
        }
    }
}

/// Properties kept of one card.
const MAX_PROPERTIES: usize = 2_000;

/// A stream of the cards of a file. Ends after an error.
pub struct Cards<R> {
    lines: Lines<R>,
    ended: bool,
}

impl<R: BufRead> Cards<R> {
    /// Reads cards from the source.
    pub fn new(source: R) -> Self {
        Self { lines: Lines::new(source), ended: false }
    }

    fn read_card(&mut self) -> Result<Option<Card>, CardError> {
        let Some(begin) = self.next_property()? else { return Ok(None) };
        if begin.name != "BEGIN" || !begin.raw_text().eq_ignore_ascii_case("VCARD") {
            return Err(CardError::NotVcard { line: begin.line });
        }
        let mut card = Card { line: begin.line, ..Card::default() };
        let mut labels = Vec::new();
        let mut groups = Vec::new();
        for _ in 0..MAX_PROPERTIES {
            let Some(property) = self.next_property()? else {
                return Err(CardError::Unfinished { line: card.line });
            };
            match property.name.as_str() {
                "END" => {
                    card.apply_labels(&groups, &labels);
                    return Ok(Some(card));
                }
                "BEGIN" => self.skip_nested(card.line)?,
                "X-ABLABEL" => labels.push((property.group.clone(), label_text(&property.text()))),
                _ => card.take(&property, &mut groups),
            }
        }
        Err(CardError::TooLarge { line: card.line })
    }

    /// Skips a card inside a card, which 2.1 has for agents.
    fn skip_nested(&mut self, line: u64) -> Result<(), CardError> {
        let mut depth = 1_u32;
        while depth > 0 {
            match self.next_property()?.ok_or(CardError::Unfinished { line })?.name.as_str() {
                "BEGIN" => depth += 1,
                "END" => depth -= 1,
                _ => {}
            }
        }
        Ok(())
    }

    fn next_property(&mut self) -> Result<Option<Property>, CardError> {
        self.lines.next_property().map_err(|error| match error {
            LineError::Io(cause) => CardError::Unreadable(cause),
            LineError::NotAProperty { line } | LineError::TooLong { line } => CardError::NotVcard { line },
        })
    }
}

impl<R: BufRead> Iterator for Cards<R> {
    type Item = Result<Card, CardError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let card = self.read_card().transpose();
        self.ended = !matches!(card, Some(Ok(_)));
        card
    }
}

/// Which list of a card a grouped value went into, and where.
struct Grouped {
    group: String,
    list: List,
    index: usize,
}

#[derive(Clone, Copy)]
enum List {
    Phones,
    Emails,
    Addresses,
    Urls,
}

impl Card {
    fn take(&mut self, property: &Property, groups: &mut Vec<Grouped>) {
        match property.name.as_str() {
            "VERSION" => self.version = property.text(),
            "UID" => self.uid = property.text(),
            "FN" => self.formatted_name = property.text(),
            "N" => self.name = person_name(property),
            "NICKNAME" => self.nicknames.extend(property.list()),
            "ORG" => self
                .organizations
                .extend(Some(property.fields()).filter(|units| units.iter().any(|unit| !unit.is_empty()))),
            "TITLE" => push(&mut self.titles, property.text()),
            "ROLE" => push(&mut self.roles, property.text()),
            "NOTE" => push(&mut self.notes, property.text()),
            "CATEGORIES" => self.categories.extend(property.list()),
            "BDAY" if self.birthday.is_empty() => self.birthday = property.text(),
            "TEL" => push_labelled(
                &mut self.phones,
                property,
                without_scheme(&property.text(), "tel:"),
                List::Phones,
                groups,
            ),
            "EMAIL" => {
                push_labelled(
                    &mut self.emails,
                    property,
                    without_scheme(&property.text(), "mailto:"),
                    List::Emails,
                    groups,
                );
            }
            "URL" => push_labelled(&mut self.urls, property, property.text(), List::Urls, groups),
            "ADR" => push_labelled(&mut self.addresses, property, address(property), List::Addresses, groups),
            name if name.starts_with("X-") => self.extensions.push((name.to_owned(), property.text())),
            _ => {}
        }
    }

    /// Gives the labels, which are properties of their own in the same group, to their values.
    fn apply_labels(&mut self, groups: &[Grouped], labels: &[(String, String)]) {
        for Grouped { group, list, index } in groups {
            let Some((_, label)) = labels.iter().find(|(labelled, _)| labelled == group) else { continue };
            let slot = match list {
                List::Phones => self.phones.get_mut(*index).map(|value| &mut value.label),
                List::Emails => self.emails.get_mut(*index).map(|value| &mut value.label),
                List::Addresses => self.addresses.get_mut(*index).map(|value| &mut value.label),
                List::Urls => self.urls.get_mut(*index).map(|value| &mut value.label),
            };
            if let Some(slot) = slot {
                slot.clone_from(label);
            }
        }
    }
}

fn push(list: &mut Vec<String>, value: String) {
    if !value.is_empty() {
        list.push(value);
    }
}

fn push_labelled<T: Default + PartialEq>(
    list: &mut Vec<Labelled<T>>,
    property: &Property,
    value: T,
    kind: List,
    groups: &mut Vec<Grouped>,
) {
    if value == T::default() {
        return;
    }
    if !property.group.is_empty() {
        groups.push(Grouped { group: property.group.clone(), list: kind, index: list.len() });
    }
    let types = property.types();
    list.push(Labelled {
        value,
        preference: if types.iter().any(|kind| kind == "pref") { Some(1) } else { property.preference() },
        types: types
            .into_iter()
            .filter(|kind| !matches!(kind.as_str(), "pref" | "internet" | "voice"))
            .collect(),
        label: String::new(),
    });
}

fn person_name(property: &Property) -> PersonName {
    let mut parts = property.parts(" ").into_iter();
    let mut next = || parts.next().unwrap_or_default();
    PersonName { family: next(), given: next(), additional: next(), prefix: next(), suffix: next() }
}

fn address(property: &Property) -> Address {
    let mut parts = property.parts(", ").into_iter();
    let mut next = || parts.next().unwrap_or_default();
    Address {
        post_box: next(),
        extended: next(),
        street: next(),
        city: next(),
        region: next(),
        postal_code: next(),
        country: next(),
    }
}

fn without_scheme(value: &str, scheme: &str) -> String {
    match value.get(..scheme.len()) {
        Some(start) if start.eq_ignore_ascii_case(scheme) => value[scheme.len()..].to_owned(),
        _ => value.to_owned(),
    }
}

/// A label without the marks that Apple puts around its own: `_$!<Spouse>!$_`.
fn label_text(label: &str) -> String {
    label.trim_start_matches("_$!<").trim_end_matches(">!$_").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cards(text: &[u8]) -> Vec<Result<Card, &'static str>> {
        Cards::new(text).map(|card| card.map_err(|error| error.code())).collect()
    }

    #[test]
    fn texts_in_an_old_charset_are_decoded() {
        let card = b"BEGIN:VCARD\r\nVERSION:2.1\r\nN;CHARSET=GBK;ENCODING=QUOTED-PRINTABLE:=D5=C5;=C8=FD\r\nNOTE;ENCODING=b:5L2g5aW9\r\nEND:VCARD\r\n";
        let card = cards(card).remove(0).unwrap();
        assert_eq!((card.name.family.as_str(), card.name.given.as_str()), ("张", "三"));
        assert_eq!(card.notes, ["你好"]);
    }

    #[test]
    fn what_is_no_card_ends_the_reading() {
        for (text, expected) in [
            ("", None),
            ("\r\n\r\n", None),
            ("a,b\n1,2\n", Some("VCARD_NOT_VCARD")),
            ("BEGIN:VCALENDAR\nEND:VCALENDAR\n", Some("VCARD_NOT_VCARD")),
            ("BEGIN:VCARD\nFN:a\n", Some("VCARD_UNFINISHED")),
            (&format!("BEGIN:VCARD\n{}", "X-A:1\n".repeat(MAX_PROPERTIES + 1)), Some("VCARD_TOO_LARGE")),
        ] {
            assert_eq!(cards(text.as_bytes()).into_iter().next().map(|card| card.unwrap_err()), expected);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(body in "(N|FN|ADR|item1[.]TEL|NOTE)[;=:A-Zq-]{0,12}:?\\PC{0,20}(\r\n[ =]?\\PC{0,8}){0,3}") {
            let _ = cards(format!("BEGIN:VCARD\r\n{body}\r\nEND:VCARD").as_bytes());
        }
    }
}
