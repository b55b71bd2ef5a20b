//! From a batch of events to transactions.

use std::{collections::HashSet, panic::AssertUnwindSafe, sync::Arc};

use crm_kit_api::{
    Call, Error, Result,
    call::{Access, Statistics, TenantSettings},
    id,
};
use crm_proto::crm::event::v1::Event;
use futures::FutureExt as _;
use uuid::Uuid;

use super::{
    Follower, Incoming,
    store::{self, State},
};
use crate::{
    db::{Tx, is_unreachable},
    jobs,
};

/// Longest text of an error that is kept.
const ERROR_TEXT: usize = 500;

/// What a group of events left behind.
enum Group {
    /// How many had their effect.
    Applied(usize),
    /// Nothing: one of them failed.
    Failed(Error),
}

impl Follower {
    /// Applies a batch and moves the position behind it; returns how many events had their effect now. Fails only for a database that does not
    /// answer, and then the same batch can be applied again.
    pub(super) async fn apply_batch(&self, events: Vec<Event>, cursor: &str) -> Result<usize> {
        let (groups, unreadable) = by_tenant(events);
        if unreadable > 0 {
            let feed = &self.feed;
            metrics::counter!("crm_follow_unreadable_total", "follower" => feed.follower, "source" => feed.source)
                .increment(unreadable);
        }
        let mut applied = 0;
        for (index, group) in groups.iter().enumerate() {
            let cursor = (index + 1 == groups.len()).then_some(cursor);
            applied += self.apply_group(group, cursor).await?;
        }
        if groups.is_empty() {
            let mut conn = self.db.system().await?;
            store::advance(&mut conn, &self.feed, self.holder, cursor).await?;
        }
        Ok(applied)
    }

    /// Events of one tenant: together, or, when one of them fails, each by itself, so that the failure is known to be its own.
    async fn apply_group(&self, events: &[Incoming], cursor: Option<&str>) -> Result<usize> {
        if let Group::Applied(applied) = self.attempt(events, cursor).await? {
            return Ok(applied);
        }
        let mut applied = 0;
        for (index, event) in events.iter().enumerate() {
            let cursor = cursor.filter(|_| index + 1 == events.len());
            let alone = std::slice::from_ref(event);
            match self.attempt(alone, cursor).await? {
                Group::Applied(one) => applied += one,
                Group::Failed(error) => self.park(event, &error, cursor).await?,
            }
        }
        Ok(applied)
    }

    /// One transaction: inbox rows, effects, position.
    async fn attempt(&self, events: &[Incoming], cursor: Option<&str>) -> Result<Group> {
        let Some(first) = events.first() else { return Ok(Group::Applied(0)) };
        let call = &self.call(first);
        let outcome = self.db.write_rows(call, self.feed.follower, move |tx| {
            Box::pin(async move {
                let fresh: HashSet<Uuid> =
                    store::take(tx, &self.feed, events, call.now).await?.into_iter().collect();
                let mut blocked = Vec::new();
                if !fresh.is_empty() {
                    blocked = store::blocked(tx, &self.feed, events).await?;
                }
                let mut applied = 0;
                for event in events.iter().filter(|event| fresh.contains(&event.id)) {
                    let record = (&event.event.collection, event.record_id);
                    if blocked.iter().any(|(collection, id)| (collection, *id) == record) {
                        store::park(tx, &self.feed, event, (State::Behind, ""), call.now).await?;
                    } else {
                        self.effect(tx, call, event).await?;
                        applied += 1;
                    }
                }
                self.move_to(tx, cursor).await?;
                Ok(applied)
            })
        });
        match outcome.await {
            Ok(applied) => Ok(Group::Applied(applied)),
            Err(error) if is_unreachable(&error) => Err(error),
            Err(error) => Ok(Group::Failed(error)),
        }
    }

    /// The event's effect; a panic is a failure like any other.
    pub(super) async fn effect(&self, tx: &mut Tx<'_>, call: &Call, event: &Incoming) -> Result<()> {
        let effect = AssertUnwindSafe(async { (self.apply)(tx, call, event).await }).catch_unwind();
        effect.await.unwrap_or_else(|_| Err(Error::bug("an event's effect panicked")))
    }

    /// Lays an event aside that failed alone, to be tried again soon, and goes on.
    async fn park(&self, event: &Incoming, error: &Error, cursor: Option<&str>) -> Result<()> {
        let feed = &self.feed;
        tracing::warn!(feed.follower, feed.source, event = %event.id, tenant = %event.tenant_id, ?error, "an event failed and is parked");
        metrics::counter!("crm_follow_parked_total", "follower" => feed.follower, "source" => feed.source)
            .increment(1);
        let call = &self.call(event);
        let text = &text(error);
        let parked = self.db.write_rows(call, feed.follower, move |tx| {
            Box::pin(async move {
                let events = std::slice::from_ref(event);
                if !store::take(tx, feed, events, call.now).await?.is_empty() {
                    let blocked = store::blocked(tx, feed, events).await?;
                    let behind = blocked.iter().any(|(collection, _)| *collection == event.event.collection);
                    let state = if behind { State::Behind } else { State::Trying };
                    let parked = store::park(tx, feed, event, (state, text), call.now).await?;
                    if !behind {
                        let due = call.now + super::parked::wait(1);
                        jobs::enqueue(tx.conn(), event.tenant_id, parked, feed.follower, due).await?;
                    }
                }
                self.move_to(tx, cursor).await
            })
        });
        parked.await
    }

    async fn move_to(&self, tx: &mut Tx<'_>, cursor: Option<&str>) -> Result<()> {
        match cursor {
            Some(cursor) => store::advance(tx.conn(), &self.feed, self.holder, cursor).await,
            None => Ok(()),
        }
    }

    /// The call of this service's own work in the event's tenant. What it changes is told under the id of the request that caused the event.
    pub(super) fn call(&self, event: &Incoming) -> Call {
        let Self { feed, clock, .. } = self;
        let own = id::of_service(feed.service);
        let settings = TenantSettings::default();
        Call {
            access: Arc::new(Access::of_service(feed.service.into(), event.tenant_id, own, settings)),
            now: clock.now(),
            deadline: None,
            request_id: event.event.request_id.as_str().into(),
            method: feed.follower.into(),
            overrides: Arc::default(),
            idempotency: None,
            statistics: Arc::new(Statistics::default()),
        }
    }
}

/// What is kept of an error, for operators.
pub(super) fn text(error: &Error) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("{error}{cause}").chars().take(ERROR_TEXT).collect()
}

/// The events of each tenant in their order, and how many could not be read. Events of different tenants never concern the same record.
fn by_tenant(events: Vec<Event>) -> (Vec<Vec<Incoming>>, u64) {
    let mut unreadable = 0;
    let mut groups: Vec<Vec<Incoming>> = Vec::new();
    for event in events {
        let id = event.id.clone();
        let event = match Incoming::read(event) {
            Ok(event) => event,
            Err(error) => {
                tracing::error!(
                    event = id,
                    ?error,
                    "an event without a tenant, an id or a record is left out"
                );
                unreadable += 1;
                continue;
            }
        };
        match groups.iter_mut().find(|group| group[0].tenant_id == event.tenant_id) {
            Some(group) => group.push(event),
            None => groups.push(vec![event]),
        }
    }
    (groups, unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_parted_by_tenant_and_keeps_the_order_within() {
        let event = |tenant: u128, record: u128| Event {
            id: Uuid::new_v4().to_string(),
            tenant_id: Uuid::from_u128(tenant).to_string(),
            record_id: Uuid::from_u128(record).to_string(),
            ..Event::default()
        };
        let (groups, unreadable) =
            by_tenant(vec![event(1, 1), event(2, 2), Event::default(), event(1, 3), event(2, 4)]);
        let records: Vec<Vec<u128>> = groups
            .iter()
            .map(|group| group.iter().map(|event| event.record_id.as_u128()).collect())
            .collect();
        assert_eq!((records, unreadable), (vec![vec![1, 3], vec![2, 4]], 1));
    }
}
