//! Reads the values that expressions write as text: instants, days, lengths of time, ids, enum names.

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Timelike, Utc};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use uuid::Uuid;

/// The last year an instant or day may fall in; the first is 1.
const MAX_YEAR: i32 = 9999;

/// The longest duration, about 10,000 years, as CEL has it.
const MAX_DURATION: TimeDelta = TimeDelta::seconds(315_576_000_000);

/// An RFC 3339 instant of at most microsecond precision: `2025-01-31T08:00:00Z`.
pub(super) fn timestamp(text: &str) -> Option<DateTime<Utc>> {
    let instant = DateTime::parse_from_rfc3339(text).ok()?.to_utc();
    let nanoseconds = instant.nanosecond();
    let storable = nanoseconds < 1_000_000_000 && nanoseconds.is_multiple_of(1_000);
    (storable && in_range(&instant)).then_some(instant)
}

/// A day in its full form: `2025-01-31`.
pub(super) fn date(text: &str) -> Option<NaiveDate> {
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    (text.len() == "2025-01-31".len() && in_range(&day)).then_some(day)
}

/// A length of time of at most microsecond precision: `72h`, `1h30m`, `-1.5s`, `250ms`.
pub(super) fn duration(text: &str) -> Option<TimeDelta> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let mut total = Decimal::ZERO;
    while total == Decimal::ZERO || !rest.is_empty() {
        let number = split_where(&mut rest, |c| !c.is_ascii_digit() && c != '.')?;
        let unit = split_where(&mut rest, |c| !c.is_ascii_alphabetic())?;
        let microseconds = Decimal::from_str_exact(number).ok()?.checked_mul(microseconds_in(unit)?)?;
        total = total.checked_add(microseconds)?;
        if rest.is_empty() {
            break;
        }
    }
    let whole = Some(total).filter(Decimal::is_integer)?.to_i64()?;
    let length = TimeDelta::microseconds(if negative { -whole } else { whole });
    bounded(length)
}

/// An id in any of the usual forms of a UUID.
pub(super) fn id(text: &str) -> Option<Uuid> {
    Uuid::try_parse(text).ok()
}

/// The length itself, unless it is past the longest.
pub(super) fn bounded(length: TimeDelta) -> Option<TimeDelta> {
    (length.abs() <= MAX_DURATION).then_some(length)
}

/// Whether an instant or day falls in the years Postgres, RFC 3339 and we all can write.
pub(super) fn in_range(day: &impl Datelike) -> bool {
    (1..=MAX_YEAR).contains(&day.year())
}

/// Takes the beginning of `rest` up to the first character that `ends` it; `None` when that is empty.
fn split_where<'t>(rest: &mut &'t str, ends: impl Fn(char) -> bool) -> Option<&'t str> {
    let (head, tail) = rest.split_at(rest.find(ends).unwrap_or(rest.len()));
    *rest = tail;
    (!head.is_empty()).then_some(head)
}

fn microseconds_in(unit: &str) -> Option<Decimal> {
    let microseconds: i64 = match unit {
        "h" => 3_600_000_000,
        "m" => 60_000_000,
        "s" => 1_000_000,
        "ms" => 1_000,
        "us" => 1,
        _ => return None,
    };
    Some(Decimal::from(microseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_to_the_microsecond() {
        for (text, microseconds) in [
            ("72h", Some(259_200_000_000)),
            ("1h30m", Some(5_400_000_000)),
            ("-1.5s", Some(-1_500_000)),
            ("250ms", Some(250_000)),
            ("0s", Some(0)),
            ("0h15m", Some(900_000_000)),
            ("0.0000001s", None),
            ("", None),
            ("h", None),
            ("5", None),
            ("5d", None),
            ("1.2.3s", None),
            ("99999999999h", None),
        ] {
            assert_eq!(duration(text).and_then(|length| length.num_microseconds()), microseconds, "{text}");
        }
    }

    #[test]
    fn instants_and_days_are_read_in_full() {
        for (text, valid) in [
            ("2025-01-31T08:00:00Z", true),
            ("2025-01-31T08:00:00.123456+08:00", true),
            ("2025-01-31T08:00:00.1234567Z", false),
            ("2016-12-31T23:59:60Z", false),
            ("0000-01-01T00:00:00Z", false),
            ("2025-01-31", false),
        ] {
            assert_eq!(timestamp(text).is_some(), valid, "{text}");
        }
        for (text, valid) in
            [("2025-01-31", true), ("2025-02-30", false), ("2025-1-31", false), ("0000-01-01", false)]
        {
            assert_eq!(date(text).is_some(), valid, "{text}");
        }
    }
}
