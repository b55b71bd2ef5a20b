//! A calendar on the wall clock.

use std::collections::BTreeMap;

use chrono::{Datelike as _, Days, NaiveDate, NaiveDateTime, TimeDelta, Weekday};
use chrono_tz::Tz;

/// Minutes of a day.
const DAY: u16 = 24 * 60;

/// A span of working time on the wall clock. It belongs to the day on which it begins, also when it ends on the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    start: u16,
    end: u16,
}

/// The spans of the days of a week, Monday first; a day without any is free.
pub type Week = [Vec<Span>; 7];

/// Weeks, each from its first day until that of the next. The first of all holds for the time before it too.
pub type Weeks = BTreeMap<NaiveDate, Week>;

/// What a date is, whatever the week says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Day {
    /// Nobody works. A span that began on the day before still runs to its end.
    Holiday,
    /// Worked like that day of the week (调休).
    Like(Weekday),
    /// These spans.
    Spans(Vec<Span>),
}

/// When people work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    zone: Tz,
    weeks: Weeks,
    days: BTreeMap<NaiveDate, Day>,
}

/// What is wrong with a calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("spans of a day overlap")]
    Overlap,
    #[error("is no time from 00:00 to 24:00")]
    Time,
    #[error("a span lasts a minute to 24 hours")]
    Length,
    #[error("the last week has no working time")]
    Empty,
}

impl Fault {
    /// Reason for machines.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Overlap => "SPANS_OVERLAP",
            Self::Time => "TIME_INVALID",
            Self::Length => "SPAN_INVALID",
            Self::Empty => "NO_WORKING_TIME",
        }
    }
}

impl Span {
    /// A span of minutes after midnight. One that does not end after it starts ends on the next day.
    pub fn new(start: u16, end: u16) -> Result<Self, Fault> {
        if start >= DAY || end > DAY {
            return Err(Fault::Time);
        }
        match if end > start { end } else { end + DAY } {
            end if end - start <= DAY => Ok(Self { start, end }),
            _ => Err(Fault::Length),
        }
    }

    /// Reads `09:00` and `17:30`; `24:00` is the end of the day.
    pub fn parse(start: &str, end: &str) -> Result<Self, Fault> {
        Self::new(minutes(start)?, minutes(end)?)
    }

    /// Its start and end on a date.
    pub(super) fn on(self, date: NaiveDate) -> (NaiveDateTime, NaiveDateTime) {
        let midnight = NaiveDateTime::from(date);
        let at = |minutes: u16| midnight + TimeDelta::minutes(i64::from(minutes));
        (at(self.start), at(self.end))
    }
}

fn minutes(text: &str) -> Result<u16, Fault> {
    let (hours, minutes) = text.split_once(':').ok_or(Fault::Time)?;
    let number = |digits: &str| match digits.len() {
        2 => digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<u16>().ok()).flatten(),
        _ => None,
    };
    match (number(hours), number(minutes)) {
        (Some(hours), Some(minutes)) if minutes < 60 && hours * 60 + minutes <= DAY => {
            Ok(hours * 60 + minutes)
        }
        _ => Err(Fault::Time),
    }
}

/// The spans in order, unless two of them overlap. A span past midnight may run into one of the next day: such time counts once.
pub fn ordered(mut spans: Vec<Span>) -> Result<Vec<Span>, Fault> {
    spans.sort_unstable();
    let overlap = spans.windows(2).any(|pair| pair[1].start < pair[0].end);
    if overlap { Err(Fault::Overlap) } else { Ok(spans) }
}

impl Calendar {
    /// A calendar whose last week has working time.
    pub fn new(zone: Tz, weeks: Weeks, days: BTreeMap<NaiveDate, Day>) -> Result<Self, Fault> {
        match weeks.values().next_back() {
            Some(week) if week.iter().any(|spans| !spans.is_empty()) => Ok(Self { zone, weeks, days }),
            _ => Err(Fault::Empty),
        }
    }

    /// The zone of its wall clock.
    pub fn zone(&self) -> Tz {
        self.zone
    }

    /// The spans that begin on a date.
    pub fn spans_on(&self, date: NaiveDate) -> &[Span] {
        match self.days.get(&date) {
            Some(Day::Holiday) => &[],
            Some(Day::Like(weekday)) => self.usual(date, *weekday),
            Some(Day::Spans(spans)) => spans,
            None => self.usual(date, date.weekday()),
        }
    }

    fn usual(&self, date: NaiveDate, weekday: Weekday) -> &[Span] {
        let week = self.weeks.range(..=date).next_back().or_else(|| self.weeks.iter().next());
        week.map_or(&[], |(_, week)| &week[weekday.num_days_from_monday() as usize])
    }

    /// Working days from `start` to the day before `end`: dates on which working time begins.
    pub fn working_days(&self, start: NaiveDate, end: NaiveDate) -> usize {
        start
            .iter_days()
            .take_while(|date| *date < end)
            .filter(|date| !self.spans_on(*date).is_empty())
            .count()
    }

    /// The working time of these dates on the wall clock, in order, each time once.
    pub(super) fn walls(&self, first: NaiveDate, last: NaiveDate) -> Vec<(NaiveDateTime, NaiveDateTime)> {
        let mut walls: Vec<(NaiveDateTime, NaiveDateTime)> = Vec::new();
        // A span of the day before may reach into the first date.
        let first = first.checked_sub_days(Days::new(1)).unwrap_or(first);
        for date in first.iter_days().take_while(|date| *date <= last) {
            for (start, end) in self.spans_on(date).iter().map(|span| span.on(date)) {
                match walls.last_mut() {
                    Some(open) if start <= open.1 => open.1 = open.1.max(end),
                    _ => walls.push((start, end)),
                }
            }
        }
        walls
    }

    /// The first date from `first` to `last` on which two calendars differ.
    pub fn first_difference(&self, other: &Self, first: NaiveDate, last: NaiveDate) -> Option<NaiveDate> {
        let mut dates = first.iter_days().take_while(|date| *date <= last);
        dates.find(|date| self.zone != other.zone || self.spans_on(*date) != other.spans_on(*date))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_read_from_times_of_day() {
        let span = |start, end| Span::parse(start, end).map(|span| (span.start, span.end));
        assert_eq!(span("09:00", "17:30"), Ok((540, 1050)));
        assert_eq!(span("00:00", "24:00"), Ok((0, 1440)));
        assert_eq!(span("22:00", "06:00"), Ok((1320, 1800)), "past midnight");
        assert_eq!(span("08:00", "08:00"), Ok((480, 1920)), "round the clock");
        for (start, end) in [
            ("24:00", "25:00"),
            ("9:00", "17:00"),
            ("09:60", "10:00"),
            ("09", "10:00"),
            ("+9:00", "10:00"),
            ("٠٩:00", "10:00"),
        ] {
            assert_eq!(span(start, end), Err(Fault::Time), "{start} to {end}");
        }
    }

    #[test]
    fn spans_of_a_day_do_not_overlap() {
        let span = |start, end| Span::parse(start, end).unwrap();
        let morning = span("09:00", "12:00");
        assert_eq!(ordered(vec![span("12:00", "17:00"), morning]).map(|spans| spans[0]), Ok(morning));
        assert_eq!(ordered(vec![span("11:59", "17:00"), morning]), Err(Fault::Overlap));
    }

    #[test]
    fn a_calendar_needs_working_time() {
        let weeks = Weeks::from([(NaiveDate::MIN, Week::default())]);
        assert_eq!(Calendar::new(Tz::UTC, weeks, BTreeMap::new()), Err(Fault::Empty));
        assert_eq!(Calendar::new(Tz::UTC, Weeks::new(), BTreeMap::new()), Err(Fault::Empty));
    }
}
