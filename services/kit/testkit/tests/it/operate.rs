//! What operators see of parked events and do with them.

use std::sync::atomic::Ordering::SeqCst;

use chrono::TimeDelta;
use crm_proto::crm::event::v1::{
    DropParkedEventRequest, ListParkedEventsRequest, ParkedEvent, RetryParkedEventRequest,
    RetryParkedEventsRequest, RetryParkedEventsResponse, parked_event::State,
    parked_event_service_client::ParkedEventServiceClient,
};
use crm_testkit::{
    Callers, Rights,
    callers::Bearer,
    status::{assert_error, metadata, violations},
};
use sqlx::Row as _;
use tonic::{Code, Status, service::interceptor::InterceptedService, transport::Channel};
use uuid::Uuid;

use crate::rig::{Sink, Source, new_id};

/// Somebody who looks after a tenant.
pub struct Operator {
    client: ParkedEventServiceClient<InterceptedService<Channel, Bearer>>,
    id: Uuid,
}

impl Operator {
    pub fn new(callers: &Callers, channel: &Channel, tenant: Uuid) -> Self {
        Self::with(callers, channel, &Rights::all(tenant))
    }

    fn with(callers: &Callers, channel: &Channel, rights: &Rights) -> Self {
        let caller = callers.add(rights);
        Self { client: ParkedEventServiceClient::new(caller.on(channel)), id: caller.id }
    }

    pub async fn retry(&self, id: Uuid) -> Result<ParkedEvent, Status> {
        let request = RetryParkedEventRequest { id: id.to_string(), service: String::new() };
        self.client.clone().retry_parked_event(request).await.map(tonic::Response::into_inner)
    }

    pub async fn discard(&self, id: Uuid, reason: &str) -> Result<ParkedEvent, Status> {
        let request =
            DropParkedEventRequest { id: id.to_string(), reason: reason.into(), service: String::new() };
        self.client.clone().drop_parked_event(request).await.map(tonic::Response::into_inner)
    }

    async fn retry_all(&self, follower: &str) -> Result<RetryParkedEventsResponse, Status> {
        let request = RetryParkedEventsRequest { follower: follower.into(), service: String::new() };
        self.client.clone().retry_parked_events(request).await.map(tonic::Response::into_inner)
    }

    /// All pages of two, and how many they are.
    async fn list(&self, state: State) -> Result<(Vec<ParkedEvent>, usize), Status> {
        let (mut all, mut pages, mut page_token) = (Vec::new(), 0, String::new());
        loop {
            let request = ListParkedEventsRequest {
                page_size: 2,
                page_token,
                state: state.into(),
                service: String::new(),
            };
            let page = self.client.clone().list_parked_events(request).await?.into_inner();
            all.extend(page.parked_events);
            pages += 1;
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok((all, pages));
            }
        }
    }
}

/// Events that failed for one record and one that failed for another, all given up.
async fn parked(sink: &Sink, source: &Source, tenant: Uuid) -> [Uuid; 4] {
    let (one, other) = (new_id(), new_id());
    for (record, note) in [(one, "poison"), (one, "a"), (one, "b"), (other, "poison")] {
        source.tell(tenant, record, note).await;
    }
    sink.mood.fails.store(true, SeqCst);
    let followers = sink.idle();
    followers.drain().await.unwrap();
    for _ in 0..12 {
        sink.clock.advance(TimeDelta::minutes(10));
        followers.drain().await.unwrap();
    }
    let parked = sink.parked().await;
    let states: Vec<i16> = parked.iter().map(|(_, state, _)| *state).collect();
    assert_eq!(states, [3, 2, 2, 3]);
    [0, 1, 2, 3].map(|index| parked[index].0)
}

/// Action, actor and record of the audit rows, in their order.
async fn audited(sink: &Sink) -> Vec<(String, Uuid, Uuid)> {
    let sql =
        "SELECT action, actor_id, record_id FROM audit_log WHERE collection = 'parkedEvents' ORDER BY id";
    let rows = sqlx::query(sql).fetch_all(&mut sink.database.look().await).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
}

#[tokio::test]
async fn operators_see_retry_and_drop_parked_events_of_their_tenant() {
    let source = Source::new().await;
    let sink = Sink::new(&source).await;
    let tenant = new_id();
    let [first, second, third, lone] = parked(&sink, &source, tenant).await;
    let callers = Callers::default();
    let (channel, _serving) = sink.operated(&callers).await;
    let operator = Operator::new(&callers, &channel, tenant);

    let (all, pages) = operator.list(State::Unspecified).await.unwrap();
    let ids: Vec<String> = all.iter().map(|one| one.id.clone()).collect();
    assert_eq!((ids, pages), ([first, second, third, lone].map(|id| id.to_string()).to_vec(), 2));
    let told = &all[0];
    assert_eq!((told.state(), told.attempts, told.follower.as_str()), (State::GivenUp, 10, "things"));
    assert_eq!((told.source.as_str(), told.collection.as_str()), ("source", "things"));
    assert!(told.failure.contains("poison"), "{}", told.failure);
    assert_eq!(operator.list(State::Behind).await.unwrap().0.len(), 2);

    let refused = operator.retry(second).await;
    let refused = assert_error(refused, Code::FailedPrecondition, "PARKED_BEHIND");
    assert_eq!(metadata(&refused, "id"), first.to_string());
    let refused = assert_error(operator.discard(first, "").await, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(violations(&refused)[0].0, "reason");

    // It fails again and waits for its next attempt.
    let retried = operator.retry(first).await.unwrap();
    assert_eq!((retried.state(), retried.attempts, retried.failure.as_str()), (State::Trying, 0, ""));
    let dropped = operator.discard(second, "a and b say the same").await.unwrap();
    assert_eq!((dropped.state(), dropped.drop_reason.as_str()), (State::Behind, "a and b say the same"));
    assert_error(operator.discard(second, "again").await, Code::NotFound, "NOT_FOUND");
    let done = audited(&sink).await;
    assert_eq!(done, [("retry".to_owned(), operator.id, first), ("drop".to_owned(), operator.id, second)]);

    sink.mood.fails.store(false, SeqCst);
    let all = operator.retry_all("others").await.unwrap();
    assert_eq!((all.retried_count, all.more), (0, false));
    assert_eq!(operator.retry_all("things").await.unwrap().retried_count, 1, "the one that was given up");
    let followers = sink.idle();
    while !sink.parked().await.is_empty() {
        followers.drain().await.unwrap();
    }
    let mut notes = sink.notes().await;
    notes.sort();
    assert_eq!(notes, ["b", "poison", "poison"]);
    assert!(third != lone && audited(&sink).await.len() == 3);
}

#[tokio::test]
async fn parked_events_are_for_those_with_the_right_and_of_the_tenant() {
    let source = Source::new().await;
    let sink = Sink::new(&source).await;
    let tenant = new_id();
    let [first, ..] = parked(&sink, &source, tenant).await;
    let callers = Callers::default();
    let (channel, _serving) = sink.operated(&callers).await;
    let stranger = Operator::new(&callers, &channel, new_id());
    assert_eq!(stranger.list(State::Unspecified).await.unwrap().0, []);
    assert_error(stranger.retry(first).await, Code::NotFound, "NOT_FOUND");
    assert_error(stranger.discard(first, "mine?").await, Code::NotFound, "NOT_FOUND");
    assert_eq!(stranger.retry_all("").await.unwrap().retried_count, 0);
    let reader = Rights::all(tenant).with_permissions(&["event.events.read", "customer.*"]);
    let reader = Operator::with(&callers, &channel, &reader);
    for refused in [reader.list(State::Unspecified).await.map(drop), reader.retry(first).await.map(drop)] {
        let refused = assert_error(refused, Code::PermissionDenied, "PERMISSION_MISSING");
        assert_eq!(metadata(&refused, "permission"), "event.parkedEvents.manage");
    }
    assert_error(reader.discard(first, "x").await, Code::PermissionDenied, "PERMISSION_MISSING");
    assert_error(reader.retry_all("").await, Code::PermissionDenied, "PERMISSION_MISSING");
    assert_eq!((sink.parked().await.len(), audited(&sink).await.len()), (4, 0));
}
