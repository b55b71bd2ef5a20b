//! When a task that repeats is due next.

use chrono::{DateTime, Days, LocalResult, Months, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;
use crm_kit_api::time;
use crm_kit_record::{Choice, field::Checker};
use crm_proto::crm::customer::v1::{Recurrence as Wire, recurrence::Frequency};
use serde::{Deserialize, Serialize};

/// How a task repeats, as stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recurrence {
    pub frequency: Choice<Frequency>,
    pub interval: u32,
    pub until: Option<DateTime<Utc>>,
    /// The due time from which the series is counted, so that a month that is too short shifts no later one.
    pub anchor: DateTime<Utc>,
}

impl Recurrence {
    /// Reads how a task due at `due` repeats. A series whose due time was not changed keeps its anchor.
    pub fn read(
        wire: Option<Wire>,
        due: Option<DateTime<Utc>>,
        before: Option<(&Self, Option<DateTime<Utc>>)>,
        check: &mut Checker<'_>,
    ) -> Option<Self> {
        let wire = wire?;
        let Some(due) = due else {
            check.refuse("due_time", "REQUIRED", "is required of a task that repeats");
            return None;
        };
        let path = check.at("recurrence.until_time");
        let until = wire.until_time.and_then(|until| time::instant(&path, &until, check.violations()));
        if until.is_some_and(|until| until < due) {
            check.refuse("recurrence.until_time", "TIME_ORDER", "lies before the due time");
        }
        let frequency = Choice(wire.frequency());
        let interval = u32::try_from(wire.interval).unwrap_or(0).max(1);
        let kept = before.filter(|(was, was_due)| {
            *was_due == Some(due) && (was.frequency, was.interval) == (frequency, interval)
        });
        Some(Self { frequency, interval, until, anchor: kept.map_or(due, |(was, _)| was.anchor) })
    }

    /// On the wire.
    pub fn to_wire(&self) -> Wire {
        Wire {
            frequency: self.frequency.number(),
            interval: i32::try_from(self.interval).unwrap_or(i32::MAX),
            until_time: self.until.map(time::timestamp),
        }
    }

    /// The first time of the series after `after`, with the time of day that the anchor has in `zone`; `None` when the series is over.
    pub fn next(&self, after: DateTime<Utc>, zone: Tz) -> Option<DateTime<Utc>> {
        // So many steps certainly lead to a time that is not later.
        let days = (after - self.anchor).num_days().max(0);
        let longest: i64 = match self.frequency.0 {
            Frequency::Unspecified => return None,
            Frequency::Daily => 1,
            Frequency::Weekly => 7,
            Frequency::Monthly => 31,
            Frequency::Yearly => 366,
        };
        let mut step = u32::try_from(days / (longest * i64::from(self.interval))).ok()?.saturating_sub(1);
        loop {
            let next = self.at(step, zone)?;
            if next > after {
                return Some(next).filter(|next| self.until.is_none_or(|until| *next <= until));
            }
            step += 1;
        }
    }

    /// The time so many steps after the anchor; `None` beyond the calendar.
    fn at(&self, step: u32, zone: Tz) -> Option<DateTime<Utc>> {
        let anchor = self.anchor.with_timezone(&zone).naive_local();
        let units = step.checked_mul(self.interval)?;
        let local = match self.frequency.0 {
            Frequency::Unspecified => None,
            Frequency::Daily => anchor.checked_add_days(Days::new(units.into())),
            Frequency::Weekly => anchor.checked_add_days(Days::new(u64::from(units) * 7)),
            Frequency::Monthly => anchor.checked_add_months(Months::new(units)),
            Frequency::Yearly => anchor.checked_add_months(Months::new(units.checked_mul(12)?)),
        }?;
        match zone.from_local_datetime(&local) {
            LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => Some(at.to_utc()),
            // Clocks went forward over it.
            LocalResult::None => {
                zone.from_local_datetime(&(local + TimeDelta::hours(1))).earliest().map(|at| at.to_utc())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn every(interval: u32, frequency: Frequency, anchor: &str) -> Recurrence {
        Recurrence { frequency: Choice(frequency), interval, until: None, anchor: utc(anchor) }
    }

    #[test]
    fn the_next_time_is_the_first_of_the_series_that_is_later() {
        let table = [
            (1, Frequency::Daily, "2026-03-01T01:00:00Z", "2026-03-01T01:00:00Z", "2026-03-02T01:00:00Z"),
            (3, Frequency::Daily, "2026-03-01T01:00:00Z", "2026-03-09T00:00:00Z", "2026-03-10T01:00:00Z"),
            (2, Frequency::Weekly, "2026-03-02T01:00:00Z", "2026-03-02T01:00:00Z", "2026-03-16T01:00:00Z"),
            (1, Frequency::Monthly, "2026-01-31T01:00:00Z", "2026-01-31T01:00:00Z", "2026-02-28T01:00:00Z"),
            (1, Frequency::Monthly, "2026-01-31T01:00:00Z", "2026-02-28T01:00:00Z", "2026-03-31T01:00:00Z"),
            (1, Frequency::Yearly, "2024-02-29T01:00:00Z", "2027-02-28T01:00:00Z", "2028-02-29T01:00:00Z"),
            (1, Frequency::Daily, "1990-01-01T01:00:00Z", "2026-03-01T01:00:00Z", "2026-03-02T01:00:00Z"),
            (1, Frequency::Daily, "2026-05-01T01:00:00Z", "2026-03-01T01:00:00Z", "2026-05-01T01:00:00Z"),
        ];
        for (interval, frequency, anchor, after, wanted) in table {
            let next = every(interval, frequency, anchor).next(utc(after), Tz::Asia__Shanghai);
            assert_eq!(next, Some(utc(wanted)), "{frequency:?} {interval} {anchor} after {after}");
        }
    }

    #[test]
    fn times_of_day_are_kept_when_clocks_change() {
        let daily = every(1, Frequency::Daily, "2026-03-28T08:00:00Z");
        assert_eq!(
            daily.next(utc("2026-03-28T08:00:00Z"), Tz::Europe__Berlin),
            Some(utc("2026-03-29T07:00:00Z"))
        );
    }

    #[test]
    fn a_series_ends_and_a_calendar_too() {
        let until = Some(utc("2026-03-02T00:59:59Z"));
        let daily = Recurrence { until, ..every(1, Frequency::Daily, "2026-03-01T01:00:00Z") };
        assert_eq!(daily.next(utc("2026-03-01T01:00:00Z"), Tz::UTC), None);
        let far = every(366, Frequency::Yearly, "9999-01-01T00:00:00Z");
        assert!(far.next(utc("9999-01-01T00:00:00Z"), Tz::UTC).is_some_and(|at| at > far.anchor));
    }
}
