//! What goes on in a connection: whether requests are in flight, and whether the peer takes what it asked for.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::{sync::Notify, time::Instant};

/// Shared by a connection and the answers in it.
#[derive(Clone)]
pub struct Busy(Arc<State>);

struct State {
    in_flight: AtomicUsize,
    changed: Notify,
    /// Bodies whose last piece was handed over and whose next was not asked for yet.
    blocked: AtomicUsize,
    start: Instant,
    /// When a piece was last asked for, in milliseconds after the start.
    progress: AtomicU64,
}

impl Busy {
    pub fn new() -> Self {
        Self(Arc::new(State {
            in_flight: AtomicUsize::new(0),
            changed: Notify::new(),
            blocked: AtomicUsize::new(0),
            start: Instant::now(),
            progress: AtomicU64::new(0),
        }))
    }

    pub fn begin(&self) -> Guard {
        self.0.in_flight.fetch_add(1, Ordering::Relaxed);
        self.0.changed.notify_one();
        Guard(self.clone())
    }

    /// Waits until nothing was in flight for the time.
    pub async fn idle(&self, limit: Duration) {
        loop {
            if self.0.in_flight.load(Ordering::Relaxed) > 0 {
                self.0.changed.notified().await;
            } else if tokio::time::timeout(limit, self.0.changed.notified()).await.is_err() {
                return;
            }
        }
    }

    /// Waits until an answer lay ready for the time and nothing was taken from the connection.
    pub async fn stalled(&self, limit: Duration) {
        loop {
            tokio::time::sleep(limit / 4).await;
            let quiet = self.now().saturating_sub(self.0.progress.load(Ordering::Relaxed));
            if self.0.blocked.load(Ordering::Relaxed) > 0 && u128::from(quiet) > limit.as_millis() {
                return;
            }
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.0.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// One request in flight.
pub struct Guard(Busy);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.0.in_flight.fetch_sub(1, Ordering::Relaxed);
        self.0.0.changed.notify_one();
    }
}

/// A body that counts as in flight until it is dropped.
pub struct Counted {
    body: Body,
    guard: Guard,
    blocked: bool,
}

impl Counted {
    pub fn new(body: Body, guard: Guard) -> Self {
        Self { body, guard, blocked: false }
    }

    fn set_blocked(&mut self, blocked: bool) {
        let state = &self.guard.0.0;
        match (self.blocked, blocked) {
            (false, true) => drop(state.blocked.fetch_add(1, Ordering::Relaxed)),
            (true, false) => drop(state.blocked.fetch_sub(1, Ordering::Relaxed)),
            _ => {}
        }
        self.blocked = blocked;
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.set_blocked(false);
    }
}

impl http_body::Body for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        let handed_over = matches!(&polled, Poll::Ready(Some(Ok(_)))) && !self.body.is_end_stream();
        self.guard.0.0.progress.store(self.guard.0.now(), Ordering::Relaxed);
        self.set_blocked(handed_over);
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
