//! The composition root: everything the service is made of, put together in one place.

use std::sync::Arc;

use crm_kit_api::{Error, Result, clock::Clock};
use crm_kit_pg::{
    Db,
    db::PoolSettings,
    follow::Followers,
    housekeeping, migrate,
    outbox::{CursorKey, EventStreams, Log, StreamSettings, Told},
    people::{self, People},
};
use crm_kit_record::{
    Slice,
    collection::Collections,
    custom_field::Catalog,
    number::Numbers,
    service::{self, Shared},
};
use crm_kit_rpc::{
    auth::{Authenticate, RemoteAccess},
    client,
    lifecycle::{self, Face},
    peer::Peers,
    server::{Limits, Server},
    telemetry::PrometheusHandle,
};
use crm_kit_value::phone;
use crm_proto::crm::{
    customer::v1::{
        account_overview_service_server::AccountOverviewServiceServer,
        account_relation_service_server::AccountRelationServiceServer,
        account_service_server::AccountServiceServer,
        assignment_rule_service_server::AssignmentRuleServiceServer,
        contact_service_server::ContactServiceServer,
        duplicate_rule_service_server::DuplicateRuleServiceServer,
        duplicate_scan_service_server::DuplicateScanServiceServer,
        duplicate_service_server::DuplicateServiceServer,
        interaction_service_server::InteractionServiceServer, lead_service_server::LeadServiceServer,
        merge_service_server::MergeServiceServer, pool_service_server::PoolServiceServer,
        task_service_server::TaskServiceServer,
    },
    event::v1::event_service_server::EventServiceServer,
};
use sqlx::postgres::PgConnectOptions;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::service::Routes;

use crate::{
    MIGRATIONS,
    account::{self, Accounts},
    account_relation::{self, AccountRelations},
    assignment_rule::{self, AssignmentRules},
    config::Settings,
    contact::{self, Contacts},
    conversion::{Conversions, deal},
    duplicate::search::Duplicates,
    duplicate_rule::{self, DuplicateRules},
    duplicate_scan::{self, DuplicateScans},
    interaction::{self, Interactions},
    kinds,
    lead::{self, Leads},
    merge::{self, Merges},
    overview::Overviews,
    pool::{self, Pools},
    task::{self, Tasks},
};

/// Name of the service in addresses, log lines and the gateway.
pub const NAME: &str = "customer";

/// Collections whose changes the service tells.
pub const COLLECTIONS: &[Told] = &[
    Told { collection: account::COLLECTION, permission: "customer.accounts.read" },
    Told { collection: contact::COLLECTION, permission: "customer.contacts.read" },
    Told { collection: duplicate_rule::COLLECTION, permission: "customer.duplicateRules.read" },
    Told { collection: duplicate_scan::COLLECTION, permission: "customer.duplicateScans.read" },
    Told { collection: duplicate_scan::SETS, permission: "customer.duplicateSets.read" },
    Told { collection: lead::COLLECTION, permission: "customer.leads.read" },
    Told { collection: assignment_rule::COLLECTION, permission: "customer.assignmentRules.read" },
    Told { collection: pool::COLLECTION, permission: "customer.pools.manage" },
    Told { collection: interaction::COLLECTION, permission: "customer.interactions.read" },
    Told { collection: task::COLLECTION, permission: "customer.tasks.read" },
    Told { collection: account_relation::COLLECTION, permission: "customer.accountRelations.read" },
    Told { collection: merge::COLLECTION, permission: "customer.merges.read" },
    service::TOLD[0],
    service::TOLD[1],
    service::TOLD[2],
    service::TOLD[3],
];

/// What the service is built on.
#[derive(Clone)]
pub struct Parts {
    /// Its database, as the role of daily work.
    pub db: Db,
    /// Knows credentials.
    pub authenticator: Arc<dyn Authenticate>,
    /// Tells the time.
    pub clock: Clock,
    /// The other services; the platform is one of them.
    pub peers: Peers,
    /// Takes the followers of this service, which run until the process ends.
    pub followers: Followers,
    /// Secret that seals event cursors.
    pub cursor_secret: Vec<u8>,
    /// Limits of the server.
    pub limits: Limits,
    /// Tasks that outlive a request.
    pub tasks: TaskTracker,
    /// Cancelled when the process ends.
    pub shutdown: CancellationToken,
}

/// Runs the service as a process of its own until a signal.
pub async fn run(settings: Settings, metrics: PrometheusHandle) -> Result<()> {
    let service = options("database_url", &settings.database_url)?;
    if !settings.owner_database_url.is_empty() {
        let owner = options("owner_database_url", &settings.owner_database_url)?;
        migrate::run(&owner, service.get_username(), &MIGRATIONS).await?;
    }
    let pool = PoolSettings { max_connections: settings.database_connections, ..PoolSettings::default() };
    let (tasks, clock) = (TaskTracker::new(), Clock::system());
    let shutdown = lifecycle::shutdown_on_signal(&tasks)?;
    let platform = client::connect(&settings.platform)?;
    let mut peers =
        Peers::new(NAME, &settings.internal_secret, clock.clone())?.with("platform", platform.clone());
    if !settings.sales.is_empty() {
        peers = peers.with(deal::SALES, client::connect(&settings.sales)?);
    }
    let server = build(Parts {
        db: Db::new(service, &pool),
        authenticator: Arc::new(RemoteAccess::new(platform, clock.clone(), peers.clone())),
        peers,
        followers: Followers::default(),
        clock,
        cursor_secret: settings.cursor_secret.into_bytes(),
        limits: settings.limits,
        tasks: tasks.clone(),
        shutdown: shutdown.clone(),
    })
    .await?;
    let face = Face { listen: &settings.listen, metrics_listen: &settings.metrics_listen, metrics };
    lifecycle::run(server, face, tasks, shutdown).await
}

fn options(setting: &str, url: &str) -> Result<PgConnectOptions> {
    url.parse().map_err(|error: sqlx::Error| Error::invalid_field(setting, "URL_INVALID", error.to_string()))
}

/// The service, ready to be served.
pub async fn build(parts: Parts) -> Result<Server> {
    let Parts { db, authenticator, clock, peers, followers, cursor_secret, limits, tasks, shutdown } = parts;
    // Numbering plans take 60 ms to read; no request should wait for that.
    phone::load();
    let catalog = Catalog::new(db.clone(), kinds::all());
    let numbers = Numbers::new(db.clone());
    let people = People::new(db.clone(), Arc::new(peers.users()));
    let accounts = Accounts::new(db.clone(), catalog.clone(), numbers.clone(), people.clone());
    let contacts = Contacts::new(db.clone(), catalog.clone(), numbers.clone(), people.clone());
    let leads = Leads::new(db.clone(), catalog.clone(), numbers.clone(), people.clone());
    let interactions = Interactions::new(db.clone(), catalog.clone(), numbers.clone(), people.clone());
    let to_do = Tasks(Slice::new(db.clone(), catalog.clone(), numbers, people.clone()));
    to_do.spawn(&clock, &tasks, &shutdown);
    housekeeping::spawn(&tasks, shutdown.clone(), db.clone(), clock.clone());
    let users = Arc::new(peers.events("platform")?);
    followers.start(people::follower(db.clone(), clock.clone(), NAME, users), &tasks, &shutdown);
    let (duplicates, duplicate_rules) = (Duplicates { db: db.clone() }, DuplicateRules { db: db.clone() });
    let scans = DuplicateScans { db: db.clone(), clock: clock.clone(), shutdown: shutdown.clone() };
    scans.spawn(&tasks);
    let pools =
        Pools { db: db.clone(), clock: clock.clone(), accounts: accounts.clone(), leads: leads.clone() };
    let assignment_rules = AssignmentRules { db: db.clone(), leads: leads.clone() };
    let overviews = Overviews {
        accounts: accounts.clone(),
        contacts: contacts.clone(),
        interactions: interactions.clone(),
        tasks: to_do.clone(),
        peers: peers.clone(),
    };
    let conversions = Conversions {
        leads: leads.clone(),
        accounts: accounts.clone(),
        contacts: contacts.clone(),
        peers: peers.clone(),
        clock: clock.clone(),
    };
    conversions.spawn(&tasks, &shutdown);
    // Kinds whose records refer to accounts, contacts or leads.
    let movers: [Arc<dyn merge::children::Mover>; 5] = [
        Arc::new(accounts.clone()),
        Arc::new(contacts.clone()),
        Arc::new(leads.clone()),
        Arc::new(interactions.clone()),
        Arc::new(to_do.0.clone()),
    ];
    let merges = Merges {
        db: db.clone(),
        accounts: accounts.clone(),
        contacts: contacts.clone(),
        leads: leads.clone(),
        movers: Arc::new(movers),
    };
    pools.spawn(&tasks, &shutdown);
    let collections = Collections::new([
        Arc::new(accounts.clone()) as _,
        Arc::new(contacts.clone()) as _,
        Arc::new(leads.clone()) as _,
        Arc::new(interactions.clone()) as _,
        Arc::new(to_do.0.clone()) as _,
    ]);
    let shared = Shared::new(db.clone(), clock.clone(), catalog, collections, people, shutdown.clone());
    shared.spawn(&tasks, &shutdown);
    let key = CursorKey::derive(&cursor_secret, NAME);
    let log = Log { service: NAME, db: db.clone(), key, collections: COLLECTIONS, clock: clock.clone() };
    let events = EventStreams::new(log, StreamSettings::default(), shutdown);
    let routes = Routes::new(AccountServiceServer::new(account::rpc::Handlers(accounts)))
        .add_service(ContactServiceServer::new(contact::rpc::Handlers(contacts)))
        .add_service(InteractionServiceServer::new(interaction::rpc::Handlers(interactions)))
        .add_service(TaskServiceServer::new(task::rpc::Handlers(to_do)))
        .add_service(DuplicateServiceServer::new(duplicates))
        .add_service(DuplicateRuleServiceServer::new(duplicate_rules))
        .add_service(DuplicateScanServiceServer::new(scans))
        .add_service(LeadServiceServer::new(lead::rpc::Handlers { leads, conversions }))
        .add_service(PoolServiceServer::new(pools))
        .add_service(AssignmentRuleServiceServer::new(assignment_rules))
        .add_service(AccountRelationServiceServer::new(AccountRelations { db: db.clone() }))
        .add_service(AccountOverviewServiceServer::new(overviews))
        .add_service(MergeServiceServer::new(merges))
        .add_service(EventServiceServer::new(events));
    let routes = shared.mount(routes);
    Server::new(NAME, routes, peers.and(authenticator), clock, limits).await
}
