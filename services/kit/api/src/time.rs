//! Instants and dates on the wire.
//!
//! Not here: time zones and calendars.

use chrono::{DateTime, Datelike as _, NaiveDate, Utc};
use crm_proto::google::r#type::Date;
use prost_types::Timestamp;

use crate::error::Violations;

/// An instant on the wire.
pub fn timestamp(instant: DateTime<Utc>) -> Timestamp {
    Timestamp {
        seconds: instant.timestamp(),
        nanos: i32::try_from(instant.timestamp_subsec_nanos()).unwrap_or(0),
    }
}

/// An instant from the wire, cut to microseconds; `None` and a violation when it lies outside the years 1 to 9999.
pub fn instant(field: &str, wire: &Timestamp, violations: &mut Violations) -> Option<DateTime<Utc>> {
    let instant = u32::try_from(wire.nanos)
        .ok()
        .and_then(|nanos| DateTime::from_timestamp(wire.seconds, nanos / 1000 * 1000))
        .filter(|instant| (1..=9999).contains(&instant.year()));
    if instant.is_none() {
        violations.add(field, "TIME_INVALID", "is not an instant between the years 1 and 9999");
    }
    instant
}

/// A date on the wire.
pub fn date(date: NaiveDate) -> Date {
    Date { year: date.year(), month: date.month().cast_signed(), day: date.day().cast_signed() }
}

/// A full date from the wire; `None` and a violation when there is no such day.
pub fn naive_date(field: &str, wire: &Date, violations: &mut Violations) -> Option<NaiveDate> {
    let day = (1..=9999)
        .contains(&wire.year)
        .then(|| NaiveDate::from_ymd_opt(wire.year, wire.month.cast_unsigned(), wire.day.cast_unsigned()));
    let day = day.flatten();
    if day.is_none() {
        violations.add(field, "DATE_INVALID", "is not a calendar date between the years 1 and 9999");
    }
    day
}
