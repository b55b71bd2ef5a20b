//! Following another service: its events have their effect here, each exactly once and those of a record in order.
//!
//! A [`Follower`] holds one stream over all tenants. What arrives is applied a batch at a time, one transaction for each tenant in it. The
//! transaction holds the inbox rows (the ids of the events), the effects, and with the last tenant the position in the source's log. A process that dies
//! before the commit has done nothing; one that dies after it gets the events again and finds them in the inbox.
//!
//! **One at a time.** A lease lets one process of the service follow. The lease saves work; it is not what keeps effects single. Should two follow for
//! a moment, the inbox's primary key makes the second one wait and then skip.
//!
//! **Failures.** A database that does not answer is waited for. Any other failure is the event's: it goes to `parked_event` with its inbox row, is tried
//! again ten times in about a quarter of an hour, and then waits for an operator ([`operate`]). Nothing else waits for it but later events of
//! the same record, which are parked behind it and follow in order once it is applied or dropped.
//!
//! **Gaps.** A follower starts at the oldest event the source still has. When the source has dropped events that were not yet read (the follower stood
//! still for longer than the log is kept) it goes on from the oldest one and notes the time of the gap ([`gap_time`]): copies of foreign records that
//! are older may have missed changes and are asked for anew before they are trusted.
//!
//! Not here: the subscription's other end ([`crate::outbox`]) and the identity with which it is opened (kit/rpc).

mod apply;
pub mod operate;
mod parked;
mod run;
mod store;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use crm_kit_api::{Call, Error, Result, clock::Clock, error::Violations, id, time};
use crm_proto::crm::event::v1::{Event, StreamEventsRequest, SubscribeResponse};
use futures::future::BoxFuture;
use parking_lot::Mutex;
use prost::{Message, Name};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::{Status, Streaming};
use uuid::Uuid;

use crate::db::{Db, Tx};

pub use store::gap_time;

/// Opens the source's stream.
pub type Open = Arc<
    dyn Fn(StreamEventsRequest) -> BoxFuture<'static, Result<Streaming<SubscribeResponse>, Status>>
        + Send
        + Sync,
>;

/// What an event does here: statements in the transaction, which names the event's tenant. It may run again after a failure, so it has no effect
/// outside the transaction. Changes recorded in it are the service's own; the call is for their time and ids.
pub type Apply = Arc<
    dyn for<'t, 'c> Fn(&'t mut Tx<'c>, &'t Call, &'t Incoming) -> BoxFuture<'t, Result<()>> + Send + Sync,
>;

/// What is followed.
#[derive(Clone, Copy, Debug)]
pub struct Feed {
    /// Name of the follower, unique in its service; also the kind of its jobs. Never changed: the position is stored under it.
    pub follower: &'static str,
    /// The service that follows, as author of what it changes.
    pub service: &'static str,
    /// The service that is followed.
    pub source: &'static str,
    /// Collections of the source.
    pub collections: &'static [&'static str],
}

/// An event of another service.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// Tenant of the record.
    pub tenant_id: Uuid,
    /// Id of the event.
    pub id: Uuid,
    /// The record that changed.
    pub record_id: Uuid,
    /// The event.
    pub event: Event,
}

impl Incoming {
    fn read(event: Event) -> Result<Self> {
        let id = |text: &str| Uuid::try_parse(text).map_err(Error::internal);
        let (tenant_id, record_id) = (id(&event.tenant_id)?, id(&event.record_id)?);
        Ok(Self { tenant_id, id: id(&event.id)?, record_id, event })
    }

    /// When the change was made.
    pub fn event_time(&self) -> Option<DateTime<Utc>> {
        instant(self.event.event_time.as_ref())
    }

    /// The payload when it is an `M`. An event of another type is `None`; a follower leaves aside what it does not know, because sources learn
    /// to tell more.
    pub fn payload<M: Message + Name + Default>(&self) -> Result<Option<M>> {
        let Some(payload) = &self.event.payload else { return Ok(None) };
        if payload.type_url.rsplit('/').next() != Some(M::full_name().as_str()) {
            return Ok(None);
        }
        M::decode(payload.value.as_slice()).map(Some).map_err(Error::internal)
    }
}

fn instant(time: Option<&prost_types::Timestamp>) -> Option<DateTime<Utc>> {
    time::instant("event_time", time?, &mut Violations::default())
}

/// Follows one source. Cheap to clone; clones are one follower.
#[derive(Clone)]
pub struct Follower {
    db: Db,
    clock: Clock,
    feed: Feed,
    open: Open,
    apply: Apply,
    /// This process, as holder of the lease.
    holder: Uuid,
}

impl std::fmt::Debug for Follower {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Follower").field(&self.feed).finish()
    }
}

impl Follower {
    /// A follower of `feed`, which does nothing until it is started or drained.
    pub fn new(db: Db, clock: Clock, feed: Feed, open: Open, apply: Apply) -> Self {
        let holder = id::new(clock.now());
        Self { db, clock, feed, open, apply, holder }
    }
}

/// The followers of a process. Cheap to clone; clones hold the same ones.
#[derive(Clone, Debug, Default)]
pub struct Followers(Arc<Mutex<Vec<Follower>>>);

impl Followers {
    /// Adds a follower and starts it; it ends with `shutdown`.
    pub fn start(&self, follower: Follower, tasks: &TaskTracker, shutdown: &CancellationToken) {
        follower.spawn(tasks, shutdown);
        self.0.lock().push(follower);
    }

    /// Applies everything that was committed at the sources before the call, and what is due of the parked events; returns how many events
    /// had their effect through this call. For tests, which need no sleep then.
    pub async fn drain(&self) -> Result<usize> {
        let followers = self.0.lock().clone();
        let mut applied = 0;
        for follower in followers {
            applied += follower.drain().await?;
        }
        Ok(applied)
    }
}
