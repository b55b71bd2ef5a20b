//! What slows down guessing: per name a lock-out, per network address a limit.
//!
//! Both count attempts before the password is looked at, so that attempts sent at once cannot overtake the counter, and forget them after a
//! success. They count for names that do not exist as for others, so that a lock tells nothing about users.

use chrono::{DateTime, TimeDelta, Utc};

/// Attempts within [`WINDOW`] before a name is locked.
const NAME_ATTEMPTS: i64 = 5;
/// Attempts within [`WINDOW`] before a network address has to wait. Many people may share one.
const SOURCE_ATTEMPTS: i64 = 100;
const WINDOW: TimeDelta = TimeDelta::minutes(15);
/// The first lock; each further one is twice as long.
const FIRST_LOCK: TimeDelta = TimeDelta::minutes(15);
const LONGEST_LOCK: TimeDelta = TimeDelta::hours(24);
/// After a day without an attempt everything is forgotten.
pub const MEMORY: TimeDelta = TimeDelta::hours(48);

/// Failed attempts of one name or network address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guard {
    /// Attempts in the window that did not succeed, or not yet.
    pub failures: i64,
    /// When the window began.
    pub window_time: DateTime<Utc>,
    /// Locks so far.
    pub locks: i64,
    /// Until when no attempt succeeds.
    pub lock_until: Option<DateTime<Utc>>,
}

/// What the attempts are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Name,
    Source,
}

impl Guard {
    /// When the lock ends, if there is one.
    pub fn locked_until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.lock_until.filter(|until| *until > now)
    }

    /// The state after one more attempt, to be stored before the password is looked at. An attempt while locked changes nothing: it could
    /// not succeed, and must not keep the owner of the name out for ever.
    #[must_use]
    pub fn after_attempt(self, kind: Kind, now: DateTime<Utc>) -> Self {
        if self.locked_until(now).is_some() {
            return self;
        }
        let ended = self.lock_until.is_some() || now - self.window_time >= WINDOW;
        let forgotten = now - self.lock_until.unwrap_or(self.window_time) >= LONGEST_LOCK;
        let mut next = Self {
            failures: if ended { 1 } else { self.failures + 1 },
            window_time: if ended { now } else { self.window_time },
            locks: if forgotten { 0 } else { self.locks },
            lock_until: None,
        };
        let limit = match kind {
            Kind::Name => NAME_ATTEMPTS,
            Kind::Source => SOURCE_ATTEMPTS,
        };
        if next.failures >= limit {
            next.lock_until = Some(now + lock(next.locks));
            next.locks += 1;
        }
        next
    }
}

fn lock(earlier: i64) -> TimeDelta {
    let doublings = i32::try_from(earlier.clamp(0, 10)).unwrap_or(0);
    (FIRST_LOCK * 2_i32.pow(doublings.unsigned_abs())).min(LONGEST_LOCK)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn start() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    fn fresh(now: DateTime<Utc>) -> Guard {
        Guard { failures: 0, window_time: now, locks: 0, lock_until: None }
    }

    fn attempts(mut guard: Guard, count: usize, now: DateTime<Utc>) -> Guard {
        for _ in 0..count {
            guard = guard.after_attempt(Kind::Name, now);
        }
        guard
    }

    #[test]
    fn the_fifth_attempt_locks_and_each_lock_is_twice_as_long() {
        let four = attempts(fresh(start()), 4, start());
        assert_eq!(four.locked_until(start()), None);
        let mut guard = four.after_attempt(Kind::Name, start());
        let mut now = start();
        for minutes in [15, 30, 60, 120, 240, 480, 960, 1440, 1440] {
            let until = guard.locked_until(now).unwrap();
            assert_eq!(until - now, TimeDelta::minutes(minutes));
            now = until;
            assert_eq!(guard.locked_until(now), None);
            guard = attempts(guard, 5, now);
        }
    }

    #[test]
    fn attempts_far_apart_do_not_lock() {
        let mut guard = fresh(start());
        for step in 0..100 {
            let now = start() + TimeDelta::minutes(4 * step);
            guard = guard.after_attempt(Kind::Name, now);
            assert_eq!(guard.locked_until(now), None);
        }
    }

    #[test]
    fn a_day_of_rest_forgets_earlier_locks() {
        let guard = attempts(fresh(start()), 5, start());
        let later = start() + TimeDelta::minutes(15) + TimeDelta::hours(24);
        let guard = attempts(guard, 5, later);
        assert_eq!(guard.locked_until(later), Some(later + FIRST_LOCK));
    }

    #[test]
    fn an_address_has_more_attempts_than_a_name() {
        let mut guard = fresh(start());
        for _ in 0..99 {
            guard = guard.after_attempt(Kind::Source, start());
        }
        assert_eq!(guard.locked_until(start()), None);
        assert!(guard.after_attempt(Kind::Source, start()).locked_until(start()).is_some());
    }

    proptest! {
        #[test]
        fn no_more_than_five_attempts_count_in_any_quarter_of_an_hour(gaps in prop::collection::vec(0_i64..400, 1..200)) {
            let (mut guard, mut now, mut counted) = (fresh(start()), start(), Vec::new());
            for gap in gaps {
                now += TimeDelta::seconds(gap);
                if guard.locked_until(now).is_none() {
                    counted.push(now);
                }
                guard = guard.after_attempt(Kind::Name, now);
            }
            // A window that begins between two others lets at most four old and five new attempts through.
            for first in &counted {
                let within = counted.iter().filter(|at| **at >= *first && **at - *first < WINDOW).count();
                prop_assert!(within <= 9, "{within}");
            }
        }
    }
}
