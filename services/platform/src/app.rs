//! The composition root: everything the service is made of, put together in one place.

use std::{str::FromStr as _, sync::Arc};

use crm_kit_api::{Error, Result, clock::Clock};
use crm_kit_pg::{
    Db,
    db::PoolSettings,
    follow::operate::{self, ParkedEvents},
    housekeeping, migrate,
    outbox::{CursorKey, EventStreams, Log, StreamSettings, Told},
};
use crm_kit_rpc::{
    lifecycle::{self, Face},
    peer::Peers,
    server::{Limits, Server},
    telemetry::PrometheusHandle,
};
use crm_proto::crm::{
    event::v1::{
        event_service_server::EventServiceServer, parked_event_service_server::ParkedEventServiceServer,
    },
    platform::v1::{
        access_service_server::AccessServiceServer, api_key_service_server::ApiKeyServiceServer,
        approval_flow_service_server::ApprovalFlowServiceServer,
        approval_service_server::ApprovalServiceServer,
        business_calendar_service_server::BusinessCalendarServiceServer,
        department_service_server::DepartmentServiceServer,
        exchange_rate_service_server::ExchangeRateServiceServer, role_service_server::RoleServiceServer,
        session_service_server::SessionServiceServer, signing_key_service_server::SigningKeyServiceServer,
        tenant_service_server::TenantServiceServer, user_service_server::UserServiceServer,
    },
};
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::postgres::PgConnectOptions;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::service::Routes;

use crate::{
    access::{Authenticator, rpc::Accesses},
    api_key::rpc::ApiKeys,
    approval_flow::rpc::ApprovalFlows,
    approval_request::rpc::Approvals,
    business_calendar::rpc::BusinessCalendars,
    config::{Security, Settings},
    department::rpc::Departments,
    exchange_rate::rpc::ExchangeRates,
    jobs,
    password::Hasher,
    role::rpc::Roles,
    session::{Sessions, rpc::SessionsApi},
    signing_key::{Keys, Sealer, rpc::SigningKeys},
    tenant::rpc::Tenants,
    user::{Passwords, rpc::Users},
};

/// Name of the service in addresses, log lines and the gateway.
pub const NAME: &str = "platform";

/// Collections whose changes the service tells.
pub const COLLECTIONS: &[Told] = &[
    Told { collection: "tenants", permission: "platform.tenants.read" },
    Told { collection: "users", permission: "platform.users.read" },
    Told { collection: "roles", permission: "platform.roles.read" },
    Told { collection: "departments", permission: "platform.departments.read" },
    Told { collection: "approvalFlows", permission: "platform.approvalFlows.read" },
    Told { collection: "approvalRequests", permission: "platform.approvals.read" },
    Told { collection: "businessCalendars", permission: "platform.businessCalendars.read" },
    Told { collection: "exchangeRates", permission: "platform.exchangeRates.read" },
    Told { collection: "sessions", permission: "platform.sessions.manage" },
    Told { collection: "apiKeys", permission: "platform.apiKeys.read" },
    operate::TOLD,
];

/// Shortest operator key.
const OPERATOR_KEY: usize = 32;

/// What the service is built on.
#[derive(Clone, Debug)]
pub struct Parts {
    /// Its database, as the role of daily work.
    pub db: Db,
    /// Tells the time.
    pub clock: Clock,
    /// What decides who gets in.
    pub security: Security,
    /// The other services, which call this one and follow its events.
    pub peers: Peers,
    /// Secret that seals event cursors.
    pub cursor_secret: Vec<u8>,
    /// Limits of the server.
    pub limits: Limits,
    /// Tasks that outlive a request.
    pub tasks: TaskTracker,
    /// Cancelled when the process ends.
    pub shutdown: CancellationToken,
}

/// The service, ready to be served.
#[derive(Clone, Debug)]
pub struct App {
    /// Its server.
    pub server: Server,
    /// Knows credentials, for services of the same process.
    pub authenticator: Arc<Authenticator>,
}

impl App {
    /// Puts the service together, makes the first signing key, and starts its housekeeping.
    pub async fn build(parts: Parts) -> Result<Self> {
        let Parts { db, clock, security, peers, cursor_secret, limits, tasks, shutdown } = parts;
        // Numbering plans take 60 ms to read; no request should wait for that.
        crm_kit_value::phone::load();
        let operator_key = operator_key(&security)?;
        let sealer = Sealer::new(&security.secret_key, "crm.platform signing keys 1")?;
        let keys = Keys::open(db.clone(), clock.clone(), sealer).await?;
        let sessions =
            Sessions { db: db.clone(), hasher: Hasher::new()?, keys: keys.clone(), clock: clock.clone() };
        let authenticator =
            Arc::new(Authenticator::new(db.clone(), keys.clone(), clock.clone(), operator_key));
        let cursors = CursorKey::derive(&cursor_secret, NAME);
        let log = Log {
            service: NAME,
            db: db.clone(),
            key: cursors,
            collections: COLLECTIONS.into(),
            clock: clock.clone(),
        };
        let events = EventStreams::new(log, StreamSettings::default(), shutdown.clone());
        let routes = routes(&sessions, security.trust_client_ip)
            .add_service(EventServiceServer::new(events))
            .add_service(ParkedEventServiceServer::new(ParkedEvents { db: db.clone() }));
        let server =
            Server::new(NAME, routes, peers.and(authenticator.clone()), clock.clone(), limits).await?;
        housekeeping::spawn(&tasks, shutdown.clone(), db.clone(), clock.clone());
        jobs::spawn(&tasks, shutdown, db, keys, clock);
        Ok(Self { server, authenticator })
    }
}

fn operator_key(security: &Security) -> Result<Option<&SecretString>> {
    let key = security.operator_key.as_ref().filter(|key| !key.expose_secret().is_empty());
    match key {
        Some(key) if key.expose_secret().len() < OPERATOR_KEY => {
            let message = format!("must have at least {OPERATOR_KEY} characters");
            Err(Error::invalid_field("security.operator_key", "SETTINGS_INVALID", message))
        }
        key => Ok(key),
    }
}

fn routes(sessions: &Sessions, trust_client_ip: bool) -> Routes {
    let Sessions { db, hasher, keys, .. } = sessions.clone();
    let passwords = Passwords { db: db.clone(), hasher: hasher.clone(), sessions: sessions.clone() };
    let sessions = SessionsApi { sessions: sessions.clone(), trust_client_ip };
    Routes::new(AccessServiceServer::new(Accesses { db: db.clone() }))
        .add_service(TenantServiceServer::new(Tenants { db: db.clone(), hasher }))
        .add_service(UserServiceServer::new(Users { passwords, trust_client_ip }))
        .add_service(SessionServiceServer::new(sessions))
        .add_service(RoleServiceServer::new(Roles { db: db.clone() }))
        .add_service(DepartmentServiceServer::new(Departments { db: db.clone() }))
        .add_service(ApprovalFlowServiceServer::new(ApprovalFlows { db: db.clone() }))
        .add_service(ApprovalServiceServer::new(Approvals { db: db.clone() }))
        .add_service(BusinessCalendarServiceServer::new(BusinessCalendars { db: db.clone() }))
        .add_service(ExchangeRateServiceServer::new(ExchangeRates { db: db.clone() }))
        .add_service(ApiKeyServiceServer::new(ApiKeys { db }))
        .add_service(SigningKeyServiceServer::new(SigningKeys { keys }))
}

/// Runs the service as a process of its own, until a signal.
pub async fn run(settings: Settings, metrics: PrometheusHandle) -> Result<()> {
    let options = options(&settings.database_url)?;
    if !settings.owner_database_url.expose_secret().is_empty() {
        let owner = self::options(&settings.owner_database_url)?;
        migrate::run(&owner, options.get_username(), &crate::MIGRATIONS).await?;
    }
    let pool = PoolSettings { max_connections: settings.database_connections, ..PoolSettings::default() };
    let tasks = TaskTracker::new();
    let shutdown = lifecycle::shutdown_on_signal(&tasks)?;
    let clock = Clock::system();
    let parts = Parts {
        db: Db::new(options, &pool),
        peers: Peers::new(NAME, &settings.internal_secret, clock.clone())?,
        clock,
        security: settings.security,
        cursor_secret: settings.cursor_secret.expose_secret().as_bytes().to_vec(),
        limits: settings.limits,
        tasks: tasks.clone(),
        shutdown: shutdown.clone(),
    };
    let App { server, .. } = App::build(parts).await?;
    let face = Face { listen: &settings.listen, metrics_listen: &settings.metrics_listen, metrics };
    lifecycle::run(server, face, tasks, shutdown).await
}

fn options(url: &SecretString) -> Result<PgConnectOptions> {
    // The error would show the URL, and the password in it.
    PgConnectOptions::from_str(url.expose_secret())
        .map_err(|_| Error::invalid_field("database_url", "SETTINGS_INVALID", "is not a PostgreSQL URL"))
}
