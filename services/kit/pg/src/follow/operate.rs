//! `crm.event.v1.ParkedEventService`: what operators see of parked events and do with them. Each act leaves an audit row.

use crm_kit_api::{
    Call, Error, Result,
    error::COMMON_DOMAIN,
    id,
    page::{self, Binding, Token},
    time,
};
use crm_proto::crm::event::v1::{
    DropParkedEventRequest, ListParkedEventsRequest, ListParkedEventsResponse, ParkedEvent,
    RetryParkedEventRequest, RetryParkedEventsRequest, RetryParkedEventsResponse, parked_event,
    parked_event_service_server::ParkedEventService,
};
use tonic::{Code, Request, Response, Status};
use uuid::Uuid;

use super::{
    parked,
    store::{self, Parked, State},
};
use crate::{
    change::{Change, ChangeKind},
    db::{Db, Tx},
    outbox::{Told, call_of},
};

/// Name of the collection in errors, events and paths.
const COLLECTION: &str = "parkedEvents";
/// The collection, among those whose changes a service tells.
pub const TOLD: Told = Told { collection: COLLECTION, permission: "event.parkedEvents.manage" };
/// Most events that one call has tried again.
const AT_ONCE: usize = 500;

/// The use cases, and the service over them. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ParkedEvents {
    /// The service's database.
    pub db: Db,
}

impl ParkedEvents {
    async fn list(&self, call: &Call, wanted: &ListParkedEventsRequest) -> Result<ListParkedEventsResponse> {
        let state = match wanted.state() {
            parked_event::State::Unspecified => None,
            parked_event::State::Trying => Some(State::Trying),
            parked_event::State::Behind => Some(State::Behind),
            parked_event::State::GivenUp => Some(State::GivenUp),
        };
        let size = page::size(wanted.page_size);
        let binding = Binding::new(call.tenant_id(), &[COLLECTION, wanted.state().as_str_name()]);
        let after = Token::decode(&wanted.page_token, binding, 0)?.map_or(Uuid::nil(), |token| token.id);
        let limit = i64::try_from(size + 1).unwrap_or(i64::MAX);
        let found =
            self.db.read(call, move |tx| Box::pin(async move { store::page(tx, state, after, limit).await }));
        let mut found = found.await?;
        let more = found.len() > size;
        found.truncate(size);
        let last = found.last().filter(|_| more).map(|parked| Token { keys: Vec::new(), id: parked.id });
        let next_page_token = last.map(|token| token.encode(binding)).unwrap_or_default();
        Ok(ListParkedEventsResponse { parked_events: found.iter().map(to_wire).collect(), next_page_token })
    }

    async fn retry(&self, call: &Call, id: &str) -> Result<ParkedEvent> {
        let id = id::parse("id", id)?;
        self.db
            .write(call, "retry", move |tx| {
                Box::pin(async move {
                    let was = lock(tx, id).await?;
                    if was.state == State::Behind {
                        let first = store::first(tx, &was.follower, &was.collection, was.record_id).await?;
                        let message = "the event waits for an earlier one of its record";
                        return Err(Error::new(
                            Code::FailedPrecondition,
                            COMMON_DOMAIN,
                            "PARKED_BEHIND",
                            message,
                        )
                        .with("id", first.unwrap_or(id)));
                    }
                    retry(tx, call, &was).await
                })
            })
            .await
    }

    async fn retry_all(&self, call: &Call, follower: &str) -> Result<RetryParkedEventsResponse> {
        self.db
            .write(call, "retry", move |tx| {
                Box::pin(async move {
                    let limit = i64::try_from(AT_ONCE).unwrap_or(i64::MAX);
                    let given_up = store::lock_given_up(tx, follower, limit).await?;
                    for was in &given_up {
                        retry(tx, call, was).await?;
                    }
                    let retried_count = i32::try_from(given_up.len()).unwrap_or(i32::MAX);
                    Ok(RetryParkedEventsResponse { retried_count, more: given_up.len() == AT_ONCE })
                })
            })
            .await
    }

    async fn discard(&self, call: &Call, id: &str, reason: &str) -> Result<ParkedEvent> {
        let id = id::parse("id", id)?;
        self.db
            .write(call, "drop", move |tx| {
                Box::pin(async move {
                    let was = lock(tx, id).await?;
                    parked::discard(tx, &was, call.now).await?;
                    let dropped = ParkedEvent { drop_reason: reason.to_owned(), ..to_wire(&was) };
                    tx.record(change(&was, ChangeKind::Purge, &dropped));
                    Ok(dropped)
                })
            })
            .await
    }
}

async fn lock(tx: &mut Tx<'_>, id: Uuid) -> Result<Parked> {
    store::lock(tx, id).await?.ok_or_else(|| Error::not_found(COLLECTION, id))
}

async fn retry(tx: &mut Tx<'_>, call: &Call, was: &Parked) -> Result<ParkedEvent> {
    parked::retry(tx, was, call.now).await?;
    let now =
        to_wire(&Parked { state: State::Trying, attempts: 0, last_error: String::new(), ..was.clone() });
    tx.record(change(was, ChangeKind::Update, &now));
    Ok(now)
}

fn change(was: &Parked, kind: ChangeKind, now: &ParkedEvent) -> Change {
    Change::new(COLLECTION, was.id, kind, now).audited(Some(&to_wire(was)), Some(now))
}

fn to_wire(parked: &Parked) -> ParkedEvent {
    let state = match parked.state {
        State::Trying => parked_event::State::Trying,
        State::Behind => parked_event::State::Behind,
        State::GivenUp => parked_event::State::GivenUp,
    };
    ParkedEvent {
        id: parked.id.to_string(),
        create_time: Some(time::timestamp(parked.park_time)),
        follower: parked.follower.clone(),
        source: parked.source.clone(),
        event_id: parked.event_id.to_string(),
        event_time: Some(time::timestamp(parked.event_time)),
        collection: parked.collection.clone(),
        record_id: parked.record_id.to_string(),
        state: state.into(),
        attempts: parked.attempts,
        failure: parked.last_error.clone(),
        drop_reason: String::new(),
    }
}

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl ParkedEventService for ParkedEvents {
    async fn list_parked_events(
        &self,
        request: Request<ListParkedEventsRequest>,
    ) -> Answer<ListParkedEventsResponse> {
        Ok(Response::new(self.list(&call_of(&request)?, request.get_ref()).await?))
    }

    async fn retry_parked_event(&self, request: Request<RetryParkedEventRequest>) -> Answer<ParkedEvent> {
        Ok(Response::new(self.retry(&call_of(&request)?, &request.get_ref().id).await?))
    }

    async fn retry_parked_events(
        &self,
        request: Request<RetryParkedEventsRequest>,
    ) -> Answer<RetryParkedEventsResponse> {
        Ok(Response::new(self.retry_all(&call_of(&request)?, &request.get_ref().follower).await?))
    }

    async fn drop_parked_event(&self, request: Request<DropParkedEventRequest>) -> Answer<ParkedEvent> {
        let (call, DropParkedEventRequest { id, reason, .. }) = (call_of(&request)?, request.get_ref());
        Ok(Response::new(self.discard(&call, id, reason).await?))
    }
}
