//! A source with a change log, and followers of it with a database of their own.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use chrono::{DateTime, Utc};
use crm_kit_api::{
    Call, Error,
    call::{Access, Statistics, TenantSettings},
    clock::Clock,
    id,
};
use crm_kit_pg::{
    Change, ChangeKind, Db, Tx,
    follow::{Feed, Follower, Followers, Incoming, operate::ParkedEvents},
    outbox::{CursorKey, EventStreams, Log, StreamSettings, Told},
};
use crm_kit_rpc::{
    client,
    peer::Peers,
    server::{Limits, Server},
};
use crm_proto::crm::{
    event::v1::{
        event_service_server::EventServiceServer, parked_event_service_server::ParkedEventServiceServer,
    },
    platform::v1::Department,
};
use crm_testkit::{Callers, Database, peers};
use futures::{FutureExt as _, future::BoxFuture};
use sqlx::{Row as _, migrate::Migrator};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};
use tonic::{service::Routes, transport::Channel};
use uuid::Uuid;

static MIGRATIONS: Migrator = sqlx::migrate!("tests/migrations");

pub const COLLECTIONS: &[Told] = &[Told { collection: "things", permission: "event.events.read" }];

/// A service with nothing but a change log.
pub struct Source {
    pub db: Db,
    pub clock: Clock,
    pub callers: Callers,
    pub channel: Channel,
    _shutdown: DropGuard,
}

impl Source {
    pub async fn new() -> Self {
        Self::with(Limits::default()).await
    }

    pub async fn with(limits: Limits) -> Self {
        let database = Database::new("source", &[&MIGRATIONS]).await;
        let clock = Clock::fixed(DateTime::from_timestamp(1_800_000_000, 0).unwrap());
        let (tasks, shutdown) = (TaskTracker::new(), CancellationToken::new());
        let (db, callers) = (database.db(), Callers::default());
        let key = CursorKey::derive(b"source", "source");
        let log = Log {
            service: "source",
            db: db.clone(),
            key,
            collections: COLLECTIONS.into(),
            clock: clock.clone(),
        };
        let streams = EventStreams::new(log, StreamSettings::default(), shutdown.clone());
        let routes = Routes::new(EventServiceServer::new(streams));
        let known = peers("source", &clock).and(Arc::new(callers.clone()));
        let server = Server::new("source", routes, known, clock.clone(), limits).await.unwrap();
        let channel = client::join(server, &tasks, shutdown.clone());
        Self { db, clock, callers, channel, _shutdown: shutdown.drop_guard() }
    }

    /// Commits a change of a record that says `note`.
    pub async fn tell(&self, tenant: Uuid, record: Uuid, note: &str) {
        let access = Access::of_service("source".into(), tenant, Uuid::nil(), TenantSettings::default());
        let call = Call {
            access: Arc::new(access),
            now: self.clock.now(),
            deadline: None,
            request_id: "request".into(),
            method: "test".into(),
            overrides: Arc::default(),
            idempotency: None,
            statistics: Arc::new(Statistics::default()),
        };
        let event = &Department { display_name: note.to_owned(), ..Department::default() };
        let told = self.db.write_rows(&call, "test", |tx| {
            tx.record(Change::new("things", record, ChangeKind::Update, event));
            async { Ok(()) }.boxed()
        });
        told.await.unwrap();
    }
}

/// What the effect does when it comes to the event `poison`.
#[derive(Clone, Default)]
pub struct Mood {
    /// Fails.
    pub fails: Arc<AtomicBool>,
    /// Needs something that does not answer.
    pub misses: Arc<AtomicBool>,
    /// Never comes to an end after the effect.
    pub hangs: Arc<AtomicBool>,
    /// Panics.
    pub panics: Arc<AtomicBool>,
}

/// A service that follows the source.
pub struct Sink {
    pub db: Db,
    pub database: Database,
    pub clock: Clock,
    pub mood: Mood,
    source: Channel,
}

impl Sink {
    pub async fn new(source: &Source) -> Self {
        let database = Database::new("sink", &[&MIGRATIONS]).await;
        let mood = Mood::default();
        let clock = source.clock.clone();
        Self { db: database.db(), database, clock, mood, source: source.channel.clone() }
    }

    /// The service for operators, over gRPC.
    pub async fn operated(&self, callers: &Callers) -> (Channel, DropGuard) {
        let (tasks, shutdown) = (TaskTracker::new(), CancellationToken::new());
        let routes = Routes::new(ParkedEventServiceServer::new(ParkedEvents { db: self.db.clone() }));
        let known = self.peers().and(Arc::new(callers.clone()));
        let server = Server::new("sink", routes, known, self.clock.clone(), Limits::default()).await.unwrap();
        (client::join(server, &tasks, shutdown.clone()), shutdown.drop_guard())
    }

    pub fn peers(&self) -> Peers {
        peers("sink", &self.clock).with("source", self.source.clone())
    }

    /// A process of the service: a follower with a holder of its own.
    pub fn follower(&self) -> Follower {
        self.follower_as(&self.peers())
    }

    pub fn follower_as(&self, peers: &Peers) -> Follower {
        let feed = Feed { follower: "things", service: "sink", source: "source", collections: &["things"] };
        let open = Arc::new(peers.events("source").unwrap());
        let mood = self.mood.clone();
        Follower::new(
            self.db.clone(),
            self.clock.clone(),
            feed,
            open,
            Arc::new(move |tx, _, event| apply(mood.clone(), tx, event)),
        )
    }

    /// Followers that run.
    pub fn start(&self) -> (Followers, DropGuard) {
        let (followers, shutdown) = (Followers::default(), CancellationToken::new());
        followers.start(self.follower(), &TaskTracker::new(), &shutdown);
        (followers, shutdown.drop_guard())
    }

    /// Followers that do nothing but when they are drained.
    pub fn idle(&self) -> Followers {
        let (followers, shutdown) = (Followers::default(), CancellationToken::new());
        shutdown.cancel();
        followers.start(self.follower(), &TaskTracker::new(), &shutdown);
        followers
    }

    pub async fn effects(&self) -> Vec<(Uuid, String)> {
        let rows = sqlx::query("SELECT record_id, note FROM effect ORDER BY n")
            .fetch_all(&mut self.database.look().await)
            .await
            .unwrap();
        rows.iter().map(|row| (row.get(0), row.get(1))).collect()
    }

    pub async fn notes(&self) -> Vec<String> {
        self.effects().await.into_iter().map(|(_, note)| note).collect()
    }

    pub async fn sql(&self, sql: &'static str) {
        sqlx::raw_sql(sql).execute(&mut self.database.look().await).await.unwrap();
    }

    pub async fn parked(&self) -> Vec<(Uuid, i16, i32)> {
        let rows = sqlx::query("SELECT id, state, attempts FROM parked_event ORDER BY seq")
            .fetch_all(&mut self.database.look().await)
            .await
            .unwrap();
        rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
    }
}

fn apply<'t>(mood: Mood, tx: &'t mut Tx<'_>, event: &'t Incoming) -> BoxFuture<'t, crm_kit_api::Result<()>> {
    async move {
        let note = event.payload::<Department>()?.unwrap().display_name;
        let insert = "INSERT INTO effect (tenant_id, record_id, note) VALUES ($1, $2, $3)";
        let insert = sqlx::query(insert).bind(tx.tenant_id()).bind(event.record_id).bind(&note);
        insert.execute(tx.conn()).await.map_err(crm_kit_pg::db::database_error)?;
        if note != "poison" {
            return Ok(());
        }
        assert!(!mood.panics.load(Ordering::SeqCst), "poison");
        if mood.hangs.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        if mood.misses.load(Ordering::SeqCst) {
            return Err(Error::unavailable("something else", std::io::Error::other("down")));
        }
        if mood.fails.load(Ordering::SeqCst) { Err(Error::bug("poison")) } else { Ok(()) }
    }
    .boxed()
}

/// A new id.
pub fn new_id() -> Uuid {
    id::new(DateTime::<Utc>::from_timestamp(1_800_000_000, 0).unwrap())
}
