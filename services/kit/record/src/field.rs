//! Checks of single fields, each naming the field in its violation.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, Utc};
use crm_kit_api::{error::Violations, id, time};
use crm_kit_value::{
    email::Email,
    phone::Phone,
    text::{self, Lines},
    url::Website,
};
use crm_proto::google::r#type::Date;
use prost_types::Timestamp;
use uuid::Uuid;

/// Collects the violations of one record, under the path of the record in the request.
#[derive(Debug)]
pub struct Checker<'c> {
    path: &'c str,
    /// Country of telephone numbers without country code.
    pub region: &'c str,
    violations: Violations,
}

impl<'c> Checker<'c> {
    /// A checker for the record at `path` of the request.
    pub fn new(path: &'c str, region: &'c str) -> Self {
        Self { path, region, violations: Violations::default() }
    }

    /// The path of one of the record's fields; the field itself for a checker without a path, which checks a request.
    pub fn at(&self, field: &str) -> String {
        if self.path.is_empty() { field.to_owned() } else { format!("{}.{field}", self.path) }
    }

    /// Adds a violation of one of the record's fields.
    pub fn refuse(&mut self, field: &str, code: &'static str, message: impl Into<String>) {
        let path = self.at(field);
        self.violations.add(path, code, message);
    }

    /// The violations, for checks that take them directly.
    pub fn violations(&mut self) -> &mut Violations {
        &mut self.violations
    }

    /// Ends the check.
    pub fn into_violations(self) -> Violations {
        self.violations
    }

    /// Text on one line, byte for byte.
    pub fn line(&mut self, field: &str, text: String, max: usize) -> String {
        self.text(field, text, Lines::Single, max)
    }

    /// Text on several lines, byte for byte.
    pub fn lines(&mut self, field: &str, text: String, max: usize) -> String {
        self.text(field, text, Lines::Multi, max)
    }

    fn text(&mut self, field: &str, text: String, lines: Lines, max: usize) -> String {
        if let Err(error) = text::check(&text, lines, max) {
            self.refuse(field, error.reason(), error.to_string());
        }
        text
    }

    /// The id of another record; an empty text is none.
    pub fn reference(&mut self, field: &str, text: &str) -> Option<Uuid> {
        id::parse_optional(field, text).unwrap_or_else(|_| {
            self.refuse(field, "ID_INVALID", "is not an id");
            None
        })
    }

    /// A day.
    pub fn day(&mut self, field: &str, wire: Option<Date>) -> Option<NaiveDate> {
        let path = self.at(field);
        time::naive_date(&path, &wire?, &mut self.violations)
    }

    /// An instant.
    pub fn instant(&mut self, field: &str, wire: Option<Timestamp>) -> Option<DateTime<Utc>> {
        let path = self.at(field);
        time::instant(&path, &wire?, &mut self.violations)
    }

    /// A telephone number in E.164; an empty text stays empty.
    pub fn phone(&mut self, field: &str, text: &str) -> String {
        if text.is_empty() {
            return String::new();
        }
        let region = Some(self.region).filter(|region| !region.is_empty());
        match Phone::parse(text, region) {
            Ok(phone) => phone.stored(),
            Err(error) => {
                self.refuse(field, error.reason(), error.to_string());
                String::new()
            }
        }
    }

    /// An e-mail address with its domain in lower case; an empty text stays empty.
    pub fn email(&mut self, field: &str, text: &str) -> String {
        if text.is_empty() {
            return String::new();
        }
        match Email::parse(text) {
            Ok(email) => email.as_str().to_owned(),
            Err(error) => {
                self.refuse(field, error.reason(), error.to_string());
                String::new()
            }
        }
    }

    /// A web site and its domain; an empty text stays empty.
    pub fn website(&mut self, field: &str, text: &str) -> (String, String) {
        if text.is_empty() {
            return (String::new(), String::new());
        }
        match Website::parse(text) {
            Ok(site) => (site.as_str().to_owned(), site.domain().to_owned()),
            Err(error) => {
                self.refuse(field, error.reason(), error.to_string());
                (String::new(), String::new())
            }
        }
    }

    /// Tags without repetition, in the order given.
    pub fn tags(&mut self, field: &str, tags: Vec<String>) -> Vec<String> {
        let mut seen = BTreeSet::new();
        let mut kept = Vec::with_capacity(tags.len());
        for (index, tag) in tags.into_iter().enumerate() {
            let place = format!("{field}[{index}]");
            if text::is_blank(&tag) {
                self.refuse(&place, "TAG_BLANK", "is blank");
                continue;
            }
            let tag = self.line(&place, tag, 50);
            if seen.insert(tag.clone()) {
                kept.push(tag);
            }
        }
        kept
    }
}

/// The text of an id that may be missing.
pub fn id_text(id: Option<Uuid>) -> String {
    id.map(|id| id.to_string()).unwrap_or_default()
}
