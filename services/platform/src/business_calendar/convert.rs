//! Business calendars on the wire, and as the arithmetic takes them.

use std::collections::BTreeMap;

use chrono::{NaiveDate, Weekday};
use chrono_tz::Tz;
use crm_kit_api::{
    Error, Result,
    error::Violations,
    etag,
    time::{naive_date, timestamp},
};
use crm_kit_value::working_time::{Calendar, Day, Fault, Span, Week, Weeks, ordered};
use crm_proto::crm::platform::v1::{
    self as wire, DayOfWeek, SpecialDay, TimeSpan, WeeklyHours, special_day::Kind,
};
use prost::Message as _;

use super::model::BusinessCalendar;
use crate::text;

/// Most special days of a calendar, as the contract says.
const SPECIAL_DAYS: usize = 2000;

impl BusinessCalendar {
    /// The calendar on the wire.
    pub fn to_wire(&self) -> Result<wire::BusinessCalendar> {
        let hours = wire::BusinessCalendar::decode(self.hours.as_slice()).map_err(Error::internal)?;
        Ok(wire::BusinessCalendar {
            id: self.id.to_string(),
            create_time: Some(timestamp(self.create_time)),
            update_time: Some(timestamp(self.update_time)),
            etag: etag::of(self.revision),
            display_name: self.display_name.clone(),
            time_zone: self.time_zone.clone(),
            version: self.version,
            ..hours
        })
    }

    /// The calendar as the arithmetic takes it.
    pub fn calendar(&self) -> Result<Calendar> {
        let mut violations = Violations::default();
        let calendar = read(&self.to_wire()?, &mut violations);
        violations.into_result(())?;
        calendar.ok_or_else(|| Error::bug("a stored calendar is not one"))
    }

    /// The same calendar with the values of `wire` that callers set; every violation is collected. Other hours are another version.
    pub fn with_wire(&self, wire: &wire::BusinessCalendar) -> Result<Self> {
        let mut violations = Violations::default();
        let display_name =
            text::required_line("business_calendar.display_name", &wire.display_name, 100, &mut violations);
        let time_zone = if wire.time_zone.is_empty() { &self.time_zone } else { &wire.time_zone };
        let mut hours = wire::BusinessCalendar {
            time_zone: time_zone.clone(),
            weekly_hours: wire.weekly_hours.clone(),
            special_days: wire.special_days.clone(),
            ..wire::BusinessCalendar::default()
        };
        // Before the days are put in order, so that violations name them by the place they were sent at.
        read(&hours, &mut violations);
        normalise(&mut hours, &mut violations);
        hours.time_zone.clear();
        let hours = hours.encode_to_vec();
        let version = self.version + i32::from(!self.hours.is_empty() && self.hours != hours);
        violations.into_result(Self {
            display_name,
            time_zone: time_zone.clone(),
            version,
            hours,
            ..self.clone()
        })
    }
}

/// Cleans names, fills what is unset, and orders special days by date. Years that were set one by one are counted together.
fn normalise(calendar: &mut wire::BusinessCalendar, violations: &mut Violations) {
    if calendar.special_days.len() > SPECIAL_DAYS {
        let message = format!("a calendar has at most {SPECIAL_DAYS} special days");
        violations.add("business_calendar.special_days", "TOO_MANY", message);
    }
    for (index, day) in calendar.special_days.iter_mut().enumerate() {
        let field = format!("business_calendar.special_days[{index}].display_name");
        day.display_name = text::line(&field, &day.display_name, 100, violations);
        if day.kind() == Kind::MakeUpWorkday && day.like() == DayOfWeek::Unspecified {
            day.set_like(DayOfWeek::Monday);
        }
    }
    calendar.special_days.sort_by_key(|day| day.date.map(|date| (date.year, date.month, date.day)));
}

/// The calendar that a message means, unless there are violations.
fn read(wire: &wire::BusinessCalendar, violations: &mut Violations) -> Option<Calendar> {
    let zone = wire.time_zone.parse::<Tz>().ok();
    if zone.is_none() {
        violations.add("business_calendar.time_zone", "TIME_ZONE_UNKNOWN", "is not an IANA time zone");
    }
    let weeks = read_weeks(&wire.weekly_hours, violations);
    let days = read_days("business_calendar.special_days", &wire.special_days, violations);
    match Calendar::new(zone.unwrap_or_default(), weeks, days) {
        Ok(calendar) => Some(calendar),
        Err(fault) => {
            violations.add("business_calendar.weekly_hours", fault.reason(), fault.to_string());
            None
        }
    }
}

fn read_weeks(wire: &[WeeklyHours], violations: &mut Violations) -> Weeks {
    let mut weeks = Weeks::new();
    for (index, hours) in wire.iter().enumerate() {
        let field = format!("business_calendar.weekly_hours[{index}]");
        let start = week_start(&field, index, hours, weeks.keys().next_back(), violations);
        let mut week = Week::default();
        for (place, weekly) in hours.spans.iter().enumerate() {
            let span = weekly.span.as_ref();
            let span =
                span.and_then(|span| read_span(&format!("{field}.spans[{place}].span"), span, violations));
            if let (Some(span), Some(day)) = (span, weekday(weekly.day_of_week())) {
                week[day.num_days_from_monday() as usize].push(span);
            }
        }
        for spans in &mut week {
            *spans = in_order(&format!("{field}.spans"), std::mem::take(spans), violations);
        }
        weeks.insert(start, week);
    }
    weeks
}

fn week_start(
    field: &str,
    index: usize,
    hours: &WeeklyHours,
    previous: Option<&NaiveDate>,
    violations: &mut Violations,
) -> NaiveDate {
    let field = format!("{field}.start_date");
    let start = hours.start_date.as_ref().and_then(|date| naive_date(&field, date, violations));
    match (index, hours.start_date.is_some()) {
        (0, true) => {
            violations.add(field, "NOT_ALLOWED", "the first hours hold for all time before the next");
        }
        (1.., false) => violations.add(field, "REQUIRED", "must say from when these hours hold"),
        (1.., true) if start.is_some() && start.as_ref() <= previous => {
            violations.add(field, "OUT_OF_ORDER", "must be later than the one before");
        }
        _ => {}
    }
    start.unwrap_or(NaiveDate::MIN)
}

/// The days of a list, which is the field `list` of the request.
pub fn read_days(list: &str, wire: &[SpecialDay], violations: &mut Violations) -> BTreeMap<NaiveDate, Day> {
    let mut days = BTreeMap::new();
    for (index, special) in wire.iter().enumerate() {
        let field = format!("{list}[{index}]");
        let date = special.date.unwrap_or_default();
        let day = read_day(&field, special, violations);
        if let Some(date) = naive_date(&format!("{field}.date"), &date, violations)
            && days.insert(date, day).is_some()
        {
            violations.add(format!("{field}.date"), "DUPLICATE", format!("{date} stands in the list twice"));
        }
    }
    days
}

fn read_day(field: &str, special: &SpecialDay, violations: &mut Violations) -> Day {
    if special.kind() != Kind::SpecialHours && !special.spans.is_empty() {
        violations.add(format!("{field}.spans"), "NOT_ALLOWED", "are only for KIND_SPECIAL_HOURS");
    }
    match (special.kind(), weekday(special.like())) {
        (Kind::MakeUpWorkday, day) => return Day::Like(day.unwrap_or(Weekday::Mon)),
        (_, Some(_)) => {
            violations.add(format!("{field}.like"), "NOT_ALLOWED", "is only for KIND_MAKE_UP_WORKDAY");
        }
        _ => {}
    }
    if special.kind() != Kind::SpecialHours {
        return Day::Holiday;
    }
    if special.spans.is_empty() {
        violations.add(
            format!("{field}.spans"),
            "REQUIRED",
            "must not be empty: a free day is a KIND_HOLIDAY",
        );
    }
    let spans = special.spans.iter().enumerate();
    let spans =
        spans.filter_map(|(place, span)| read_span(&format!("{field}.spans[{place}]"), span, violations));
    let spans = spans.collect();
    Day::Spans(in_order(&format!("{field}.spans"), spans, violations))
}

fn read_span(field: &str, span: &TimeSpan, violations: &mut Violations) -> Option<Span> {
    Span::parse(&span.start, &span.end).map_err(|fault| add(field, fault, violations)).ok()
}

fn in_order(field: &str, spans: Vec<Span>, violations: &mut Violations) -> Vec<Span> {
    ordered(spans).map_err(|fault| add(field, fault, violations)).unwrap_or_default()
}

fn add(field: &str, fault: Fault, violations: &mut Violations) {
    violations.add(field, fault.reason(), fault.to_string());
}

fn weekday(wire: DayOfWeek) -> Option<Weekday> {
    u8::try_from(i32::from(wire) - 1).ok().and_then(|day| Weekday::try_from(day).ok())
}
