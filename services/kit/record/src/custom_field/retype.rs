//! What a changed definition does to the values that are stored: they are converted where nothing is lost, or the change is refused and nothing
//! changes.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use crm_kit_api::{Call, Error, Result, time};
use crm_kit_pg::Tx;
use crm_proto::crm::record::v1::{TextList, custom_field::Type, custom_value::Value as Wire};
use serde_json::Value as Stored;
use tonic::Code;
use uuid::Uuid;

use super::{
    model::Definition,
    unique::{self, Claims},
    value,
};
use crate::{
    DOMAIN, Kind,
    field::Checker,
    rows::{self, Held},
};

/// Values read and written at once.
const BATCH: i64 = 1000;
/// Types to take a value for that does not fit its definition, the strictest first.
const GUESSES: [Type; 6] =
    [Type::MultiSelect, Type::Boolean, Type::Number, Type::Date, Type::DateTime, Type::Text];

/// Converts the values of a field for its new definition, within the transaction of the change. Fails with
/// `FAILED_PRECONDITION / FIELD_IN_USE` when values do not fit.
pub async fn apply(
    tx: &mut Tx<'_>,
    call: &Call,
    kind: &Kind,
    (before, after): (&Definition, &Definition),
) -> Result<()> {
    if touches_values(before, after) {
        let region = &call.access.tenant.region_code;
        let misfits =
            pass(tx, call, (kind, after), |held| conversion(before, after, &held.value, region)).await?;
        if misfits > 0 {
            return Err(in_use(after, misfits));
        }
    }
    let retyped = before.kind() != after.kind();
    if before.is_unique && (retyped || !after.is_unique) {
        unique::release_field(tx.conn(), after).await?;
    }
    if after.is_unique && (retyped || !before.is_unique) {
        let taken = claim_all(tx, kind, after).await?;
        if taken > 0 {
            return Err(in_use(after, taken));
        }
    }
    Ok(())
}

/// Puts right what a process stored that did not know the definition yet: values of another type are converted, or dropped when that cannot be, and
/// values of a unique field are claimed.
pub async fn repair(tx: &mut Tx<'_>, call: &Call, kind: &Kind, definition: &Definition) -> Result<()> {
    let region = &call.access.tenant.region_code;
    let fix = |held: &Held| {
        if value::to_wire(definition, &held.value).is_some() {
            return Some(held.value.clone());
        }
        let fitting = GUESSES.into_iter().find_map(|kind| convert(kind, definition, &held.value, region));
        if fitting.is_none() {
            tracing::warn!(field = %definition.id, record = %held.id, "a value that fits no longer was dropped");
        }
        Some(fitting.unwrap_or(Stored::Null))
    };
    pass(tx, call, (kind, definition), fix).await?;
    if definition.is_unique {
        let taken = claim_all(tx, kind, definition).await?;
        if taken > 0 {
            tracing::warn!(field = %definition.id, taken, "values of a unique field are held by other records");
        }
    }
    Ok(())
}

/// Whether values stored under one definition may not fit another.
fn touches_values(before: &Definition, after: &Definition) -> bool {
    before.kind() != after.kind()
        || before.formula_type != after.formula_type
        || before.roll_up != after.roll_up
        || before.reference_collection != after.reference_collection
        || before.options.iter().any(|option| after.option(&option.key).is_none())
}

/// Walks all values of a field and stores what `change` makes of them; returns for how many it gave nothing. A JSON null clears. Once there was
/// such a value nothing more is written, because the transaction will be undone.
async fn pass(
    tx: &mut Tx<'_>,
    call: &Call,
    (kind, definition): (&Kind, &Definition),
    change: impl Fn(&Held) -> Option<Stored>,
) -> Result<usize> {
    let (mut after, mut misfits) = (Uuid::nil(), 0);
    loop {
        let page = rows::held(tx.conn(), kind, definition, (after, BATCH)).await?;
        let Some(last) = page.last() else { return Ok(misfits) };
        after = last.id;
        let (mut ids, mut old, mut new) = (Vec::new(), Vec::new(), Vec::new());
        for held in page {
            match change(&held) {
                None => misfits += 1,
                Some(value) if value == held.value => {}
                Some(value) => {
                    ids.push(held.id);
                    old.push(held.value);
                    new.push(value);
                }
            }
        }
        if misfits == 0 && !ids.is_empty() {
            rows::exchange(tx.conn(), kind, definition, call.now, (&ids, &old, &new)).await?;
        }
    }
}

/// Claims the values of all live records; returns how many are held by another record.
async fn claim_all(tx: &mut Tx<'_>, kind: &Kind, definition: &Definition) -> Result<usize> {
    let (mut after, mut taken) = (Uuid::nil(), 0);
    let tenant = tx.tenant_id();
    loop {
        let page = rows::held(tx.conn(), kind, definition, (after, BATCH)).await?;
        let Some(last) = page.last() else { return Ok(taken) };
        after = last.id;
        let mut claims = Claims::default();
        for held in page.iter().filter(|held| held.live) {
            claims.extend(definition, value::unique_key(definition, &held.value), held.id);
        }
        if !claims.is_empty() {
            unique::take(tx.conn(), tenant, &definition.collection, &claims).await?;
            taken += unique::foreign(tx.conn(), tenant, &definition.collection, &claims).await?;
        }
    }
}

/// What becomes of a stored value under a new definition; `None` when it does not fit, null when it is dropped because the server computes it
/// anew.
fn conversion(before: &Definition, after: &Definition, stored: &Stored, region: &str) -> Option<Stored> {
    let computed = |definition: &Definition| matches!(definition.kind(), Type::Formula | Type::RollUp);
    match (computed(before), computed(after)) {
        (true, true) => Some(Stored::Null),
        (false, true) => None,
        _ if before.kind() == Type::Reference
            && after.kind() == Type::Reference
            && before.reference_collection != after.reference_collection =>
        {
            None
        }
        _ => convert(before.stored_kind(), after, stored, region),
    }
}

/// A value of type `from` under a definition, where nothing of it is lost.
fn convert(from: Type, to: &Definition, stored: &Stored, region: &str) -> Option<Stored> {
    let kind = to.stored_kind();
    let is_choice = matches!(kind, Type::Select | Type::MultiSelect);
    if from == kind && !is_choice {
        return Some(stored.clone());
    }
    if is_choice {
        return choices(from, to, stored);
    }
    let text = text_of(from, stored)?;
    let mut check = Checker::new("", region);
    let read = value::read(to, wire_of(kind, text)?, None, &mut check);
    check.into_violations().is_empty().then_some(read).flatten()
}

/// Keys of options, which may be retired ones.
fn choices(from: Type, to: &Definition, stored: &Stored) -> Option<Stored> {
    let keys = match from {
        Type::MultiSelect => value::options(stored)?,
        _ => vec![text_of(from, stored)?],
    };
    let known = keys.iter().all(|key| to.option(key).is_some());
    match (to.stored_kind(), keys.as_slice()) {
        _ if !known => None,
        (Type::MultiSelect, _) => Some(Stored::from(keys)),
        (_, [key]) => Some(Stored::from(key.as_str())),
        _ => None,
    }
}

/// A value as text from which it could be read again.
fn text_of(from: Type, stored: &Stored) -> Option<String> {
    match from {
        Type::Boolean => stored.as_bool().map(|truth| truth.to_string()),
        Type::Money => None,
        Type::MultiSelect => match value::options(stored)?.as_slice() {
            [one] => Some(one.clone()),
            _ => None,
        },
        _ => stored.as_str().map(str::to_owned),
    }
}

/// A text as a caller would send it for a field of the type.
fn wire_of(to: Type, text: String) -> Option<Wire> {
    Some(match to {
        Type::Number => Wire::Number(text),
        Type::Boolean => Wire::Boolean(text.parse().ok()?),
        Type::Date => Wire::Date(time::date(day(&text)?)),
        Type::DateTime => Wire::DateTime(time::timestamp(instant(&text)?)),
        Type::Reference => Wire::ReferenceId(text),
        Type::MultiSelect => Wire::Options(TextList { items: vec![text] }),
        Type::Money => return None,
        _ => Wire::Text(text),
    })
}

/// A day, or an instant at which one begins.
fn day(text: &str) -> Option<NaiveDate> {
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
    day.or_else(|| instant(text).filter(|instant| instant.time() == NaiveTime::MIN).map(|it| it.date_naive()))
}

/// An instant, or the beginning of a day.
fn instant(text: &str) -> Option<DateTime<Utc>> {
    match NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        Ok(day) => Some(day.and_time(NaiveTime::MIN).and_utc()),
        Err(_) => DateTime::parse_from_rfc3339(text).ok().map(|instant| instant.to_utc()),
    }
}

fn in_use(definition: &Definition, records: usize) -> Error {
    let message = format!("{records} records have a value that does not fit");
    Error::new(Code::FailedPrecondition, DOMAIN, "FIELD_IN_USE", message)
        .with("key", &definition.key)
        .with("records", records)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use sqlx::types::Json;

    use super::*;
    use crate::{Choice, custom_field::model::Opt};

    fn definition(kind: Type) -> Definition {
        let option = |key: &str, retired| Opt { key: key.into(), retired, ..Opt::default() };
        let options = if matches!(kind, Type::Select | Type::MultiSelect) {
            vec![option("a", false), option("b", true)]
        } else {
            Vec::new()
        };
        Definition {
            key: "k".into(),
            value_type: Choice(kind),
            options: Json(options),
            ..Definition::default()
        }
    }

    #[test]
    fn values_are_converted_where_nothing_is_lost() {
        for (from, to, stored, expected) in [
            (Type::Text, Type::Select, json!("a"), Some(json!("a"))),
            (Type::Text, Type::Select, json!("b"), Some(json!("b"))),
            (Type::Text, Type::Select, json!("c"), None),
            (Type::Select, Type::Text, json!("a"), Some(json!("a"))),
            (Type::Select, Type::MultiSelect, json!("a"), Some(json!(["a"]))),
            (Type::MultiSelect, Type::Select, json!(["a"]), Some(json!("a"))),
            (Type::MultiSelect, Type::Select, json!(["a", "b"]), None),
            (Type::Number, Type::Text, json!("12.5"), Some(json!("12.5"))),
            (Type::Text, Type::Number, json!("12.50"), Some(json!("12.5"))),
            (Type::Text, Type::Number, json!("twelve"), None),
            (Type::Date, Type::DateTime, json!("2025-01-31"), Some(json!("2025-01-31T00:00:00.000000Z"))),
            (Type::DateTime, Type::Date, json!("2025-01-31T00:00:00.000000Z"), Some(json!("2025-01-31"))),
            (Type::DateTime, Type::Date, json!("2025-01-31T08:00:00.000000Z"), None),
            (Type::Text, Type::Date, json!("2025-02-30"), None),
            (Type::Boolean, Type::Text, json!(true), Some(json!("true"))),
            (Type::Text, Type::Boolean, json!("false"), Some(json!(false))),
            (Type::Text, Type::Email, json!("a@Example.com"), Some(json!("a@example.com"))),
            (Type::Text, Type::Phone, json!("13812341234"), Some(json!("+8613812341234"))),
            (Type::LongText, Type::Text, json!("a\nb"), None),
            (Type::Money, Type::Number, json!({"ten_thousandths": 1, "currency": "CNY"}), None),
            (Type::Number, Type::Money, json!("1"), None),
            (Type::Text, Type::Formula, json!("x"), None),
        ] {
            let converted = conversion(&definition(from), &definition(to), &stored, "CN");
            assert_eq!(converted, expected, "{from:?} to {to:?}: {stored}");
        }
    }

    #[test]
    fn computed_values_are_dropped_for_computed_ones_and_kept_for_others() {
        let formula = Definition { formula_type: Choice(Type::Number), ..definition(Type::Formula) };
        let stored = json!("12");
        assert_eq!(conversion(&formula, &definition(Type::RollUp), &stored, ""), Some(Stored::Null));
        assert_eq!(conversion(&formula, &definition(Type::Text), &stored, ""), Some(json!("12")));
    }
}
