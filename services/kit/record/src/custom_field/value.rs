//! Values of custom fields between the wire, the JSON document and filters.
//!
//! | type | stored as |
//! |---|---|
//! | TEXT, LONG_TEXT, SELECT, EMAIL, PHONE, URL, REFERENCE, AUTO_NUMBER | string |
//! | NUMBER | string: decimal text without needless zeros, so that it is exact and `::numeric` reads it |
//! | BOOLEAN | boolean |
//! | DATE | string, `2025-01-31` |
//! | DATE_TIME | string, `2025-01-31T08:00:00.000000Z`: always of one length, so that its order is that of the instants |
//! | MONEY | object, `{"ten_thousandths": 125000, "currency": "CNY"}` |
//! | MULTI_SELECT | array of strings |

use std::str::FromStr as _;

use chrono::{DateTime, NaiveDate, Utc};
use crm_kit_api::{filter, money::Money, time};
use crm_kit_value::text::is_blank;
use crm_proto::crm::record::v1::{CustomValue, TextList, custom_field::Type, custom_value::Value as Wire};
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Value as Stored, json};
use uuid::Uuid;

use super::model::{Definition, MAX_LONG_TEXT, MAX_TEXT};
use crate::field::Checker;

/// Digits of a NUMBER after the point.
const DECIMALS: u32 = 10;
/// One more than the largest NUMBER.
const NUMBER_BOUND: i64 = 1_000_000_000_000_000_000;
/// Code of the violation of a retired option.
const RETIRED: &str = "OPTION_RETIRED";

/// Reads a value that a caller sent; `None` when it is blank, or when it is refused. `before` is the value that the record has.
pub fn read(
    definition: &Definition,
    wire: Wire,
    before: Option<&Stored>,
    check: &mut Checker<'_>,
) -> Option<Stored> {
    let place = definition.path();
    match (definition.stored_kind(), wire) {
        (Type::Number, Wire::Number(text)) => read_number(definition, &text, &place, check),
        (Type::Boolean, Wire::Boolean(truth)) => Some(Stored::Bool(truth)),
        (Type::Date, Wire::Date(date)) => {
            let place = check.at(&place);
            time::naive_date(&place, &date, check.violations()).map(|day| Stored::String(day.to_string()))
        }
        (Type::DateTime, Wire::DateTime(wire)) => {
            let place = check.at(&place);
            time::instant(&place, &wire, check.violations())
                .map(|instant| Stored::String(instant_text(instant)))
        }
        (Type::Money, Wire::Money(wire)) => {
            let place = check.at(&place);
            Money::from_wire(&place, &wire, check.violations()).map(|money| stored_money(&money))
        }
        (Type::MultiSelect, Wire::Options(list)) => {
            let held = before.and_then(options).unwrap_or_default();
            read_options(definition, list.items, &held, check)
        }
        (Type::Reference, Wire::ReferenceId(id)) => read_id(&id, &place, check),
        (kind, Wire::Text(text)) if is_textual(kind) => {
            if text.is_empty() {
                return None;
            }
            read_text(definition, text, &place, check).map(Stored::String)
        }
        (kind, _) => {
            let message = format!("takes {}", form(kind));
            refuse(check, &place, "TYPE_MISMATCH", &message)
        }
    }
}

/// The value on the wire; `None` when it is not of the type that the definition states.
pub fn to_wire(definition: &Definition, stored: &Stored) -> Option<Wire> {
    let text = || stored.as_str().map(str::to_owned);
    match definition.stored_kind() {
        Type::Unspecified | Type::Formula | Type::RollUp => None,
        Type::Number => number(stored).and_then(|_| text()).map(Wire::Number),
        Type::Boolean => stored.as_bool().map(Wire::Boolean),
        Type::Date => day(stored).map(|day| Wire::Date(time::date(day))),
        Type::DateTime => instant(stored).map(|instant| Wire::DateTime(time::timestamp(instant))),
        Type::Money => money(stored).map(|money| Wire::Money(money.to_wire())),
        Type::MultiSelect => options(stored).map(|items| Wire::Options(TextList { items })),
        Type::Reference => id(stored).map(|id| Wire::ReferenceId(id.to_string())),
        _ => text().map(Wire::Text),
    }
}

/// The whole value on the wire, with the class that the definition states.
pub fn to_custom_value(definition: &Definition, stored: &Stored) -> Option<CustomValue> {
    let value = to_wire(definition, stored)?;
    Some(CustomValue { value: Some(value), sensitivity: definition.sensitivity.number() })
}

/// The value as filters and formulas see it.
pub fn to_filter(kind: Type, stored: &Stored) -> filter::Value<'_> {
    let value = match kind {
        Type::Number => number(stored).map(filter::Value::Decimal),
        Type::Boolean => stored.as_bool().map(filter::Value::Bool),
        Type::Date => day(stored).map(filter::Value::Date),
        Type::DateTime => instant(stored).map(filter::Value::Timestamp),
        Type::Money => {
            money(stored).map(|money| filter::Value::Decimal(Decimal::new(money.ten_thousandths, 4)))
        }
        Type::MultiSelect => options(stored).map(|items| filter::Value::TextList(items.into())),
        Type::Reference => id(stored).map(filter::Value::Uuid),
        _ => stored.as_str().map(|text| filter::Value::Text(text.into())),
    };
    value.unwrap_or(filter::Value::Null)
}

/// A computed value as it is stored; `None` when it is unset or out of the bounds of its type.
pub fn computed(value: filter::Value<'_>) -> Option<Stored> {
    match value {
        filter::Value::Text(text) if text.is_empty() || text.chars().count() > MAX_LONG_TEXT => None,
        filter::Value::Text(text) => Some(Stored::String(text.into_owned())),
        filter::Value::Bool(truth) => Some(Stored::Bool(truth)),
        filter::Value::Int(whole) => stored_number(whole.into()),
        filter::Value::Decimal(exact) => stored_number(exact),
        filter::Value::Timestamp(instant) => Some(Stored::String(instant_text(instant))),
        filter::Value::Date(day) => Some(Stored::String(day.to_string())),
        _ => None,
    }
}

/// A number as it is stored, rounded half away from zero to ten decimals; `None` when it has more than 18 digits before the point.
pub fn stored_number(number: Decimal) -> Option<Stored> {
    let number = number.round_dp_with_strategy(DECIMALS, RoundingStrategy::MidpointAwayFromZero).normalize();
    let fits = number.abs() < Decimal::from(NUMBER_BOUND);
    // `-0` is no number of its own.
    fits.then(|| if number.is_zero() { Decimal::ZERO } else { number })
        .map(|number| Stored::String(number.to_string()))
}

/// The text under which two values of a unique field are the same.
pub fn unique_key(definition: &Definition, stored: &Stored) -> Option<String> {
    let text = stored.as_str()?;
    match definition.kind() {
        Type::Email => Some(text.to_lowercase()),
        Type::Text | Type::Number | Type::Phone => Some(text.to_owned()),
        _ => None,
    }
}

/// The currency of a MONEY value.
pub fn currency(stored: &Stored) -> Option<&str> {
    stored.get("currency")?.as_str()
}

/// A NUMBER value.
pub fn number(stored: &Stored) -> Option<Decimal> {
    Decimal::from_str(stored.as_str()?).ok().filter(|number| number.scale() <= DECIMALS)
}

/// A DATE value.
pub fn day(stored: &Stored) -> Option<NaiveDate> {
    let text = stored.as_str().filter(|text| text.len() == 10)?;
    NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()
}

/// A DATE_TIME value.
pub fn instant(stored: &Stored) -> Option<DateTime<Utc>> {
    let text = stored.as_str().filter(|text| text.len() == 27 && text.ends_with('Z'))?;
    DateTime::parse_from_rfc3339(text).ok().map(|instant| instant.to_utc())
}

/// A DATE_TIME value as it is stored.
pub fn instant_text(instant: DateTime<Utc>) -> String {
    instant.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

/// The id in a REFERENCE value.
pub fn id(stored: &Stored) -> Option<Uuid> {
    Uuid::try_parse(stored.as_str()?).ok()
}

/// The keys in a MULTI_SELECT value.
pub fn options(stored: &Stored) -> Option<Vec<String>> {
    stored.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect()
}

fn money(stored: &Stored) -> Option<Money> {
    let ten_thousandths = stored.get("ten_thousandths")?.as_i64()?;
    Some(Money { ten_thousandths, currency: currency(stored)?.to_owned() })
}

fn stored_money(money: &Money) -> Stored {
    json!({ "ten_thousandths": money.ten_thousandths, "currency": money.currency })
}

/// Whether values of the type travel as `CustomValue.text`.
fn is_textual(kind: Type) -> bool {
    matches!(
        kind,
        Type::Text | Type::LongText | Type::Select | Type::Email | Type::Phone | Type::Url | Type::AutoNumber
    )
}

fn form(kind: Type) -> &'static str {
    match kind {
        Type::Number => "a number, in `number`",
        Type::Boolean => "true or false, in `boolean`",
        Type::Date => "a date, in `date`",
        Type::DateTime => "an instant, in `date_time`",
        Type::Money => "an amount, in `money`",
        Type::MultiSelect => "keys of options, in `options`",
        Type::Reference => "an id, in `reference_id`",
        _ => "a text, in `text`",
    }
}

fn read_id(text: &str, place: &str, check: &mut Checker<'_>) -> Option<Stored> {
    match Uuid::try_parse(text) {
        Ok(id) => Some(Stored::String(id.to_string())),
        Err(_) => refuse(check, place, "ID_INVALID", "is not an id"),
    }
}

fn read_text(definition: &Definition, text: String, place: &str, check: &mut Checker<'_>) -> Option<String> {
    let kept = match definition.stored_kind() {
        Type::Text => limited(definition, check.line(place, text, MAX_TEXT), place, check),
        Type::LongText => limited(definition, check.lines(place, text, MAX_LONG_TEXT), place, check),
        Type::Select => match refused_option(definition, &text) {
            None => text,
            Some((code, message)) => return refuse(check, place, code, message),
        },
        Type::Email => check.email(place, &text),
        Type::Phone => check.phone(place, &text),
        Type::Url => check.website(place, &text).0,
        _ => text,
    };
    (!kept.is_empty()).then_some(kept)
}

/// A text within the definition's limits of length.
fn limited(definition: &Definition, text: String, place: &str, check: &mut Checker<'_>) -> String {
    if is_blank(&text) {
        return String::new();
    }
    let length = text.chars().count();
    if definition.minimum.parse().is_ok_and(|minimum: usize| length < minimum) {
        check.refuse(place, "TOO_SHORT", format!("has less than {} characters", definition.minimum));
    }
    if definition.maximum.parse().is_ok_and(|maximum: usize| length > maximum) {
        check.refuse(place, "TOO_LONG", format!("has more than {} characters", definition.maximum));
    }
    text
}

fn read_number(definition: &Definition, text: &str, place: &str, check: &mut Checker<'_>) -> Option<Stored> {
    let exact =
        Decimal::from_str_exact(text).ok().filter(|number| number.scale() <= DECIMALS && is_plain(text));
    let Some((number, stored)) = exact.and_then(|number| Some((number, stored_number(number)?))) else {
        let message = "is not a decimal number of at most 18 digits before and 10 after the point";
        return refuse(check, place, "NUMBER_INVALID", message);
    };
    if limit(&definition.minimum).is_some_and(|minimum| number < minimum) {
        return refuse(check, place, "TOO_SMALL", &format!("is less than {}", definition.minimum));
    }
    if limit(&definition.maximum).is_some_and(|maximum| number > maximum) {
        return refuse(check, place, "TOO_LARGE", &format!("is more than {}", definition.maximum));
    }
    Some(stored)
}

/// Whether a number is written with digits, a point and a leading minus only.
fn is_plain(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let sound = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    match digits.split_once('.') {
        Some((whole, fraction)) => sound(whole) && sound(fraction),
        None => sound(digits),
    }
}

/// A limit of a definition, which is empty or decimal text.
pub fn limit(text: &str) -> Option<Decimal> {
    Decimal::from_str_exact(text).ok()
}

fn read_options(
    definition: &Definition,
    keys: Vec<String>,
    held: &[String],
    check: &mut Checker<'_>,
) -> Option<Stored> {
    let place = definition.path();
    let mut kept: Vec<String> = Vec::with_capacity(keys.len());
    for (index, key) in keys.into_iter().enumerate() {
        let fault =
            refused_option(definition, &key).filter(|(code, _)| *code != RETIRED || !held.contains(&key));
        if let Some((code, message)) = fault {
            check.refuse(&format!("{place}[{index}]"), code, message);
        } else if !kept.contains(&key) {
            kept.push(key);
        }
    }
    (!kept.is_empty()).then(|| Stored::from(kept))
}

fn refused_option(definition: &Definition, key: &str) -> Option<(&'static str, &'static str)> {
    match definition.option(key) {
        None => Some(("OPTION_UNKNOWN", "is not an option of the field")),
        Some(option) if option.retired => Some((RETIRED, "is an option that was retired")),
        Some(_) => None,
    }
}

fn refuse<T>(check: &mut Checker<'_>, place: &str, code: &'static str, message: &str) -> Option<T> {
    check.refuse(place, code, message);
    None
}

#[cfg(test)]
mod tests {
    use crm_proto::google::r#type::{Date, Money as WireMoney};
    use proptest::prelude::*;
    use prost_types::Timestamp;
    use sqlx::types::Json;

    use super::*;
    use crate::{Choice, custom_field::model::Opt};

    fn definition(kind: Type) -> Definition {
        let option = |key: &str, retired| Opt { key: key.to_owned(), retired, ..Opt::default() };
        Definition {
            key: "k".to_owned(),
            value_type: Choice(kind),
            options: Json(vec![option("a", false), option("b", false), option("old", true)]),
            ..Definition::default()
        }
    }

    fn read_one(definition: &Definition, wire: Wire) -> Result<Option<Stored>, String> {
        let mut check = Checker::new("account", "CN");
        let stored = read(definition, wire, None, &mut check);
        let refused = check.into_violations().into_result(()).err();
        refused.map_or(Ok(stored), |error| {
            let violation = &error.violations()[0];
            Err(format!("{} {}", violation.field, violation.code))
        })
    }

    fn text(text: &str) -> Wire {
        Wire::Text(text.to_owned())
    }

    fn list(items: &[&str]) -> Wire {
        Wire::Options(TextList { items: items.iter().map(|item| (*item).to_owned()).collect() })
    }

    #[test]
    fn sound_values_of_every_type_are_stored_in_their_one_form() {
        let id = "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b";
        let instant = Timestamp { seconds: 1_735_689_600, nanos: 123_456_789 };
        let amount = WireMoney { currency_code: "CNY".into(), units: 12, nanos: 500_000_000 };
        for (kind, wire, stored) in [
            (Type::Text, text("华为"), json!("华为")),
            (Type::Text, text(""), Stored::Null),
            (Type::LongText, text("a\nb"), json!("a\nb")),
            (Type::Number, Wire::Number("0012.500".into()), json!("12.5")),
            (Type::Number, Wire::Number("-0.0".into()), json!("0")),
            (
                Type::Number,
                Wire::Number("999999999999999999.9999999999".into()),
                json!("999999999999999999.9999999999"),
            ),
            (Type::Boolean, Wire::Boolean(false), json!(false)),
            (Type::Date, Wire::Date(Date { year: 2024, month: 2, day: 29 }), json!("2024-02-29")),
            (Type::DateTime, Wire::DateTime(instant), json!("2025-01-01T00:00:00.123456Z")),
            (Type::Money, Wire::Money(amount), json!({"ten_thousandths": 125_000, "currency": "CNY"})),
            (Type::Select, text("a"), json!("a")),
            (Type::MultiSelect, list(&["b", "a", "b"]), json!(["b", "a"])),
            (Type::MultiSelect, list(&[]), Stored::Null),
            (Type::Reference, Wire::ReferenceId(id.to_uppercase()), json!(id)),
            (Type::Email, text("Jo@Example.COM"), json!("Jo@example.com")),
            (Type::Phone, text("138 1234 1234"), json!("+8613812341234")),
            (Type::Url, text("example.com"), json!("https://example.com/")),
        ] {
            let expected = Some(stored).filter(|stored| !stored.is_null());
            assert_eq!(read_one(&definition(kind), wire.clone()), Ok(expected), "{kind:?} {wire:?}");
        }
    }

    #[test]
    fn unsound_values_are_refused_by_name() {
        for (kind, wire, code) in [
            (Type::Text, text("a\nb"), "TEXT_LINE_BREAK"),
            (Type::Text, Wire::Number("1".into()), "TYPE_MISMATCH"),
            (Type::Number, text("1"), "TYPE_MISMATCH"),
            (Type::Number, Wire::Number("1e3".into()), "NUMBER_INVALID"),
            (Type::Number, Wire::Number("1.00000000001".into()), "NUMBER_INVALID"),
            (Type::Number, Wire::Number("1000000000000000000".into()), "NUMBER_INVALID"),
            (Type::Number, Wire::Number(String::new()), "NUMBER_INVALID"),
            (Type::Boolean, text("true"), "TYPE_MISMATCH"),
            (Type::Date, Wire::Date(Date { year: 2025, month: 2, day: 29 }), "DATE_INVALID"),
            (Type::Date, Wire::Date(Date { year: 0, month: 2, day: 1 }), "DATE_INVALID"),
            (Type::DateTime, Wire::DateTime(Timestamp { seconds: i64::MAX, nanos: 0 }), "TIME_INVALID"),
            (Type::Select, text("c"), "OPTION_UNKNOWN"),
            (Type::Select, text("old"), RETIRED),
            (Type::Reference, Wire::ReferenceId("x".into()), "ID_INVALID"),
            (Type::Url, text("ftp://example.com"), "URL_SCHEME_UNSUPPORTED"),
        ] {
            let refused = read_one(&definition(kind), wire.clone()).unwrap_err();
            assert_eq!(refused, format!("account.custom.k {code}"), "{kind:?} {wire:?}");
        }
        for (kind, wire, field) in [
            (Type::Email, text("nobody"), "account.custom.k "),
            (Type::Phone, text("12"), "account.custom.k "),
            (Type::MultiSelect, list(&["a", "c"]), "account.custom.k[1] OPTION_UNKNOWN"),
            (Type::Money, Wire::Money(WireMoney::default()), "account.custom.k.currency_code "),
        ] {
            assert!(read_one(&definition(kind), wire).unwrap_err().starts_with(field), "{kind:?}");
        }
    }

    #[test]
    fn limits_of_a_definition_hold_for_numbers_and_lengths() {
        let bounded = |kind, minimum: &str, maximum: &str| Definition {
            minimum: minimum.to_owned(),
            maximum: maximum.to_owned(),
            ..definition(kind)
        };
        let number =
            |text: &str| read_one(&bounded(Type::Number, "-1.5", "10"), Wire::Number(text.to_owned()));
        assert!(number("-1.5").is_ok() && number("10.0").is_ok());
        assert_eq!(number("-1.51").unwrap_err(), "account.custom.k TOO_SMALL");
        assert_eq!(number("10.01").unwrap_err(), "account.custom.k TOO_LARGE");
        let length = |value: &str| read_one(&bounded(Type::Text, "2", "3"), text(value));
        assert!(length("客户").is_ok());
        assert_eq!(length("客").unwrap_err(), "account.custom.k TOO_SHORT");
        assert_eq!(length("客户编号").unwrap_err(), "account.custom.k TOO_LONG");
    }

    #[test]
    fn a_retired_option_may_stay_among_several() {
        let mut check = Checker::new("account", "");
        let before = json!(["old"]);
        let stored = read(&definition(Type::MultiSelect), list(&["old", "a"]), Some(&before), &mut check);
        assert_eq!(stored, Some(json!(["old", "a"])));
        assert!(check.into_violations().is_empty());
    }

    #[test]
    fn a_value_of_another_type_reads_as_unset() {
        for stored in [json!("abc"), json!(12), json!({}), json!([1]), Stored::Null] {
            for kind in
                [Type::Number, Type::Date, Type::DateTime, Type::Money, Type::MultiSelect, Type::Boolean]
            {
                assert_eq!(to_wire(&definition(kind), &stored), None, "{kind:?} {stored}");
                assert_eq!(to_filter(kind, &stored), filter::Value::Null, "{kind:?} {stored}");
            }
        }
    }

    fn any_value() -> impl Strategy<Value = (Type, Wire)> {
        let number = (-999_999_999_999_999_999_i64..=999_999_999_999_999_999, 0_u32..=10)
            .prop_map(|(mantissa, scale)| Decimal::new(mantissa, scale).normalize().to_string());
        let amount = (any::<i32>(), "[A-Z]{3}").prop_map(|(units, currency)| {
            Wire::Money(WireMoney {
                currency_code: currency,
                units: units.into(),
                nanos: units.signum() * 100_000,
            })
        });
        prop_oneof![
            "[\\p{Han}a-z]{1,20}".prop_map(|value| (Type::Text, Wire::Text(value))),
            number.prop_map(|value| (Type::Number, Wire::Number(value))),
            any::<bool>().prop_map(|value| (Type::Boolean, Wire::Boolean(value))),
            (1..=9999_i32, 1..=12_i32, 1..=28_i32)
                .prop_map(|(year, month, day)| (Type::Date, Wire::Date(Date { year, month, day }))),
            (-62_135_596_800_i64..=253_402_300_799, 0..1_000_000_i32).prop_map(|(seconds, micros)| {
                (Type::DateTime, Wire::DateTime(Timestamp { seconds, nanos: micros * 1000 }))
            }),
            amount.prop_map(|value| (Type::Money, value)),
            Just((Type::MultiSelect, list(&["b", "a"]))),
            any::<u128>()
                .prop_map(|id| { (Type::Reference, Wire::ReferenceId(Uuid::from_u128(id).to_string())) }),
        ]
    }

    proptest! {
        #[test]
        fn a_value_comes_back_from_the_document_as_it_was_sent((kind, wire) in any_value()) {
            let definition = definition(kind);
            let stored = read_one(&definition, wire.clone()).unwrap().unwrap();
            let text = serde_json::to_string(&stored).unwrap();
            let again: Stored = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(to_wire(&definition, &again), Some(wire));
        }

        #[test]
        fn numbers_are_stored_exactly(mantissa in -999_999_999_999_999_999_i64..=999_999_999_999_999_999, scale in 0_u32..=10) {
            let exact = Decimal::new(mantissa, scale);
            let stored = stored_number(exact).unwrap();
            prop_assert_eq!(number(&stored), Some(exact));
        }
    }
}
