//! A calendar as instants, with running sums.

use std::ops::Range;

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, Offset as _, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;

use super::Calendar;

/// How far apart the offset of a zone is looked at. No zone changes its offset and back within this time.
const STEP: TimeDelta = TimeDelta::hours(6);

/// First window in which [`Calendar::add`] looks for the end, in days; each further one is four times as long.
const WINDOW: u64 = 14;

/// Longest window of [`Calendar::add`], in days.
const FAR: u64 = 366 * 40;

/// A calendar as instants for a window: what is open when, and how much working time lies before.
#[derive(Clone, Debug)]
pub struct Timetable {
    open: Vec<Open>,
    until: i64,
}

/// Working time without a break. Microseconds: of the epoch, and of working time since the window began.
#[derive(Clone, Copy, Debug)]
struct Open {
    start: i64,
    end: i64,
    before: i64,
}

/// The calendar has not that much working time within forty years.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is not that much working time within forty years")]
pub struct NoWorkingTime;

impl Calendar {
    /// The timetable of a window.
    pub fn timetable(&self, window: Range<DateTime<Utc>>) -> Timetable {
        let zone = self.zone();
        let local = |at: DateTime<Utc>| at.with_timezone(&zone).date_naive();
        Timetable::new(zone, &self.walls(local(window.start), local(window.end)), window)
    }

    /// Working time between two instants; none when the second is not later.
    pub fn between(&self, start: DateTime<Utc>, end: DateTime<Utc>) -> TimeDelta {
        if start < end { self.timetable(start..end).between(start, end) } else { TimeDelta::zero() }
    }

    /// The earliest instant with this much working time since `start`. With none, that is `start` itself.
    pub fn add(&self, start: DateTime<Utc>, time: TimeDelta) -> Result<DateTime<Utc>, NoWorkingTime> {
        let mut days = WINDOW;
        while days <= FAR {
            let end = start.checked_add_days(Days::new(days)).ok_or(NoWorkingTime)?;
            if let Some(found) = self.timetable(start..end).add(start, time) {
                return Ok(found);
            }
            days *= 4;
        }
        Err(NoWorkingTime)
    }

    /// When the `days`-th working day after the date of `start` closes.
    pub fn add_days(&self, start: DateTime<Utc>, days: usize) -> Result<DateTime<Utc>, NoWorkingTime> {
        let after = start.with_timezone(&self.zone()).date_naive().succ_opt().ok_or(NoWorkingTime)?;
        let last = after.checked_add_days(Days::new(FAR)).ok_or(NoWorkingTime)?;
        let dates = after.iter_days().take_while(|date| *date <= last);
        let mut closing = dates.filter_map(|date| self.closing(date)).skip(days.saturating_sub(1));
        closing.next().ok_or(NoWorkingTime)
    }

    /// When the working time that begins on a date is over.
    fn closing(&self, date: NaiveDate) -> Option<DateTime<Utc>> {
        let walls: Vec<_> = self.spans_on(date).iter().map(|span| span.on(date)).collect();
        // Zones lie within a day of UTC.
        let start = walls.first()?.0.and_utc() - TimeDelta::days(1);
        let end = walls.last()?.1.and_utc() + TimeDelta::days(1);
        let table = Timetable::new(self.zone(), &walls, start..end);
        table.open.last().and_then(|open| DateTime::from_timestamp_micros(open.end))
    }
}

impl Timetable {
    /// What spans of wall-clock time, in order and apart, are in a window.
    fn new(zone: Tz, walls: &[(NaiveDateTime, NaiveDateTime)], window: Range<DateTime<Utc>>) -> Self {
        let until = window.end.timestamp_micros();
        let mut table = Self { open: Vec::with_capacity(walls.len()), until };
        for (piece, offset) in pieces(zone, window) {
            let shown = piece.start.naive_utc() + offset..piece.end.naive_utc() + offset;
            let first = walls.partition_point(|wall| wall.1 <= shown.start);
            for wall in walls[first..].iter().take_while(|wall| wall.0 < shown.end) {
                let instant = |wall: NaiveDateTime| (wall - offset).and_utc().timestamp_micros();
                table.push(instant(wall.0.max(shown.start)), instant(wall.1.min(shown.end)));
            }
        }
        table
    }

    fn push(&mut self, start: i64, end: i64) {
        let before = self.open.last().map_or(0, |last| last.before + last.end - last.start);
        match self.open.last_mut() {
            Some(last) if last.end == start => last.end = end,
            _ => self.open.push(Open { start, end, before }),
        }
    }

    /// Working time from the start of the window to an instant.
    fn until(&self, at: i64) -> i64 {
        match self.open.partition_point(|open| open.start <= at) {
            0 => 0,
            past => {
                let open = self.open[past - 1];
                open.before + at.min(open.end) - open.start
            }
        }
    }

    /// Working time between two instants of the window; none when the second is not later.
    pub fn between(&self, start: DateTime<Utc>, end: DateTime<Utc>) -> TimeDelta {
        let time = self.until(end.timestamp_micros()) - self.until(start.timestamp_micros());
        TimeDelta::microseconds(time.max(0))
    }

    /// The earliest instant with this much working time since `start`, unless it lies behind the window.
    pub fn add(&self, start: DateTime<Utc>, time: TimeDelta) -> Option<DateTime<Utc>> {
        let time = time.num_microseconds()?;
        if time <= 0 {
            return Some(start);
        }
        let goal = self.until(start.timestamp_micros()) + time;
        let past = self.open.partition_point(|open| open.before < goal);
        let open = self.open.get(past.checked_sub(1)?)?;
        let at = open.start + goal - open.before;
        (at <= open.end && at <= self.until).then(|| DateTime::from_timestamp_micros(at)).flatten()
    }

    /// Whether an instant of the window is working time.
    pub fn is_open(&self, at: DateTime<Utc>) -> bool {
        let at = at.timestamp_micros();
        let past = self.open.partition_point(|open| open.start <= at);
        past > 0 && at < self.open[past - 1].end
    }
}

/// The window in pieces during which the zone has one offset.
fn pieces(zone: Tz, window: Range<DateTime<Utc>>) -> Vec<(Range<DateTime<Utc>>, TimeDelta)> {
    let mut pieces = Vec::new();
    let (mut start, mut at) = (window.start, window.start);
    let mut current = offset(zone, start);
    while at < window.end {
        let next = (at + STEP).min(window.end);
        let there = offset(zone, next);
        if there != current {
            let change = change(zone, at, next);
            pieces.push((start..change, current));
            (start, current) = (change, there);
        }
        at = next;
    }
    pieces.push((start..window.end, current));
    pieces
}

fn offset(zone: Tz, at: DateTime<Utc>) -> TimeDelta {
    let seconds = zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc();
    TimeDelta::seconds(i64::from(seconds))
}

/// The instant between two of different offset from which the second one's holds. Zones change at full seconds.
fn change(zone: Tz, before: DateTime<Utc>, after: DateTime<Utc>) -> DateTime<Utc> {
    let old = offset(zone, before);
    let (mut low, mut high) = (before.timestamp(), after.timestamp());
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        match DateTime::from_timestamp(middle, 0) {
            Some(at) if at > before && offset(zone, at) != old => high = middle,
            _ => low = middle,
        }
    }
    DateTime::from_timestamp(high, 0).unwrap_or(after)
}
