//! How far subscribers are behind the log.

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, Utc};
use parking_lot::Mutex;

/// The lag of every open stream of a service. The gauge has one series for each service that follows and one for all other callers together, which is
/// the lag of the slowest of them.
#[derive(Clone, Debug)]
pub(super) struct Lags {
    service: &'static str,
    streams: Arc<Mutex<Streams>>,
}

#[derive(Debug, Default)]
struct Streams {
    next: u64,
    open: HashMap<u64, (Arc<str>, f64)>,
}

/// One stream's entry, which goes with it.
pub(super) struct Lag {
    lags: Lags,
    number: u64,
    subscriber: Arc<str>,
}

impl Lags {
    pub fn new(service: &'static str) -> Self {
        Self { service, streams: Arc::default() }
    }

    /// An entry for a stream of `subscriber`, a service's name; `None` for any other caller.
    pub fn open(&self, subscriber: Option<&Arc<str>>) -> Lag {
        let subscriber =
            subscriber.map_or_else(|| "callers".into(), |service| format!("service:{service}").into());
        let mut streams = self.streams.lock();
        streams.next += 1;
        let number = streams.next;
        streams.open.insert(number, (Arc::clone(&subscriber), 0.0));
        drop(streams);
        let lag = Lag { lags: self.clone(), number, subscriber };
        lag.publish();
        lag
    }
}

impl Lag {
    /// The oldest event that was not sent is of `oldest`; `None` when all were.
    pub fn set(&self, oldest: Option<DateTime<Utc>>, now: DateTime<Utc>) {
        let millis = oldest.map_or(0, |oldest| (now - oldest).num_milliseconds().max(0));
        let seconds = f64::from(u32::try_from(millis).unwrap_or(u32::MAX)) / 1000.0;
        if let Some((_, lag)) = self.lags.streams.lock().open.get_mut(&self.number) {
            *lag = seconds;
        }
        self.publish();
    }

    fn publish(&self) {
        let streams = self.lags.streams.lock();
        let own = streams.open.values().filter(|(subscriber, _)| *subscriber == self.subscriber);
        let (count, worst) =
            own.fold((0_u32, 0.0_f64), |(count, worst), (_, lag)| (count + 1, worst.max(*lag)));
        let labels = [("service", self.lags.service.to_owned()), ("subscriber", self.subscriber.to_string())];
        metrics::gauge!("crm_event_stream_lag_seconds", &labels).set(worst);
        metrics::gauge!("crm_event_streams_open", &labels).set(f64::from(count));
    }
}

impl Drop for Lag {
    fn drop(&mut self) {
        self.lags.streams.lock().open.remove(&self.number);
        self.publish();
    }
}
