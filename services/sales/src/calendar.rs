//! Days and periods in the zone of the caller's tenant.

use chrono::{DateTime, Days, LocalResult, NaiveDate, NaiveTime, TimeZone as _, Utc};
use chrono_tz::Tz;
use crm_kit_api::Call;

/// Today where the tenant is.
pub fn today(call: &Call) -> NaiveDate {
    call.now.with_timezone(&zone(call)).date_naive()
}

/// The instant at which a day begins where the tenant is.
pub fn start_of(call: &Call, day: NaiveDate) -> DateTime<Utc> {
    let midnight = day.and_time(NaiveTime::MIN);
    match zone(call).from_local_datetime(&midnight) {
        LocalResult::Single(instant) | LocalResult::Ambiguous(instant, _) => instant.to_utc(),
        // Clocks went forward at midnight: the day begins an hour later.
        LocalResult::None => zone(call)
            .from_local_datetime(&(midnight + chrono::TimeDelta::hours(1)))
            .earliest()
            .map_or(midnight.and_utc(), |instant| instant.to_utc()),
    }
}

/// The instant at which a day is over where the tenant is.
pub fn end_of(call: &Call, day: NaiveDate) -> DateTime<Utc> {
    start_of(call, day.checked_add_days(Days::new(1)).unwrap_or(day))
}

/// The tenant's zone; UTC when it has none that is known.
fn zone(call: &Call) -> Tz {
    call.access.tenant.time_zone.parse().unwrap_or(Tz::UTC)
}
