//! A record on the wire to the cells of a row.

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use prost_reflect::{DynamicMessage, Value};
use rust_decimal::{Decimal, prelude::ToPrimitive as _};

use super::{Column, Kind, words::Choices};
use crm_kit_table::Cell;

/// Whole numbers up to here are exact in a workbook.
const EXACT_DIGITS: usize = 15;

/// In what form values are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Field paths and names of the contract, for programs and for reading back.
    Path,
    /// English words.
    English,
    /// Chinese words.
    Chinese,
}

impl Language {
    /// The language of an export job.
    pub fn of(text: &str) -> Self {
        match text {
            "en" => Self::English,
            "zh" => Self::Chinese,
            _ => Self::Path,
        }
    }
}

impl Column {
    /// The column's name.
    pub fn title(&self, language: Language) -> &str {
        match language {
            Language::Path => &self.path,
            Language::English => &self.labels[0],
            Language::Chinese => &self.labels[1],
        }
    }

    /// The column's cell of a record; instants as local times of `zone`.
    pub fn cell(&self, record: &DynamicMessage, language: Language, zone: Tz) -> Cell {
        if let Kind::Custom(field) = &self.kind {
            return custom(record, &field.key, zone);
        }
        let Some(value) = self.value(record) else { return Cell::Empty };
        match (&self.kind, &value) {
            (Kind::Integer, Value::I32(number)) => Cell::number(f64::from(*number)),
            (Kind::Boolean, Value::Bool(value)) => Cell::Bool(*value),
            (Kind::Choice(values), Value::EnumNumber(number)) => named(values, *number, language),
            (Kind::Date, Value::Message(date)) => day(date),
            (Kind::Instant, Value::Message(instant)) => local(instant, zone),
            (Kind::Amount, Value::Message(money)) => amount(money),
            (Kind::Currency, Value::Message(money)) => Cell::text(text(money, "currency_code")),
            (Kind::Lines, Value::List(lines)) => joined(lines, "\n", |line| line.as_str().map(str::to_owned)),
            (Kind::Words, Value::List(words)) => joined(words, "; ", |word| word.as_str().map(str::to_owned)),
            (Kind::Points(kind), Value::List(points)) => joined(points, "; ", |entry| point(entry, *kind)),
            (Kind::ExternalIds, Value::List(ids)) => joined(ids, "; ", |id| {
                id.as_message().map(|id| format!("{}:{}", text(id, "system"), text(id, "value")))
            }),
            (Kind::Ties(link), Value::List(ties)) => {
                let member = link.member.unwrap_or_default();
                joined(ties, "; ", |tie| tie.as_message().map(|tie| text(tie, member)))
            }
            (_, Value::String(text)) => Cell::text(text.as_str()),
            _ => Cell::Empty,
        }
    }

    fn value(&self, record: &DynamicMessage) -> Option<Value> {
        match self.steps.as_slice() {
            [field] => present(record, field),
            [field, part] => present(record, field)?.as_message().and_then(|inner| present(inner, part)),
            _ => None,
        }
    }
}

/// The value of a field; of a message only when it is set.
fn present(message: &DynamicMessage, field: &prost_reflect::FieldDescriptor) -> Option<Value> {
    (!field.supports_presence() || message.has_field(field)).then(|| message.get_field(field).into_owned())
}

fn named(choices: &Choices, number: i32, language: Language) -> Cell {
    Cell::text(match language {
        Language::English => choices.label(number, 0),
        Language::Chinese => choices.label(number, 1),
        Language::Path if number == 0 => String::new(),
        Language::Path => {
            choices.values.get_value(number).map(|value| value.name().to_owned()).unwrap_or_default()
        }
    })
}

fn day(date: &DynamicMessage) -> Cell {
    let part = |name| number(date, name);
    let (year, month, day) = (part("year"), part("month"), part("day"));
    let unsigned = |part| u32::try_from(part).ok();
    let full = i32::try_from(year).ok().filter(|year| *year > 0).zip(unsigned(month).zip(unsigned(day)));
    match full.and_then(|(year, (month, day))| NaiveDate::from_ymd_opt(year, month, day)) {
        Some(date) => Cell::Date(date),
        // A day of birth without a year.
        None if month > 0 => Cell::text(format!("--{month:02}-{day:02}")),
        None => Cell::Empty,
    }
}

fn local(instant: &DynamicMessage, zone: Tz) -> Cell {
    let nanos = u32::try_from(number(instant, "nanos")).unwrap_or(0);
    let instant: Option<DateTime<Utc>> = DateTime::from_timestamp(number(instant, "seconds"), nanos);
    let seconds = |time: DateTime<Tz>| time.naive_local().and_utc().timestamp();
    let local = instant.and_then(|time| DateTime::from_timestamp(seconds(time.with_timezone(&zone)), 0));
    local.map_or(Cell::Empty, |local| Cell::DateTime(local.naive_utc()))
}

/// A number when a workbook keeps every digit of it, else a text.
fn amount(money: &DynamicMessage) -> Cell {
    let nanos = Decimal::new(number(money, "nanos"), 9);
    let exact = (Decimal::from(number(money, "units")) + nanos).normalize();
    let written = exact.to_string();
    if written.bytes().filter(u8::is_ascii_digit).count() > EXACT_DIGITS {
        return Cell::text(written);
    }
    exact.to_f64().map_or_else(|| Cell::text(written.as_str()), Cell::number)
}

/// The address or number of an entry, if it is of the kind; of every kind for 0.
fn point(entry: &Value, kind: i32) -> Option<String> {
    let entry = entry.as_message()?;
    let of_kind = entry.get_field_by_name("kind").and_then(|kind| kind.as_enum_number()).unwrap_or(0);
    let written = text(entry, "address") + &text(entry, "number");
    (kind == 0 || kind == of_kind).then_some(written).filter(|written| !written.is_empty())
}

/// A custom value, whatever its type.
fn custom(record: &DynamicMessage, key: &str, zone: Tz) -> Cell {
    let values = record.get_field_by_name("custom");
    let entry = values
        .as_ref()
        .and_then(|values| values.as_map()?.get(&prost_reflect::MapKey::String(key.to_owned())));
    let Some(entry) = entry.and_then(Value::as_message) else { return Cell::Empty };
    let set = entry.fields().find(|(field, _)| field.containing_oneof().is_some());
    match set {
        Some((_, Value::String(text))) => Cell::text(text.as_str()),
        Some((_, Value::Bool(value))) => Cell::Bool(*value),
        Some((field, Value::Message(inner))) => match field.name() {
            "date" => day(inner),
            "date_time" => local(inner, zone),
            "money" => Cell::text(format!("{} {}", amount(inner).display(), text(inner, "currency_code"))),
            _ => inner.get_field_by_name("items").map_or(Cell::Empty, |items| {
                joined(items.as_list().unwrap_or_default(), "; ", |item| item.as_str().map(str::to_owned))
            }),
        },
        _ => Cell::Empty,
    }
}

fn joined(values: &[Value], separator: &str, show: impl Fn(&Value) -> Option<String>) -> Cell {
    Cell::text(values.iter().filter_map(show).collect::<Vec<_>>().join(separator))
}

fn text(message: &DynamicMessage, name: &str) -> String {
    message.get_field_by_name(name).and_then(|text| text.as_str().map(str::to_owned)).unwrap_or_default()
}

fn number(message: &DynamicMessage, name: &str) -> i64 {
    let value = message.get_field_by_name(name);
    value.and_then(|value| value.as_i64().or_else(|| value.as_i32().map(i64::from))).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use crm_proto::{
        crm::{customer::v1::Account, record::v1::ExternalId},
        google::r#type::{Money, PostalAddress},
    };

    use super::*;
    use crate::column::Columns;
    use crate::custom_field::Fields;
    use crate::sample::FIRMS;

    fn account() -> Account {
        Account {
            display_name: "=Acme".to_owned(),
            kind: 2,
            employee_count: 7,
            blocked: true,
            create_time: Some(prost_types::Timestamp { seconds: 1_700_000_000, nanos: 5 }),
            annual_revenue: Some(Money { currency_code: "CNY".to_owned(), units: -3, nanos: -250_000_000 }),
            credit_limit: Some(Money {
                currency_code: "USD".to_owned(),
                units: 12_345_678_901_234,
                nanos: 990_000_000,
            }),
            billing_address: Some(PostalAddress {
                locality: "北京".to_owned(), ..PostalAddress::default()
            }),
            tags: vec!["a".to_owned(), "b".to_owned()],
            external_ids: vec![ExternalId { system: "sap".to_owned(), value: "1".to_owned() }],
            ..Account::default()
        }
    }

    #[test]
    fn every_kind_of_field_is_written() {
        let columns = Columns::new(&FIRMS, &Fields::default());
        let mut record = DynamicMessage::new(columns.message.clone());
        record.transcode_from(&account()).unwrap();
        for (path, language, expected) in [
            ("display_name", Language::Path, "=Acme"),
            ("kind", Language::Path, "KIND_PARTNER"),
            ("kind", Language::Chinese, "合作伙伴"),
            ("level", Language::English, ""),
            ("employee_count", Language::Path, "7"),
            ("blocked", Language::Path, "true"),
            ("create_time", Language::Path, "2023-11-15 06:13:20"),
            ("update_time", Language::Path, ""),
            ("annual_revenue", Language::Path, "-3.25"),
            ("credit_limit", Language::Path, "12345678901234.99"),
            ("credit_limit.currency_code", Language::Path, "USD"),
            ("billing_address.locality", Language::Path, "北京"),
            ("shipping_address.locality", Language::Path, ""),
            ("tags", Language::Path, "a; b"),
            ("external_ids", Language::Path, "sap:1"),
        ] {
            let cell = columns.get(path).unwrap().cell(&record, language, chrono_tz::Asia::Shanghai);
            assert_eq!(cell.display(), expected, "{path}");
        }
    }
}
