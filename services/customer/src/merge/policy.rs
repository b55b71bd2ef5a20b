//! What becomes of the fields of records that are merged. Pure: it works on documents with the stored values, so what a caller sees masked is neither
//! compared nor written back as such.

use std::cmp::Ordering;

use chrono::{DateTime, Utc};
use crm_kit_api::{Error, Result};
use crm_kit_record::revert::Document;
use crm_proto::crm::customer::v1::{MergePolicy as Policy, SurvivorRule};
use rust_decimal::Decimal;
use serde_json::Value;
use uuid::Uuid;

use super::field::{Field, Shape};

/// A record of a merge.
#[derive(Clone, Debug)]
pub struct Participant {
    /// The record.
    pub id: Uuid,
    /// When it was created.
    pub create_time: DateTime<Utc>,
    /// When it last changed.
    pub update_time: DateTime<Utc>,
    /// What it holds.
    pub document: Document,
}

/// A field that a merge changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// The field.
    pub path: String,
    /// How its value was chosen.
    pub policy: Policy,
    /// Where the value comes from.
    pub from: Vec<Uuid>,
}

/// Where the record that a rule picks stands.
pub fn survivor(rule: SurvivorRule, fields: &[Field], records: &[Participant]) -> usize {
    let filled = |record: &Participant| fields.iter().filter(|field| !is_blank(field, record)).count();
    let external_ids = |record: &Participant| match record.document.get("external_ids") {
        Some(Value::Array(ids)) => ids.len(),
        _ => 0,
    };
    let active = |record: &Participant| {
        let activity = record.document.get("last_activity_time").and_then(Value::as_str);
        activity
            .and_then(|text| text.parse::<DateTime<Utc>>().ok())
            .map_or((0, record.update_time), |time| (1, time))
    };
    let by_rule = |a: &Participant, b: &Participant| match rule {
        SurvivorRule::Unspecified | SurvivorRule::MostComplete => filled(a).cmp(&filled(b)),
        SurvivorRule::MostRecentlyActive => active(a).cmp(&active(b)),
        SurvivorRule::HasExternalId => external_ids(a).cmp(&external_ids(b)),
        SurvivorRule::Oldest => Ordering::Equal,
    };
    let older = |a: &Participant, b: &Participant| (b.create_time, b.id).cmp(&(a.create_time, a.id));
    let places = records.iter().enumerate();
    places.max_by(|(_, a), (_, b)| by_rule(a, b).then_with(|| older(a, b))).map_or(0, |(index, _)| index)
}

/// Merges records into the first one; returns the fields that changed. `policy_of` tells how a field is merged.
pub fn merge(
    fields: &[Field],
    records: &[Participant],
    policy_of: &dyn Fn(&Field) -> Policy,
) -> Result<(Document, Vec<Chosen>)> {
    let Some((first, others)) = records.split_first() else { return Err(Error::bug("a merge of nothing")) };
    let mut losers: Vec<&Participant> = others.iter().collect();
    losers.sort_by_key(|record| std::cmp::Reverse((record.update_time, record.id)));
    let order: Vec<&Participant> = std::iter::once(first).chain(losers).collect();
    let (mut document, mut chosen) = (first.document.clone(), Vec::new());
    for field in fields {
        let policy = policy_of(field);
        let Some((values, from)) = value(field, policy, &order)? else { continue };
        let is_same = field.keys.iter().zip(&values).all(|(key, value)| of(&document, key) == value);
        if !is_same {
            document.extend(field.keys.iter().cloned().zip(values));
            chosen.push(Chosen { path: field.path.clone(), policy, from });
        }
    }
    let ids = order.iter().flat_map(|record| items(record, "external_ids"));
    document.insert("external_ids".to_owned(), Value::Array(distinct(ids)));
    Ok((document, chosen))
}

type Taken = Option<(Vec<Value>, Vec<Uuid>)>;

/// The values of the columns of a field; `None` when all records leave it empty, or the survivor's stays.
fn value(field: &Field, policy: Policy, order: &[&Participant]) -> Result<Taken> {
    let filled: Vec<&Participant> = order.iter().copied().filter(|record| !is_blank(field, record)).collect();
    let key = field.keys.first().map_or("", String::as_str);
    let size = |record: &&&Participant| size(of(&record.document, key));
    let one = match policy {
        Policy::Survivor | Policy::Unspecified => None,
        Policy::FillEmpty => filled.first().copied(),
        Policy::Newest => first_max(&filled, |a, b| a.update_time.cmp(&b.update_time)),
        Policy::Oldest => first_max(&filled, |a, b| (b.create_time, b.id).cmp(&(a.create_time, a.id))),
        Policy::Longest | Policy::Fullest => first_max(&filled, |a, b| size(&&a).cmp(&size(&&b))),
        Policy::Greatest => first_max(&filled, |a, b| compare(of(&a.document, key), of(&b.document, key))),
        Policy::Union | Policy::Concatenate => return together(field, key, &filled),
    };
    let values =
        |record: &Participant| field.keys.iter().map(|key| of(&record.document, key).clone()).collect();
    Ok(one.map(|record| (values(record), vec![record.id])))
}

/// A value that is made of those of several records.
fn together(field: &Field, key: &str, filled: &[&Participant]) -> Result<Taken> {
    if filled.is_empty() {
        return Ok(None);
    }
    let from = filled.iter().map(|record| record.id).collect();
    let value = match field.shape {
        Shape::Flag => Value::Bool(true),
        Shape::Long(most) => joined(filled.iter().map(|record| of(&record.document, key)), most),
        Shape::List(most) => {
            let items = distinct(filled.iter().flat_map(|record| items(record, key)));
            if items.len() > most {
                let message = format!(
                    "{} would have {} items, and may have {most}: choose another policy for it",
                    field.path,
                    items.len()
                );
                return Err(Error::invalid_field("field_policies", "TOO_MANY_ITEMS", message));
            }
            Value::Array(items)
        }
        _ => return Err(Error::bug("a field has a policy that it does not allow")),
    };
    Ok(Some((vec![value], from)))
}

/// The texts that differ, one below the other, as long as there is room for the next.
fn joined<'v>(texts: impl Iterator<Item = &'v Value>, most: usize) -> Value {
    let mut whole = String::new();
    for text in texts.filter_map(Value::as_str) {
        if whole.contains(text.trim()) {
            continue;
        }
        let separator = if whole.is_empty() { "" } else { "\n\n" };
        if whole.chars().count() + separator.len() + text.chars().count() <= most {
            whole.push_str(separator);
            whole.push_str(text);
        }
    }
    Value::String(whole)
}

/// Every item once: the first of those that name the same thing. One of those that can be primary is.
fn distinct<'v>(items: impl Iterator<Item = &'v Value>) -> Vec<Value> {
    let mut kept: Vec<Value> = Vec::new();
    let mut has_primary = false;
    for item in items {
        if kept.iter().any(|known| identity(known) == identity(item)) {
            continue;
        }
        let mut item = item.clone();
        if let Some(primary) = item.get_mut("primary") {
            let is_first = !has_primary && *primary == Value::Bool(true);
            *primary = Value::Bool(is_first);
            has_primary |= is_first;
        }
        kept.push(item);
    }
    if !has_primary && let Some(primary) = kept.first_mut().and_then(|item| item.get_mut("primary")) {
        *primary = Value::Bool(true);
    }
    kept
}

/// What an item names: an e-mail address or a telephone number in whatever case, an account and a part in it, or exactly itself.
fn identity(item: &Value) -> Vec<String> {
    let text = |key: &str| item.get(key).and_then(Value::as_str).unwrap_or_default().to_lowercase();
    match item {
        Value::Object(parts) if parts.contains_key("account_id") => vec![text("account_id"), text("role")],
        Value::Object(parts) if parts.contains_key("system") => vec![item.to_string()],
        Value::Object(parts) if parts.contains_key("value") => vec![text("value")],
        other => vec![other.to_string()],
    }
}

fn items<'d>(record: &'d Participant, key: &str) -> impl Iterator<Item = &'d Value> + use<'d> {
    of(&record.document, key).as_array().map(Vec::as_slice).unwrap_or_default().iter()
}

/// The first of those than which none is greater.
fn first_max<'p>(
    records: &[&'p Participant],
    by: impl Fn(&Participant, &Participant) -> Ordering,
) -> Option<&'p Participant> {
    records.iter().copied().reduce(|best, next| if by(next, best) == Ordering::Greater { next } else { best })
}

/// How much a value holds: characters, items, or parts of an address that are filled.
fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.chars().count(),
        Value::Array(items) => items.len(),
        Value::Object(parts) => parts.values().filter(|part| !is_empty(part)).count(),
        _ => 0,
    }
}

/// Numbers by size, also those that are kept as text; times by when they are.
fn compare(a: &Value, b: &Value) -> Ordering {
    let decimal = |value: &Value| match value {
        Value::Number(number) => number.to_string().parse::<Decimal>().ok(),
        Value::String(text) => text.parse::<Decimal>().ok(),
        _ => None,
    };
    let time = |value: &Value| value.as_str().and_then(|text| text.parse::<DateTime<Utc>>().ok());
    match (decimal(a).zip(decimal(b)), time(a).zip(time(b))) {
        (Some((a, b)), _) => a.cmp(&b),
        (None, Some((a, b))) => a.cmp(&b),
        (None, None) => a.as_str().cmp(&b.as_str()),
    }
}

fn is_blank(field: &Field, record: &Participant) -> bool {
    let is_flag = field.shape == Shape::Flag;
    field.keys.iter().all(|key| {
        let value = of(&record.document, key);
        is_empty(value) || (is_flag && *value == Value::Bool(false))
    })
}

/// Whether a stored value says nothing. Enums and counts say nothing as zero; numbers of custom fields are texts.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(_) => false,
        Value::Number(number) => number.as_i64() == Some(0),
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(parts) => parts.values().all(is_empty),
    }
}

fn of<'d>(document: &'d Document, key: &str) -> &'d Value {
    document.get(key).unwrap_or(&Value::Null)
}

#[cfg(test)]
mod tests;
