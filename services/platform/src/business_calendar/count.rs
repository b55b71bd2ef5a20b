//! Sums of working time.

use chrono::{DateTime, Datelike as _, TimeDelta, Utc};
use crm_kit_api::{
    Call, Error, Result,
    error::Violations,
    time::{instant, timestamp},
};
use crm_kit_pg::Db;
use crm_kit_value::working_time::NoWorkingTime;
use crm_proto::crm::platform::v1::{
    AddWorkingTimeRequest, AddWorkingTimeResponse, MeasureWorkingTimeRequest, MeasureWorkingTimeResponse,
    add_working_time_request::Amount,
};
use prost_types::{Duration, Timestamp};
use uuid::Uuid;

use super::ops;
use crate::reason;

/// Longest time that is measured.
const LONGEST: TimeDelta = TimeDelta::days(366 * 40);

/// When working time after an instant is over.
pub async fn add(
    db: &Db,
    call: &Call,
    id: Uuid,
    request: &AddWorkingTimeRequest,
) -> Result<AddWorkingTimeResponse> {
    let mut violations = Violations::default();
    let start = read("start_time", request.start_time.as_ref(), &mut violations);
    let start = violations.into_result(start)?;
    let record = ops::get(db, call, id).await?;
    let calendar = record.calendar()?;
    let end = match &request.amount {
        Some(Amount::WorkingTime(time)) => calendar.add(start, delta(time)),
        Some(Amount::WorkingDays(days)) => calendar.add_days(start, usize::try_from(*days).unwrap_or(0)),
        None => return Err(Error::bug("validation lets no request without an amount pass")),
    };
    // An answer has a year of four digits.
    let end = end.and_then(|end| if end.year() <= 9999 { Ok(end) } else { Err(NoWorkingTime) });
    let end = end.map_err(|error| reason::no_working_time(id, error))?;
    Ok(AddWorkingTimeResponse { end_time: Some(timestamp(end)), version: record.version })
}

/// The working time between two instants.
pub async fn measure(
    db: &Db,
    call: &Call,
    id: Uuid,
    request: &MeasureWorkingTimeRequest,
) -> Result<MeasureWorkingTimeResponse> {
    let mut violations = Violations::default();
    let start = read("start_time", request.start_time.as_ref(), &mut violations);
    let end = read("end_time", request.end_time.as_ref(), &mut violations);
    if violations.is_empty() && !(TimeDelta::zero()..=LONGEST).contains(&(end - start)) {
        violations.add(
            "end_time",
            "OUT_OF_RANGE",
            "must not lie before the start or more than forty years after it",
        );
    }
    let (start, end) = violations.into_result((start, end))?;
    let record = ops::get(db, call, id).await?;
    let calendar = record.calendar()?;
    let date = |at: DateTime<Utc>| at.with_timezone(&calendar.zone()).date_naive();
    let time = calendar.between(start, end);
    Ok(MeasureWorkingTimeResponse {
        working_time: Some(Duration { seconds: time.num_seconds(), nanos: time.subsec_nanos() }),
        working_days: i32::try_from(calendar.working_days(date(start), date(end))).unwrap_or(i32::MAX),
        version: record.version,
    })
}

fn read(field: &str, wire: Option<&Timestamp>, violations: &mut Violations) -> DateTime<Utc> {
    instant(field, &wire.copied().unwrap_or_default(), violations).unwrap_or_default()
}

fn delta(time: &Duration) -> TimeDelta {
    TimeDelta::seconds(time.seconds) + TimeDelta::nanoseconds(i64::from(time.nanos))
}
