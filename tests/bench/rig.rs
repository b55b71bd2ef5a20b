//! What is measured: the customer service over TCP, the gateway over TCP before it, and an embedded, durable PostgreSQL.

use std::{fs::Permissions, os::unix::fs::PermissionsExt as _, sync::Arc};

use crm_customer::{MIGRATIONS, app};
use crm_gateway::{Backend, Gateway};
use crm_kit_api::clock::Clock;
use crm_kit_pg::{
    Db,
    db::PoolSettings,
    migrate,
    server::{Options, Server},
};
use crm_kit_rpc::server::Limits;
use crm_testkit::{Caller, Callers, Rights};
use sqlx::{PgPool, postgres::PgPoolOptions};
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::transport::{Channel, Endpoint};
use uuid::Uuid;

/// Owners that the accounts are spread over.
pub const OWNERS: usize = 20;

/// Everything a measurement needs.
pub struct Rig {
    pub server: Server,
    /// As the service's role, for the raw limit.
    pub raw: PgPool,
    pub channels: Vec<Channel>,
    pub rest: String,
    /// Sees everything.
    pub boss: Caller,
    /// Sees the accounts of five owners.
    pub lead: Caller,
    pub owners: Vec<Uuid>,
    shutdown: CancellationToken,
    tasks: TaskTracker,
    _folder: tempfile::TempDir,
}

impl Rig {
    pub async fn new() -> Self {
        let folder = open_folder();
        let settings = vec![("max_connections".to_owned(), "200".to_owned())];
        let data_dir = folder.path().join("data");
        let server =
            Server::start(Options { data_dir, bin_dir: None, settings, durable: true }).await.unwrap();
        server.ensure_database("bench", "bench_owner", "bench_service").await.unwrap();
        let service = server.options("bench", "bench_service").unwrap();
        migrate::run(&server.options("bench", "bench_owner").unwrap(), "bench_service", &MIGRATIONS)
            .await
            .unwrap();

        let callers = Callers::default();
        let tenant = Uuid::new_v4();
        let owners: Vec<Uuid> = (0..OWNERS).map(|_| Uuid::new_v4()).collect();
        let boss = callers.add(&Rights::all(tenant));
        let lead = callers.add(&Rights::all(tenant).with_team(&owners[..5]));
        let (tasks, shutdown) = (TaskTracker::new(), CancellationToken::new());
        let customer = app::build(app::Parts {
            db: Db::new(service.clone(), &PoolSettings::default()),
            authenticator: Arc::new(callers),
            peers: crm_testkit::peers_alone(app::NAME, &Clock::system()),
            followers: crm_kit_pg::follow::Followers::default(),
            clock: Clock::system(),
            cursor_secret: b"bench".to_vec(),
            limits: Limits::default(),
            tasks: tasks.clone(),
            shutdown: shutdown.clone(),
        })
        .await
        .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tasks.spawn(customer.serve(listener, shutdown.clone()));
        let rest = gateway(&address, &tasks, &shutdown).await;
        let channels =
            (0..4).map(|_| Endpoint::from_shared(address.clone()).unwrap().connect_lazy()).collect();
        let raw = PgPoolOptions::new()
            .max_connections(64)
            .test_before_acquire(false)
            .connect_with(service)
            .await
            .unwrap();
        Self { server, raw, channels, rest, boss, lead, owners, shutdown, tasks, _folder: folder }
    }

    pub fn tenant(&self) -> Uuid {
        self.boss.tenant_id
    }

    /// A channel for a caller; callers share a few connections.
    pub fn channel(&self, caller: usize) -> &Channel {
        &self.channels[caller % self.channels.len()]
    }

    pub async fn stop(self) {
        self.shutdown.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.raw.close().await;
        self.server.stop().await.unwrap();
    }
}

/// A temporary folder that every account may pass through: as root the database runs as another.
pub fn open_folder() -> tempfile::TempDir {
    tempfile::Builder::new().permissions(Permissions::from_mode(0o711)).tempdir().unwrap()
}

async fn gateway(customer: &str, tasks: &TaskTracker, shutdown: &CancellationToken) -> String {
    let channel = Endpoint::from_shared(customer.to_owned()).unwrap().connect_lazy();
    let settings = crm_gateway::Settings { rate_per_second: 0, ..crm_gateway::Settings::default() };
    let backends = vec![Backend::new("customer", channel)];
    let gateway = Gateway::new(crm_gateway::contract().unwrap(), backends, settings).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let shutdown = shutdown.clone();
    tasks.spawn(async move { gateway.serve(listener, shutdown).await.unwrap() });
    address
}
