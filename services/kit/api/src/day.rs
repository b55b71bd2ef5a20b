//! Days in the zone of the caller's tenant: what is today, and when a day begins and ends.

use chrono::{DateTime, Days, LocalResult, NaiveDate, NaiveTime, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;

use crate::{call::Call, filter::Moment};

impl Call {
    /// The tenant's zone; UTC when it has none that is known.
    pub fn zone(&self) -> Tz {
        self.access.tenant.time_zone.parse().unwrap_or(Tz::UTC)
    }

    /// Today where the tenant is.
    pub fn today(&self) -> NaiveDate {
        self.now.with_timezone(&self.zone()).date_naive()
    }

    /// What `now` and `today` mean in filters and formulas.
    pub fn moment(&self) -> Moment {
        Moment::new(self.now, self.today())
    }

    /// The instant at which a day begins where the tenant is.
    pub fn start_of(&self, day: NaiveDate) -> DateTime<Utc> {
        let (zone, midnight) = (self.zone(), day.and_time(NaiveTime::MIN));
        match zone.from_local_datetime(&midnight) {
            LocalResult::Single(instant) | LocalResult::Ambiguous(instant, _) => instant.to_utc(),
            // Clocks went forward at midnight: the day begins an hour later.
            LocalResult::None => zone
                .from_local_datetime(&(midnight + TimeDelta::hours(1)))
                .earliest()
                .map_or(midnight.and_utc(), |instant| instant.to_utc()),
        }
    }

    /// The instant at which a day is over where the tenant is.
    pub fn end_of(&self, day: NaiveDate) -> DateTime<Utc> {
        self.start_of(day.checked_add_days(Days::new(1)).unwrap_or(day))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use uuid::Uuid;

    use super::*;
    use crate::call::{Access, TenantSettings};

    fn call(zone: &str, now: &str) -> Call {
        let tenant = TenantSettings { time_zone: zone.to_owned(), ..TenantSettings::default() };
        let access = Access::of_service("tests".into(), Uuid::nil(), Uuid::nil(), tenant);
        Call {
            access: Arc::new(access),
            now: now.parse().unwrap(),
            deadline: None,
            request_id: "".into(),
            method: "".into(),
            idempotency: None,
            overrides: Arc::default(),
            statistics: Arc::default(),
        }
    }

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn today_is_that_of_the_tenant() {
        let today = |zone| call(zone, "2026-03-01T20:00:00Z").moment().today;
        assert_eq!(today("Asia/Shanghai"), day("2026-03-02"));
        assert_eq!(today("America/New_York"), day("2026-03-01"));
        assert_eq!(today("Nowhere/Else"), day("2026-03-01"), "UTC without a known zone");
    }

    #[test]
    fn a_day_begins_and_ends_on_the_wall_clock() {
        let bounds = |zone, text| {
            let call = call(zone, "2026-03-01T20:00:00Z");
            [call.start_of(day(text)), call.end_of(day(text))].map(|at| at.to_rfc3339())
        };
        assert_eq!(
            bounds("Asia/Shanghai", "2026-03-02"),
            ["2026-03-01T16:00:00+00:00", "2026-03-02T16:00:00+00:00"]
        );
        let skipped = bounds("America/Sao_Paulo", "2018-11-04");
        assert_eq!(
            skipped,
            ["2018-11-04T03:00:00+00:00", "2018-11-05T02:00:00+00:00"],
            "clocks skip midnight"
        );
    }
}
