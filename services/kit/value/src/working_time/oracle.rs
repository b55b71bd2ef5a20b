//! The fast sums against a minute-by-minute walk of the wall clock, and against real calendars.

use std::collections::BTreeMap;

use chrono::{
    DateTime, Datelike as _, NaiveDate, NaiveDateTime, TimeDelta, TimeZone as _, Timelike as _, Utc, Weekday,
};
use chrono_tz::Tz;
use proptest::{
    collection::{btree_map, vec},
    prelude::*,
    sample::select,
};

use super::{Calendar, Day, Span, Week, Weeks, ordered};

/// Zones of every kind: none, whole and half hours, half an hour of summer time, midnight changes, a skipped day, both hemispheres.
const ZONES: [Tz; 12] = [
    Tz::UTC,
    Tz::Asia__Shanghai,
    Tz::America__New_York,
    Tz::Europe__Berlin,
    Tz::Australia__Lord_Howe,
    Tz::Asia__Kathmandu,
    Tz::America__St_Johns,
    Tz::America__Sao_Paulo,
    Tz::Pacific__Apia,
    Tz::Africa__Casablanca,
    Tz::Asia__Beirut,
    Tz::Pacific__Chatham,
];

/// Instants near which offsets change in some of them, and one where none does.
const NEAR: [&str; 9] = [
    "2024-03-10T07:00:00Z",
    "2024-11-03T06:00:00Z",
    "2024-03-31T01:00:00Z",
    "2024-10-27T01:00:00Z",
    "2024-04-06T15:00:00Z",
    "2018-11-04T03:00:00Z",
    "2011-12-30T10:00:00Z",
    "2024-03-10T02:00:00Z",
    "2024-06-12T09:00:00Z",
];

fn spans() -> impl Strategy<Value = Vec<Span>> {
    let span = (0..1440u16, 0..=1440u16);
    vec(span, 0..4).prop_map(|spans| {
        let spans: Vec<Span> =
            spans.into_iter().filter_map(|(start, end)| Span::new(start, end).ok()).collect();
        ordered(spans.clone()).unwrap_or_else(|_| spans[..1].to_vec())
    })
}

fn week() -> impl Strategy<Value = Week> {
    vec(spans(), 7).prop_map(|mut spans| {
        if spans.iter().all(Vec::is_empty) {
            spans[2] = vec![Span::new(540, 1020).unwrap()];
        }
        spans.try_into().unwrap()
    })
}

/// A calendar, and an instant near which days are special and the second week begins.
fn calendar() -> impl Strategy<Value = (Calendar, DateTime<Utc>)> {
    let weekday = (0..7u8).prop_map(|day| Weekday::try_from(day).unwrap());
    let day = prop_oneof![Just(Day::Holiday), weekday.prop_map(Day::Like), spans().prop_map(Day::Spans)];
    let days = btree_map(-3..4i64, day, 0..4);
    (select(ZONES.to_vec()), week(), week(), days, select(NEAR.to_vec())).prop_map(
        |(zone, early, late, days, near)| {
            let near: DateTime<Utc> = near.parse().unwrap();
            let date = near.date_naive();
            let weeks = Weeks::from([(NaiveDate::MIN, early), (date, late)]);
            let days = days.into_iter().map(|(offset, day)| (date + TimeDelta::days(offset), day)).collect();
            (Calendar::new(zone, weeks, days).unwrap(), near)
        },
    )
}

/// Whether the wall clock shows working time, told from the spans of the day and of the one before.
fn shows_working_time(calendar: &Calendar, wall: NaiveDateTime) -> bool {
    let inside = |date: NaiveDate| {
        calendar.spans_on(date).iter().any(|span| {
            let (start, end) = span.on(date);
            start <= wall && wall < end
        })
    };
    inside(wall.date()) || inside(wall.date().pred_opt().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, ..ProptestConfig::default() })]

    #[test]
    fn sums_are_those_of_a_walk_minute_by_minute((calendar, near) in calendar(), back in 0..1800i64, minutes in 0..3000i64, share in 0..=100i64) {
        let start = near - TimeDelta::minutes(back);
        let end = start + TimeDelta::minutes(minutes);
        let zone = calendar.zone();
        let table = calendar.timetable(near - TimeDelta::days(3)..near + TimeDelta::days(4));
        let (mut walked, mut reached) = (0, None);
        let goal = calendar.between(start, end).num_minutes() * share / 100;
        for minute in 0..minutes {
            let at = start + TimeDelta::minutes(minute);
            if walked == goal && reached.is_none() {
                reached = Some(at);
            }
            let open = shows_working_time(&calendar, at.with_timezone(&zone).naive_local());
            prop_assert_eq!(table.is_open(at), open, "{}", at);
            walked += i64::from(open);
        }
        let reached = reached.unwrap_or(end);
        prop_assert_eq!(calendar.between(start, end), TimeDelta::minutes(walked));
        prop_assert_eq!(table.between(start, end), TimeDelta::minutes(walked));
        prop_assert_eq!(calendar.add(start, TimeDelta::minutes(goal)), Ok(reached));
        prop_assert_eq!(table.add(start, TimeDelta::minutes(goal)), Some(reached));
    }
}

fn offices(zone: Tz, days: BTreeMap<NaiveDate, Day>) -> Calendar {
    let span = |start, end| Span::parse(start, end).unwrap();
    let mut week = Week::default();
    week[..5].fill(vec![span("09:00", "12:00"), span("13:00", "18:00")]);
    Calendar::new(zone, Weeks::from([(NaiveDate::MIN, week)]), days).unwrap()
}

fn at(zone: Tz, text: &str) -> DateTime<Utc> {
    let wall = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap();
    zone.from_local_datetime(&wall).unwrap().to_utc()
}

#[test]
fn an_end_is_the_earliest_and_days_end_when_they_close() {
    let zone = Tz::Asia__Shanghai;
    let calendar = offices(zone, BTreeMap::new());
    let friday = at(zone, "2026-03-06 10:00");
    let hours = |hours| calendar.add(friday, TimeDelta::hours(hours)).unwrap();
    assert_eq!(hours(0), friday);
    assert_eq!(hours(2), at(zone, "2026-03-06 12:00"));
    assert_eq!(hours(7), at(zone, "2026-03-06 18:00"), "not Monday morning");
    assert_eq!(hours(8), at(zone, "2026-03-09 10:00"));
    assert_eq!(calendar.add_days(friday, 2).unwrap(), at(zone, "2026-03-10 18:00"));
    assert_eq!(calendar.between(friday, at(zone, "2026-03-09 10:00")), TimeDelta::hours(8));
    assert_eq!(calendar.between(at(zone, "2026-03-09 10:00"), friday), TimeDelta::zero());
}

#[test]
fn work_that_never_comes_is_an_error() {
    let zone = Tz::UTC;
    let mut week = Week::default();
    week[0] = vec![Span::new(0, 1).unwrap()];
    let calendar = Calendar::new(zone, Weeks::from([(NaiveDate::MIN, week)]), BTreeMap::new()).unwrap();
    let start = at(zone, "2026-03-06 10:00");
    assert_eq!(calendar.add(start, TimeDelta::hours(2)).unwrap(), at(zone, "2028-06-19 00:01"));
    assert!(calendar.add(start, TimeDelta::days(365)).is_err());
}

/// The Chinese calendar of some years, from the folder of real data; `None` where that is not.
fn chinese(years: std::ops::RangeInclusive<i32>) -> Option<Calendar> {
    let mut days = BTreeMap::new();
    for year in years {
        let file: serde_json::Value = crate::shared_data::json(&format!("holidays-cn/{year}.json"))?;
        for day in file["days"].as_array().unwrap() {
            let date: NaiveDate = day["date"].as_str().unwrap().parse().unwrap();
            let kind =
                if day["isOffDay"].as_bool().unwrap() { Day::Holiday } else { Day::Like(Weekday::Mon) };
            days.insert(date, kind);
        }
    }
    Some(offices(Tz::Asia__Shanghai, days))
}

#[test]
fn chinese_years_have_their_working_days() {
    let (Some(calendar), Some(expected)) =
        (chinese(2007..=2026), crate::shared_data::json("holidays-cn/expected.json"))
    else {
        return;
    };
    let expected = expected["working_days_in_year"].as_object().unwrap();
    for (year, days) in expected {
        let first = |year| NaiveDate::from_ymd_opt(year, 1, 1).unwrap();
        let year: i32 = year.parse().unwrap();
        assert_eq!(
            calendar.working_days(first(year), first(year + 1)) as u64,
            days.as_u64().unwrap(),
            "{year}"
        );
    }
    assert!(expected.len() >= 7);
}

#[test]
fn a_target_of_two_days_goes_round_the_national_day() {
    let Some(calendar) = chinese(2023..=2025) else { return };
    let zone = calendar.zone();
    // 2024: free from Tuesday, 1 October, to Monday, 7 October; 29 September and 12 October are worked, both weekend days.
    let asked = at(zone, "2024-09-30 15:00");
    let due = calendar.add(asked, TimeDelta::hours(16)).unwrap();
    assert_eq!(due, at(zone, "2024-10-09 15:00"));
    assert_eq!(calendar.add_days(asked, 2).unwrap(), at(zone, "2024-10-09 18:00"));
    let saturday = at(zone, "2024-10-11 15:00");
    assert_eq!(
        calendar.add(saturday, TimeDelta::hours(8)).unwrap(),
        at(zone, "2024-10-12 15:00"),
        "a make-up day"
    );
    assert_eq!(saturday.with_timezone(&zone).weekday(), Weekday::Fri);
    assert_eq!(due.with_timezone(&zone).hour(), 15);
}
