//! Every service and the gateway put together, joined in memory.

use std::{path::PathBuf, sync::Arc, time::Duration};

use crm_gateway::{Backend, Gateway, Settings};
use crm_kit_api::clock::Clock;
use crm_kit_pg::{Db, db::PoolSettings, follow::Followers, migrate, server::DatabaseNames};
use crm_kit_rpc::{
    auth::RemoteAccess,
    client::{self, Door},
    peer::Peers,
    server::{Limits, Server},
    telemetry::PrometheusHandle,
};
use crm_platform::config::Security;
use sqlx::migrate::Migrator;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::transport::Channel;

use super::{CUSTOMER, PLATFORM, SALES, database::Database, secrets::Secrets};
use crate::failure::{Failure, Result};

/// Pause between looks at a database.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What runs.
pub struct Suite {
    pub gateway: Gateway,
    pub clock: Clock,
    /// Database of the platform.
    pub platform_db: Db,
    customer_db: Db,
    sales_db: Db,
    /// Public API of the platform.
    pub platform: Channel,
    /// Public API of the customer service.
    pub customer: Channel,
    /// Public API of the sales service.
    pub sales: Channel,
}

/// What the suite is built on.
pub struct Ground {
    pub database: Arc<Database>,
    pub folder: PathBuf,
    pub metrics: PrometheusHandle,
    /// Tasks of the services.
    pub tasks: TaskTracker,
    /// Ends the services; cancelled once the gateway has nothing more to ask of them.
    pub end: CancellationToken,
}

impl Suite {
    /// Prepares the databases, starts the services, joins them to each other and to the gateway.
    pub async fn build(ground: &Ground) -> Result<Self> {
        let secrets = Secrets::open(&ground.folder)?;
        let clock = Clock::system();
        let (platform_db, customer_db, sales_db) = tokio::try_join!(
            database(&ground.database, PLATFORM, &crm_platform::MIGRATIONS),
            database(&ground.database, CUSTOMER, &crm_customer::MIGRATIONS),
            database(&ground.database, SALES, &crm_sales::MIGRATIONS),
        )?;
        let platform = platform(ground, &secrets, clock.clone(), platform_db.clone()).await?;
        // Customer and sales ask each other.
        let (customer, door) = client::door();
        let near = (platform.clone(), customer.clone());
        let sales = sales(ground, &secrets, clock.clone(), sales_db.clone(), near).await?;
        let near = (platform.clone(), sales.clone());
        self::customer(ground, &secrets, clock.clone(), (customer_db.clone(), door), near).await?;
        let gateway = gateway(ground, platform.clone(), customer.clone(), sales.clone())?;
        Ok(Self { gateway, clock, platform_db, customer_db, sales_db, platform, customer, sales })
    }

    /// Gives back the connections to the database.
    pub async fn close(&self) {
        self.platform_db.close().await;
        self.customer_db.close().await;
        self.sales_db.close().await;
    }
}

async fn database(server: &Database, names: DatabaseNames<'_>, migrations: &[&Migrator]) -> Result<Db> {
    migrate::run(&server.options(names, names.owner)?, names.role, migrations).await?;
    Ok(Db::new(server.options(names, names.role)?, &PoolSettings::default()))
}

async fn platform(ground: &Ground, secrets: &Secrets, clock: Clock, db: Db) -> Result<Channel> {
    let parts = crm_platform::app::Parts {
        db: db.clone(),
        peers: Peers::new(crm_platform::app::NAME, &secrets.internal_secret(), clock.clone())?,
        clock,
        // Nobody but our own gateway reaches the service.
        security: Security { secret_key: secrets.secret_key(), operator_key: None, trust_client_ip: true },
        cursor_secret: secrets.cursor_secret(),
        limits: Limits::default(),
        tasks: ground.tasks.clone(),
        shutdown: ground.end.clone(),
    };
    let app = crm_platform::App::build(parts).await?;
    Ok(join(ground, app.server, db).await)
}

async fn customer(
    ground: &Ground,
    secrets: &Secrets,
    clock: Clock,
    (db, door): (Db, Door),
    (platform, sales): (Channel, Channel),
) -> Result<()> {
    let peers = Peers::new(crm_customer::app::NAME, &secrets.internal_secret(), clock.clone())?
        .with(crm_platform::app::NAME, platform.clone())
        .with(crm_sales::app::NAME, sales);
    let parts = crm_customer::app::Parts {
        db: db.clone(),
        authenticator: Arc::new(RemoteAccess::new(platform, clock.clone(), peers.clone())),
        peers,
        followers: Followers::default(),
        clock,
        cursor_secret: secrets.cursor_secret(),
        limits: Limits::default(),
        tasks: ground.tasks.clone(),
        shutdown: ground.end.clone(),
    };
    let server = crm_customer::app::build(parts).await?;
    watch(ground, &server, db).await;
    door.open(server, &ground.tasks, ground.end.clone());
    Ok(())
}

async fn sales(
    ground: &Ground,
    secrets: &Secrets,
    clock: Clock,
    db: Db,
    (platform, customer): (Channel, Channel),
) -> Result<Channel> {
    let peers = Peers::new(crm_sales::app::NAME, &secrets.internal_secret(), clock.clone())?
        .with(crm_platform::app::NAME, platform.clone())
        .with(crm_customer::app::NAME, customer);
    let parts = crm_sales::app::Parts {
        db: db.clone(),
        authenticator: Arc::new(RemoteAccess::new(platform, clock.clone(), peers.clone())),
        peers,
        followers: Followers::default(),
        clock,
        cursor_secret: secrets.cursor_secret(),
        limits: Limits::default(),
        tasks: ground.tasks.clone(),
        shutdown: ground.end.clone(),
    };
    let server = crm_sales::app::build(parts).await?;
    Ok(join(ground, server, db).await)
}

/// Serves in memory.
async fn join(ground: &Ground, server: Server, db: Db) -> Channel {
    watch(ground, &server, db).await;
    client::join(server, &ground.tasks, ground.end.clone())
}

/// The server is ready as long as its database answers.
async fn watch(ground: &Ground, server: &Server, db: Db) {
    server.set_ready(true).await;
    let (watched, end) = (server.clone(), ground.end.clone());
    ground.tasks.spawn(async move {
        loop {
            tokio::select! {
                () = end.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => watched.set_ready(db.ping().await.is_ok()).await,
            }
        }
    });
}

fn gateway(ground: &Ground, platform: Channel, customer: Channel, sales: Channel) -> Result<Gateway> {
    let backends = vec![
        Backend::new(crm_platform::app::NAME, platform),
        Backend::new(crm_customer::app::NAME, customer),
        Backend::new(crm_sales::app::NAME, sales),
    ];
    let contract = crm_gateway::contract().map_err(|error| Failure::new(error.to_string()))?;
    let gateway = Gateway::new(contract, backends, Settings::default());
    let metrics = ground.metrics.clone();
    let gateway = gateway.map_err(|error| Failure::new(error.to_string()))?;
    Ok(gateway.with_metrics(move || metrics.render()))
}
