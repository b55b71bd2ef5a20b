//! The life of a follower: lease, subscription, batches, and the measure of how far it is behind.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use crm_kit_api::{Error, Result};
use crm_proto::crm::event::v1::{StartFrom, StreamEventsRequest, SubscribeResponse};
use futures::future::BoxFuture;
use parking_lot::Mutex;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::{Code, Status, Streaming};
use tonic_types::StatusExt as _;

use super::{Follower, instant, store};
use crate::jobs::{Job, Verdict, Worker};

/// How long the lease holds unless it is renewed.
const LEASE: TimeDelta = TimeDelta::seconds(30);
/// How often it is renewed, looked for, and the lag measured.
const RENEW: Duration = Duration::from_secs(10);
/// Longest silence of a source, which says every 20 seconds that it is there.
const SILENCE: Duration = Duration::from_mins(1);
/// Shortest and longest pause after a failure.
const PAUSE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

/// Since when the follower is behind its source, if it is.
#[derive(Default)]
struct Behind(Mutex<Option<DateTime<Utc>>>);

impl Behind {
    /// Behind since `time`, unless it was before.
    fn since(&self, time: DateTime<Utc>) {
        let mut behind = self.0.lock();
        *behind = Some(behind.map_or(time, |earlier| earlier.min(time)));
    }

    fn no_more(&self) {
        *self.0.lock() = None;
    }
}

impl Follower {
    /// Follows until `shutdown`, and tries parked events again.
    pub(super) fn spawn(&self, tasks: &TaskTracker, shutdown: &CancellationToken) {
        let worker = Worker::new(self.db.clone(), self.clock.clone(), self.feed.follower);
        worker.spawn(tasks, shutdown.clone(), self.clone().retries());
        let (follower, shutdown) = (self.clone(), shutdown.clone());
        tasks.spawn(async move {
            tokio::select! {
                () = follower.run() => {}
                () = shutdown.cancelled() => {}
            }
            // The next process need not wait for the lease to run out.
            if let Ok(mut conn) = follower.db.system().await {
                let _ = store::release(&mut conn, &follower.feed, follower.holder).await;
            }
        });
    }

    async fn run(&self) {
        let behind = Behind::default();
        let mut pause = PAUSE.0;
        loop {
            let heard = Mutex::new(false);
            let outcome = tokio::select! {
                outcome = self.follow(&behind, &heard) => outcome,
                outcome = self.hold(&behind) => outcome,
            };
            if let Err(error) = outcome {
                tracing::warn!(
                    follower = self.feed.follower,
                    source = self.feed.source,
                    ?error,
                    "following stopped; it goes on after a pause"
                );
                behind.since(self.clock.now());
            }
            if *heard.lock() {
                pause = PAUSE.0;
            }
            self.measure(&behind);
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE.1);
        }
    }

    /// Renews the lease and measures the lag for as long as the lease is ours.
    async fn hold(&self, behind: &Behind) -> Result<()> {
        loop {
            tokio::time::sleep(RENEW).await;
            self.measure(behind);
            if self.acquire().await?.is_none() {
                return Ok(());
            }
        }
    }

    async fn acquire(&self) -> Result<Option<String>> {
        let now = self.clock.now();
        let mut conn = self.db.system().await?;
        store::acquire(&mut conn, &self.feed, self.holder, now, now + LEASE).await
    }

    /// Follows from the stored position until the stream ends.
    async fn follow(&self, behind: &Behind, heard: &Mutex<bool>) -> Result<()> {
        let Some(cursor) = self.acquire().await? else {
            // Another process follows; its lag is the one to look at.
            behind.no_more();
            tokio::time::sleep(RENEW).await;
            return Ok(());
        };
        let mut stream = self.subscribe(cursor).await?;
        while let Some(response) = next(&mut stream).await? {
            *heard.lock() = true;
            let oldest = response.events.first().and_then(|event| instant(event.event_time.as_ref()));
            if let Some(oldest) = oldest {
                behind.since(oldest);
            }
            self.apply_batch(response.events, &response.cursor).await?;
            behind.no_more();
        }
        Err(lost(Status::unavailable("the stream ended")))
    }

    /// Opens the stream after `cursor`. A cursor that is too old is given up: following begins anew at the oldest event, and the gap is noted.
    async fn subscribe(&self, cursor: String) -> Result<Streaming<SubscribeResponse>> {
        let start = if cursor.is_empty() { StartFrom::Earliest } else { StartFrom::After };
        let request = StreamEventsRequest {
            start_from: start.into(),
            cursor,
            collections: self.feed.collections.iter().map(|name| (*name).to_owned()).collect(),
            ..StreamEventsRequest::default()
        };
        let opened = (self.open)(request.clone()).await;
        let too_old = opened.as_ref().err().is_some_and(|status| {
            status.get_details_error_info().is_some_and(|info| info.reason == "RESYNC_REQUIRED")
        });
        if !too_old {
            return opened.map_err(lost);
        }
        let feed = &self.feed;
        tracing::error!(
            feed.follower,
            feed.source,
            "events were dropped before they were followed; copies of the source's records are asked for anew when they are needed"
        );
        metrics::counter!("crm_follow_gaps_total", "follower" => feed.follower, "source" => feed.source)
            .increment(1);
        store::note_gap(&mut *self.db.system().await?, feed, self.clock.now()).await?;
        let anew =
            StreamEventsRequest { start_from: StartFrom::Earliest.into(), cursor: String::new(), ..request };
        (self.open)(anew).await.map_err(lost)
    }

    /// Applies what was committed at the source before the call, and the parked events that are due.
    pub(super) async fn drain(&self) -> Result<usize> {
        let cursor = match self.acquire().await? {
            Some(cursor) => cursor,
            None => store::cursor(&mut *self.db.system().await?, &self.feed).await?,
        };
        let mut stream = self.subscribe(cursor).await?;
        let mut applied = 0;
        while let Some(response) = next(&mut stream).await? {
            // The first response without events tells that the stream has caught up.
            let caught_up = response.events.is_empty();
            applied += self.apply_batch(response.events, &response.cursor).await?;
            if caught_up {
                break;
            }
        }
        let worker = Worker::new(self.db.clone(), self.clock.clone(), self.feed.follower);
        let retries = self.clone().retries();
        while worker.run_one(&retries).await? {
            applied += 1;
        }
        Ok(applied)
    }

    /// The work of the jobs that try parked events again.
    fn retries(self) -> impl for<'j> Fn(&'j Job) -> BoxFuture<'j, Result<Verdict>> + Send + Sync + 'static {
        move |job| {
            let follower = self.clone();
            Box::pin(async move { follower.retry(job).await })
        }
    }

    fn measure(&self, behind: &Behind) {
        let since = *behind.0.lock();
        let lag = since.map_or(0, |since| (self.clock.now() - since).num_milliseconds().max(0));
        let seconds = f64::from(u32::try_from(lag).unwrap_or(u32::MAX)) / 1000.0;
        let feed = &self.feed;
        metrics::gauge!("crm_follow_lag_seconds", "follower" => feed.follower, "source" => feed.source)
            .set(seconds);
    }
}

/// The next response; a source that is silent for too long is lost, so that its stream holds the lease no longer.
async fn next(stream: &mut Streaming<SubscribeResponse>) -> Result<Option<SubscribeResponse>> {
    match tokio::time::timeout(SILENCE, stream.message()).await {
        Ok(response) => response.map_err(lost),
        Err(_) => Err(lost(Status::unavailable("the source has been silent for too long"))),
    }
}

fn lost(status: Status) -> Error {
    if matches!(status.code(), Code::Unauthenticated | Code::PermissionDenied) {
        tracing::error!(
            "the source refuses this service; internal_secret must be the same in both, and their clocks must agree"
        );
    }
    Error::unavailable("the service that is followed", status)
}
