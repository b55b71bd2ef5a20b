//! The streaming service.

use std::{collections::HashMap, pin::Pin, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use crm_kit_api::{Call, Error, Result, call::Scope, clock::Clock, error::COMMON_DOMAIN, time};
use crm_proto::crm::event::v1::{
    Event, StartFrom, StreamEventsRequest, SubscribeRequest, SubscribeResponse,
    event_service_server::EventService,
};
use futures::{Stream, StreamExt as _};
use tokio::sync::{Mutex, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::{Code, Request, Response, Status, Streaming};
use uuid::Uuid;

use super::{
    cursor::{CursorKey, Position},
    lag::{Lag, Lags},
    read::{self, Row},
};
use crate::db::Db;

/// Most events in one response.
const BATCH: i64 = 500;
/// Most bytes of events in one response, so that it stays below the message limit.
const BATCH_BYTES: usize = 1 << 20;
/// How often the lag of a subscriber that takes nothing is measured.
const MEASURE: Duration = Duration::from_secs(5);

/// How streams behave.
#[derive(Clone, Debug)]
pub struct StreamSettings {
    /// Longest silence; then a keep-alive with the newest cursor is sent.
    pub keep_alive: Duration,
    /// How often the log is read when no commit of this process woke the stream.
    pub poll: Duration,
    /// Most streams one caller may have open.
    pub streams_per_caller: usize,
}

impl Default for StreamSettings {
    fn default() -> Self {
        Self { keep_alive: Duration::from_secs(20), poll: Duration::from_millis(500), streams_per_caller: 16 }
    }
}

/// A collection whose changes a service tells.
#[derive(Clone, Copy, Debug)]
pub struct Told {
    /// Its name.
    pub collection: &'static str,
    /// Permission to read its records, and so to hear of them.
    pub permission: &'static str,
}

/// The log that is streamed.
#[derive(Clone, Debug)]
pub struct Log {
    /// The service's name, for metrics.
    pub service: &'static str,
    /// Its database.
    pub db: Db,
    /// Seals cursors.
    pub key: CursorKey,
    /// Collections the service tells about.
    pub collections: Arc<[Told]>,
    /// Tells the time.
    pub clock: Clock,
}

/// `crm.event.v1.EventService` over one service's outbox.
#[derive(Clone, Debug)]
pub struct EventStreams {
    db: Db,
    key: CursorKey,
    collections: Arc<[Told]>,
    clock: Clock,
    lags: Lags,
    settings: StreamSettings,
    tasks: TaskTracker,
    shutdown: CancellationToken,
    open: Arc<Mutex<HashMap<Uuid, usize>>>,
}

type Responses = Pin<Box<dyn Stream<Item = Result<SubscribeResponse, Status>> + Send>>;

impl EventStreams {
    /// Streams of a log, which end when `shutdown` is cancelled.
    pub fn new(log: Log, settings: StreamSettings, shutdown: CancellationToken) -> Self {
        let Log { service, db, key, collections, clock } = log;
        Self {
            db,
            key,
            collections,
            clock,
            lags: Lags::new(service),
            settings,
            tasks: TaskTracker::new(),
            shutdown,
            open: Arc::default(),
        }
    }

    async fn start(
        &self,
        call: Call,
        start_from: StartFrom,
        cursor: &str,
        collections: Vec<String>,
        credit: Credit,
    ) -> Result<Responses> {
        let collections = self.readable(&call, collections)?;
        let position = self.start_position(&call, start_from, cursor).await?;
        let place = self.take_place(call.caller_id()).await?;
        let (sender, receiver) = mpsc::channel(2);
        let frontier = if call.access.spans_tenants() {
            Some(read::frontier(&mut *self.db.system().await?).await?)
        } else {
            None
        };
        let lag = self.lags.open(call.access.service.as_ref());
        let streams = self.clone();
        let tail = Tail { streams, call, collections, position, credit, sender, frontier, lag, oldest: None };
        self.tasks.spawn(async move {
            tail.run().await;
            place.release().await;
        });
        Ok(Box::pin(ReceiverStream::new(receiver)))
    }

    /// The collections asked for, each of which the caller must be allowed to read; when none is named, all that the caller may read.
    fn readable(&self, call: &Call, wanted: Vec<String>) -> Result<Vec<String>> {
        for name in &wanted {
            let Some(told) = self.collections.iter().find(|told| told.collection == name) else {
                let message = format!("{name} is not a collection of this service");
                return Err(Error::invalid_field("collections", "COLLECTION_UNKNOWN", message));
            };
            if !call.access.spans_tenants() {
                call.require(told.permission)?;
            }
        }
        if !wanted.is_empty() {
            return Ok(wanted);
        }
        let all = call.access.spans_tenants();
        let readable =
            self.collections.iter().filter(|told| all || call.access.permissions.allows(told.permission));
        let readable: Vec<String> = readable.map(|told| told.collection.to_owned()).collect();
        match (readable.is_empty(), self.collections.first()) {
            (true, Some(told)) => Err(Error::permission_missing(told.permission)),
            _ => Ok(readable),
        }
    }

    async fn start_position(&self, call: &Call, start_from: StartFrom, cursor: &str) -> Result<Position> {
        if start_from != StartFrom::After && !cursor.is_empty() {
            return Err(Error::invalid_field("cursor", "CURSOR_INVALID", "goes with START_FROM_AFTER only"));
        }
        let tenant = call.tenant_id();
        match start_from {
            StartFrom::Earliest => Ok(Position::default()),
            StartFrom::After => {
                let position = self.key.open(tenant, cursor)?;
                let trimmed = self.trimmed(call).await?;
                if trimmed.is_some_and(|trimmed| position < trimmed) {
                    Err(resync_required())
                } else {
                    Ok(position)
                }
            }
            StartFrom::Latest | StartFrom::Unspecified => {
                // Everything already given a transaction id is before LATEST unless it commits later.
                let horizon = self
                    .db
                    .read_for_tenant(tenant, |tx| Box::pin(async move { read::horizon(tx.conn()).await }))
                    .await?;
                Ok(below(horizon))
            }
        }
    }

    /// Where what the caller reads was cut.
    async fn trimmed(&self, call: &Call) -> Result<Option<Position>> {
        if call.access.spans_tenants() {
            return read::trimmed_of_all(&mut *self.db.system().await?).await;
        }
        let tenant = call.tenant_id();
        self.db
            .read_for_tenant(tenant, move |tx| {
                Box::pin(async move { read::trimmed(tx.conn(), tenant).await })
            })
            .await
    }

    async fn take_place(&self, caller: Uuid) -> Result<Place> {
        let mut open = self.open.lock().await;
        let count = open.entry(caller).or_default();
        if *count >= self.settings.streams_per_caller {
            let limit = self.settings.streams_per_caller;
            let wait = Duration::from_secs(5);
            return Err(Error::exhausted("TOO_MANY_STREAMS", "you have too many open streams", wait)
                .with("limit", limit));
        }
        *count += 1;
        Ok(Place { open: Arc::clone(&self.open), caller })
    }
}

/// One caller's place among its open streams.
struct Place {
    open: Arc<Mutex<HashMap<Uuid, usize>>>,
    caller: Uuid,
}

impl Place {
    async fn release(self) {
        let mut open = self.open.lock().await;
        if let Some(count) = open.get_mut(&self.caller) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.caller);
            }
        }
    }
}

/// What a subscriber is ready for.
enum Credit {
    /// As many events as were asked for; more may be asked for on the stream.
    Counted { left: i64, more: Box<Streaming<SubscribeRequest>>, closed: bool },
    /// As many as the connection takes, up to a total.
    Unbounded { left: Option<i64> },
}

impl Credit {
    fn left(&self) -> i64 {
        match self {
            Self::Counted { left, .. } => *left,
            Self::Unbounded { left } => left.unwrap_or(i64::MAX),
        }
    }

    fn spend(&mut self, events: i64) {
        match self {
            Self::Counted { left, .. } | Self::Unbounded { left: Some(left) } => *left -= events,
            Self::Unbounded { left: None } => {}
        }
    }

    fn reported(&self) -> i32 {
        match self {
            Self::Counted { left, .. } => i32::try_from(*left).unwrap_or(i32::MAX),
            Self::Unbounded { .. } => 0,
        }
    }

    /// Whether the stream ends because everything asked for was sent.
    fn is_over(&self) -> bool {
        match self {
            Self::Counted { left, closed, .. } => *closed && *left <= 0,
            Self::Unbounded { left } => left.is_some_and(|left| left <= 0),
        }
    }

    /// Waits for more credit; never returns for a subscriber that cannot send any.
    async fn more(&mut self) -> Result<(), Status> {
        match self {
            Self::Counted { left, more, closed } if !*closed => {
                match more.next().await {
                    Some(request) => *left = left.saturating_add(i64::from(request?.credit)),
                    None => *closed = true,
                }
                Ok(())
            }
            _ => std::future::pending().await,
        }
    }
}

/// One open stream.
struct Tail {
    streams: EventStreams,
    call: Call,
    collections: Vec<String>,
    position: Position,
    credit: Credit,
    sender: mpsc::Sender<Result<SubscribeResponse, Status>>,
    /// Of a service that follows, until it is told that it has caught up: the first transaction that had not begun when the stream was opened.
    frontier: Option<i64>,
    lag: Lag,
    /// When the oldest event that was not sent was made, if there is one.
    oldest: Option<DateTime<Utc>>,
}

impl Tail {
    async fn run(mut self) {
        if let Err(error) = self.follow().await {
            let _ = self.sender.send(Err(error)).await;
        }
    }

    async fn follow(&mut self) -> Result<(), Status> {
        let mut committed = self.streams.db.committed();
        let mut keep_alive = tokio::time::interval(self.streams.settings.keep_alive);
        keep_alive.reset();
        loop {
            committed.mark_unchanged();
            while self.credit.left() > 0 && self.advance().await? {
                keep_alive.reset();
            }
            if self.credit.is_over() {
                return Ok(());
            }
            let poll = tokio::time::sleep(self.streams.settings.poll);
            tokio::select! {
                () = self.streams.shutdown.cancelled() => {
                    return Err(Status::unavailable("the server is going down; subscribe again after the last cursor"));
                }
                () = self.sender.closed() => return Ok(()),
                more = self.credit.more() => more?,
                _ = keep_alive.tick() => {
                    self.look_ahead().await?;
                    self.send(Vec::new()).await;
                }
                _ = committed.changed(), if self.credit.left() > 0 => {}
                () = poll, if self.credit.left() > 0 => {}
            }
        }
    }

    /// Sends the next batch; whether there may be more right away.
    async fn advance(&mut self) -> Result<bool, Status> {
        let limit = self.credit.left().min(BATCH);
        let (rows, horizon) = self.read(limit).await?;
        self.oldest = rows.first().map(|row| row.event_time);
        let newest = rows.last().map(|row| row.event_time);
        let is_full = i64::try_from(rows.len()).is_ok_and(|count| count == limit);
        let mut events = Vec::with_capacity(rows.len());
        let mut bytes = 0;
        let mut cut = false;
        for row in rows {
            bytes += row.payload.len();
            if bytes > BATCH_BYTES && !events.is_empty() {
                cut = true;
                break;
            }
            self.position = Position { tx: row.tx, seq: row.seq };
            let cursor = self.streams.key.seal(self.call.tenant_id(), self.position);
            let tenant_id =
                if self.call.access.spans_tenants() { row.tenant_id.to_string() } else { String::new() };
            events.push(event(row, tenant_id, cursor));
        }
        let more = is_full || cut;
        if !more {
            self.position = self.position.max(below(horizon));
        }
        if !events.is_empty() {
            self.credit.spend(i64::try_from(events.len()).unwrap_or(i64::MAX));
            self.send(events).await;
        }
        self.oldest = newest.filter(|_| more);
        self.measure();
        if !more && self.frontier.is_some_and(|frontier| horizon >= frontier) {
            self.frontier = None;
            self.send(Vec::new()).await;
        }
        Ok(more && !self.sender.is_closed())
    }

    /// Learns whether a subscriber without credit has anything to wait for.
    async fn look_ahead(&mut self) -> Result<()> {
        if self.credit.left() <= 0 {
            let (rows, _) = self.read(1).await?;
            self.oldest = rows.first().map(|row| row.event_time);
            self.measure();
        }
        Ok(())
    }

    fn measure(&self) {
        self.lag.set(self.oldest, self.streams.clock.now());
    }

    async fn read(&self, limit: i64) -> Result<(Vec<Row>, i64)> {
        let (tenant, position) = (self.call.tenant_id(), self.position);
        if self.call.access.spans_tenants() {
            let mut conn = self.streams.db.system().await?;
            let horizon = read::horizon(&mut conn).await?;
            let rows = read::after_of_all(&mut conn, position, horizon, &self.collections, limit).await?;
            return Ok((rows, horizon));
        }
        let (scope, collections): (&Scope, &[String]) = (&self.call.access.scope, &self.collections);
        self.streams
            .db
            .read_for_tenant(tenant, move |tx| {
                Box::pin(async move {
                    let horizon = read::horizon(tx.conn()).await?;
                    let rows = read::after(tx.conn(), tenant, position, horizon, (scope, collections), limit)
                        .await?;
                    Ok((rows, horizon))
                })
            })
            .await
    }

    async fn send(&mut self, events: Vec<Event>) {
        let response = SubscribeResponse {
            events,
            cursor: self.streams.key.seal(self.call.tenant_id(), self.position),
            credit_left: self.credit.reported(),
        };
        loop {
            tokio::select! {
                place = self.sender.reserve() => {
                    // A subscriber that left is noticed by the loop.
                    if let Ok(place) = place {
                        place.send(Ok(response));
                    }
                    return;
                }
                () = tokio::time::sleep(MEASURE) => self.measure(),
            }
        }
    }
}

/// The last position before the first row of transaction `horizon`.
fn below(horizon: i64) -> Position {
    Position { tx: horizon - 1, seq: i64::MAX }
}

fn event(row: Row, tenant_id: String, cursor: String) -> Event {
    Event {
        id: row.id.to_string(),
        cursor,
        event_time: Some(time::timestamp(row.event_time)),
        collection: row.collection,
        record_id: row.record_id.to_string(),
        change_kind: row.change_kind.into(),
        changed_fields: (!row.changed_fields.is_empty())
            .then_some(prost_types::FieldMask { paths: row.changed_fields }),
        transaction_id: format!("{:x}", row.tx),
        actor_id: row.actor_id.to_string(),
        request_id: row.request_id,
        payload: Some(prost_types::Any {
            type_url: format!("type.googleapis.com/{}", row.type_name),
            value: row.payload,
        }),
        tenant_id,
    }
}

fn resync_required() -> Error {
    Error::new(
        Code::FailedPrecondition,
        COMMON_DOMAIN,
        "RESYNC_REQUIRED",
        "the cursor is older than the log reaches back; read the records anew and subscribe with LATEST",
    )
}

/// The call that a request is.
pub(crate) fn call_of<T>(request: &Request<T>) -> Result<Call> {
    request.extensions().get::<Call>().cloned().ok_or_else(|| Error::bug("no call on the request"))
}

#[tonic::async_trait]
impl EventService for EventStreams {
    type SubscribeStream = Responses;
    type StreamEventsStream = Responses;

    async fn subscribe(
        &self,
        request: Request<Streaming<SubscribeRequest>>,
    ) -> Result<Response<Responses>, Status> {
        let call = call_of(&request)?;
        let mut requests = request.into_inner();
        let first = requests.next().await.transpose()?.unwrap_or_default();
        if first.credit < 1 {
            return Err(Error::invalid_field(
                "credit",
                "TOO_SMALL",
                "must be at least 1 in the first request",
            )
            .into());
        }
        let start_from = first.start_from();
        let credit = Credit::Counted { left: first.credit.into(), more: Box::new(requests), closed: false };
        Ok(Response::new(self.start(call, start_from, &first.cursor, first.collections, credit).await?))
    }

    async fn stream_events(
        &self,
        request: Request<StreamEventsRequest>,
    ) -> Result<Response<Responses>, Status> {
        let call = call_of(&request)?;
        let request = request.into_inner();
        let left = (request.max_events > 0).then_some(request.max_events.into());
        let credit = Credit::Unbounded { left };
        let start_from = request.start_from();
        Ok(Response::new(self.start(call, start_from, &request.cursor, request.collections, credit).await?))
    }
}
