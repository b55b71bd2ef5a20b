//! The only source of time: the machine's clock, or one that tests set.
//!
//! Not here: zones, calendars and periods.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;

/// Tells the time. Cheap to clone; clones of a settable clock move together.
#[derive(Clone, Debug, Default)]
pub struct Clock(Option<Arc<Mutex<DateTime<Utc>>>>);

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(None)
    }

    /// A clock that stands at `now` until it is advanced.
    pub fn fixed(now: DateTime<Utc>) -> Self {
        Self(Some(Arc::new(Mutex::new(now))))
    }

    /// The present instant, cut to microseconds, which is what the database keeps.
    pub fn now(&self) -> DateTime<Utc> {
        match &self.0 {
            Some(fixed) => *fixed.lock(),
            None => system_now(),
        }
    }

    /// Moves a settable clock forward; does nothing to the machine's.
    pub fn advance(&self, by: TimeDelta) {
        if let Some(fixed) = &self.0 {
            *fixed.lock() += by;
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
fn system_now() -> DateTime<Utc> {
    let now = Utc::now();
    DateTime::from_timestamp_micros(now.timestamp_micros()).unwrap_or(now)
}
