//! Events whose effect failed: tried again with a wait that doubles, then left for an operator, who sees them and retries or drops them
//! ([`super::operate`]).
//!
//! The first parked event of a record has a job; those behind it have none and get one when it is gone. Each is applied in a transaction that
//! takes it out of `parked_event`, so its effect is single here too.

use chrono::{DateTime, TimeDelta, Utc};
use crm_kit_api::{Error, Result};
use crm_proto::crm::event::v1::Event;
use prost::Message as _;
use tonic::Code;
use uuid::Uuid;

use super::{
    Follower, Incoming, apply,
    store::{self, Parked, State},
};
use crate::{
    db::{Tx, is_unreachable},
    jobs::{self, Job, Verdict},
};

/// Attempts until an event is left for an operator: about a quarter of an hour.
const ATTEMPTS: i32 = 10;

/// The wait before the next attempt: 1 s, 2 s, 4 s and so on.
pub(super) fn wait(attempts: i32) -> TimeDelta {
    let doublings = u32::try_from(attempts.clamp(1, 12) - 1).unwrap_or(0);
    TimeDelta::seconds(1_i64 << doublings)
}

impl Follower {
    /// Tries the first parked event of a record again.
    pub(super) async fn retry(&self, job: &Job) -> Result<Verdict> {
        let (tenant_id, parked) = (job.tenant_id, job.id);
        let read = self
            .db
            .read_for_tenant(tenant_id, move |tx| Box::pin(async move { store::stored(tx, parked).await }));
        let Some((event, attempts)) = read.await? else { return Ok(Verdict::Done) };
        let event = &Incoming::read(Event::decode(event.as_slice()).map_err(Error::internal)?)?;
        let call = &self.call(event);
        let applied = self.db.write_rows(call, self.feed.follower, move |tx| {
            Box::pin(async move {
                if store::lock(tx, parked).await?.is_none_or(|locked| locked.state != State::Trying) {
                    return Ok(());
                }
                self.effect(tx, call, event).await?;
                store::drop_parked(tx, parked).await?;
                next(tx, self.feed.follower, (&event.event.collection, event.record_id), call.now).await
            })
        });
        match applied.await {
            Ok(()) => Ok(Verdict::Done),
            // The database's failure, not the event's.
            Err(error) if is_unreachable(&error) => Err(error),
            Err(error) => self.failed_again(event, parked, attempts + 1, &error).await,
        }
    }

    async fn failed_again(
        &self,
        event: &Incoming,
        parked: Uuid,
        attempts: i32,
        error: &Error,
    ) -> Result<Verdict> {
        // As long as something that the effect needs does not answer, the failure is not the event's.
        let given_up = attempts >= ATTEMPTS && error.code() != Code::Unavailable;
        let state = if given_up { State::GivenUp } else { State::Trying };
        let text = &apply::text(error);
        let noted = self.db.for_tenant(event.tenant_id, move |tx| {
            Box::pin(async move { store::failed(tx, parked, state, attempts, text).await })
        });
        noted.await?;
        if given_up {
            let feed = &self.feed;
            tracing::error!(feed.follower, feed.source, event = %event.id, tenant = %event.tenant_id, ?error, "an event was given up and waits for an operator");
            metrics::counter!("crm_follow_given_up_total", "follower" => feed.follower, "source" => feed.source)
                .increment(1);
            return Ok(Verdict::Done);
        }
        Ok(Verdict::Again(self.clock.now() + wait(attempts)))
    }
}

/// Lets the next event of a record be tried.
async fn next(
    tx: &mut Tx<'_>,
    follower: &str,
    (collection, record_id): (&str, Uuid),
    now: DateTime<Utc>,
) -> Result<()> {
    let Some(parked) = store::first(tx, follower, collection, record_id).await? else { return Ok(()) };
    store::set_state(tx, parked, State::Trying, 0, "").await?;
    let tenant_id = tx.tenant_id();
    jobs::enqueue(tx.conn(), tenant_id, parked, follower, now).await
}

/// Has a held event tried again that was given up, or is between two attempts: now, and ten times more if need be.
pub(super) async fn retry(tx: &mut Tx<'_>, parked: &Parked, now: DateTime<Utc>) -> Result<()> {
    store::set_state(tx, parked.id, State::Trying, 0, "").await?;
    let tenant_id = tx.tenant_id();
    jobs::enqueue(tx.conn(), tenant_id, parked.id, &parked.follower, now).await
}

/// Drops a held event without its effect; the ones behind it go on.
pub(super) async fn discard(tx: &mut Tx<'_>, parked: &Parked, now: DateTime<Utc>) -> Result<()> {
    store::drop_parked(tx, parked.id).await?;
    if parked.state == State::Behind {
        return Ok(());
    }
    next(tx, &parked.follower, (&parked.collection, parked.record_id), now).await
}
