//! What is measured: the customer and the sales service over TCP, the gateway over TCP before the first, and an embedded, durable PostgreSQL.

use std::{fs::Permissions, os::unix::fs::PermissionsExt as _, sync::Arc};

use crm_gateway::{Backend, Gateway};
use crm_kit_api::clock::Clock;
use crm_kit_pg::{
    Db,
    db::PoolSettings,
    migrate,
    server::{Options, Server},
};
use crm_kit_rpc::server::{Limits, Server as Service};
use crm_testkit::{Caller, Callers, Rights};
use sqlx::{
    PgPool,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::transport::{Channel, Endpoint};
use uuid::Uuid;

/// Owners that the accounts are spread over.
pub const OWNERS: usize = 20;

/// A service under measurement.
pub struct Measured {
    /// As the service's role, for the raw limit.
    pub raw: PgPool,
    /// As the owner of the tables, for set-up.
    pub owner: PgConnectOptions,
    channels: Vec<Channel>,
}

impl Measured {
    /// A channel for a caller; callers share a few connections.
    pub fn channel(&self, caller: usize) -> &Channel {
        &self.channels[caller % self.channels.len()]
    }
}

/// Everything a measurement needs.
pub struct Rig {
    pub server: Server,
    pub customer: Measured,
    pub sales: Measured,
    pub rest: String,
    /// Sees everything.
    pub boss: Caller,
    /// Sees the records of five owners.
    pub lead: Caller,
    /// Sees everything in another tenant, whose people report to it.
    pub director: Caller,
    pub owners: Vec<Uuid>,
    shutdown: CancellationToken,
    tasks: TaskTracker,
    _folder: tempfile::TempDir,
}

impl Rig {
    pub async fn new() -> Self {
        let folder = open_folder();
        let settings = vec![("max_connections".to_owned(), "300".to_owned())];
        let data_dir = folder.path().join("data");
        let server =
            Server::start(Options { data_dir, bin_dir: None, settings, durable: true }).await.unwrap();
        let callers = Callers::default();
        let tenant = Uuid::new_v4();
        let owners: Vec<Uuid> = (0..OWNERS).map(|_| Uuid::new_v4()).collect();
        let boss = callers.add(&Rights::all(tenant));
        let lead = callers.add(&Rights::all(tenant).with_team(&owners[..5]));
        let director = callers.add(&Rights::all(Uuid::new_v4()));
        let (tasks, shutdown) = (TaskTracker::new(), CancellationToken::new());
        let house = House { server: &server, callers, tasks: &tasks, shutdown: &shutdown };
        let (customer, address) = house.customer().await;
        let (sales, _) = house.sales().await;
        for service in [&customer, &sales] {
            introduce(service, tenant, &owners).await;
        }
        let rest = gateway(&address, &tasks, &shutdown).await;
        Self { server, customer, sales, rest, boss, lead, director, owners, shutdown, tasks, _folder: folder }
    }

    pub fn tenant(&self) -> Uuid {
        self.boss.tenant_id
    }

    pub async fn stop(self) {
        self.shutdown.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.customer.raw.close().await;
        self.sales.raw.close().await;
        self.server.stop().await.unwrap();
    }
}

/// What services are started with.
struct House<'h> {
    server: &'h Server,
    callers: Callers,
    tasks: &'h TaskTracker,
    shutdown: &'h CancellationToken,
}

impl House<'_> {
    async fn customer(&self) -> (Measured, String) {
        use crm_customer::app::{NAME, Parts, build};
        let (service, owner) = self.database(NAME, &crm_customer::MIGRATIONS).await;
        let built = build(Parts {
            db: Db::new(service.clone(), &PoolSettings::default()),
            authenticator: Arc::new(self.callers.clone()),
            peers: crm_testkit::peers_alone(NAME, &Clock::system()),
            followers: crm_kit_pg::follow::Followers::default(),
            clock: Clock::system(),
            cursor_secret: b"bench".to_vec(),
            limits: Limits::default(),
            tasks: self.tasks.clone(),
            shutdown: self.shutdown.clone(),
        });
        self.serve(built.await.unwrap(), service, owner).await
    }

    async fn sales(&self) -> (Measured, String) {
        use crm_sales::app::{NAME, Parts, build};
        let (service, owner) = self.database(NAME, &crm_sales::MIGRATIONS).await;
        let built = build(Parts {
            db: Db::new(service.clone(), &PoolSettings::default()),
            authenticator: Arc::new(self.callers.clone()),
            peers: crm_testkit::peers_alone(NAME, &Clock::system()),
            followers: crm_kit_pg::follow::Followers::default(),
            clock: Clock::system(),
            cursor_secret: b"bench".to_vec(),
            limits: Limits::default(),
            tasks: self.tasks.clone(),
            shutdown: self.shutdown.clone(),
        });
        self.serve(built.await.unwrap(), service, owner).await
    }

    /// A database of a service; how its role and its owner connect.
    async fn database(&self, name: &str, migrations: &[&Migrator]) -> (PgConnectOptions, PgConnectOptions) {
        let [database, owner, service] =
            ["", "_owner", "_service"].map(|suffix| format!("bench_{name}{suffix}"));
        self.server.ensure_database(&database, &owner, &service).await.unwrap();
        let owner = self.server.options(&database, &owner).unwrap();
        migrate::run(&owner, &service, migrations).await.unwrap();
        (self.server.options(&database, &service).unwrap(), owner)
    }

    async fn serve(
        &self,
        built: Service,
        service: PgConnectOptions,
        owner: PgConnectOptions,
    ) -> (Measured, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        self.tasks.spawn(built.serve(listener, self.shutdown.clone()));
        let channels =
            (0..4).map(|_| Endpoint::from_shared(address.clone()).unwrap().connect_lazy()).collect();
        let pool = PgPoolOptions::new().max_connections(64).test_before_acquire(false);
        let raw = pool.connect_with(service).await.unwrap();
        (Measured { raw, owner, channels }, address)
    }
}

/// Tells a service of users, as it would learn of them from the platform: it gives records to nobody else.
async fn introduce(service: &Measured, tenant_id: Uuid, users: &[Uuid]) {
    let mut conn = sqlx::ConnectOptions::connect(&service.owner).await.unwrap();
    let sql = "INSERT INTO colleague (tenant_id, id, display_name, username, email, state, department_ids, change_time, learn_time) \
               SELECT $1, id, 'Owner', 'owner', '', 1, '{}', now(), now() FROM unnest($2::uuid[]) id";
    sqlx::query(sql).bind(tenant_id).bind(users).execute(&mut conn).await.unwrap();
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
