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
use crm_proto::crm::{
    event::v1::event_service_server::EventServiceServer,
    sales::v1::{
        allocation_service_server::AllocationServiceServer, contract_service_server::ContractServiceServer,
        forecast_service_server::ForecastServiceServer, opportunity_service_server::OpportunityServiceServer,
        order_service_server::OrderServiceServer, payment_plan_service_server::PaymentPlanServiceServer,
        pipeline_service_server::PipelineServiceServer, price_book_service_server::PriceBookServiceServer,
        price_entry_service_server::PriceEntryServiceServer, product_service_server::ProductServiceServer,
        quota_service_server::QuotaServiceServer, quote_service_server::QuoteServiceServer,
        receipt_service_server::ReceiptServiceServer, receivable_service_server::ReceivableServiceServer,
        statistics_service_server::StatisticsServiceServer,
    },
};
use sqlx::postgres::PgConnectOptions;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::service::Routes;

use crate::{
    MIGRATIONS, abroad,
    allocation::{self, Allocations},
    approval,
    config::Settings,
    contract::{self, Contracts},
    exchange::Exchange,
    fiscal,
    forecast::{self, Forecasts},
    kinds,
    opportunity::{self, Opportunities},
    order::{self, Orders},
    payment_plan::{self, PaymentPlans},
    pipeline::{self, Pipelines},
    price_book::{self, PriceBooks},
    price_entry::{self, Prices},
    product::{self, Products},
    quota::{self, Quotas},
    quote::{self, Quotes},
    receipt::{self, Receipts},
    receivable::Receivables,
    relink::{self, Relinks},
    statistics::{Statistics, fold::Folds},
};

/// Name of the service in addresses, log lines and the gateway.
pub const NAME: &str = "sales";

/// Collections whose changes the service tells.
pub const COLLECTIONS: &[Told] = &[
    Told { collection: pipeline::COLLECTION, permission: "sales.pipelines.read" },
    Told { collection: opportunity::COLLECTION, permission: "sales.opportunities.read" },
    Told { collection: product::COLLECTION, permission: "sales.products.read" },
    Told { collection: price_book::COLLECTION, permission: "sales.prices.read" },
    Told { collection: price_entry::COLLECTION, permission: "sales.prices.read" },
    Told { collection: payment_plan::COLLECTION, permission: "sales.paymentPlans.read" },
    Told { collection: receipt::COLLECTION, permission: "sales.receipts.read" },
    Told { collection: allocation::COLLECTION, permission: "sales.receipts.read" },
    Told { collection: quota::COLLECTION, permission: "sales.quotas.read" },
    Told { collection: fiscal::COLLECTION, permission: "sales.fiscalCalendar.read" },
    Told { collection: forecast::ADJUSTMENTS, permission: "sales.forecasts.read" },
    Told { collection: forecast::SUBMISSIONS, permission: "sales.forecasts.read" },
    Told { collection: quote::COLLECTION, permission: "sales.quotes.read" },
    Told { collection: quote::settings::COLLECTION, permission: "sales.quotes.read" },
    Told { collection: order::COLLECTION, permission: "sales.orders.read" },
    Told { collection: contract::COLLECTION, permission: "sales.contracts.read" },
    Told { collection: contract::settings::COLLECTION, permission: "sales.contracts.read" },
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
    if !settings.customer.is_empty() {
        peers = peers.with(abroad::CUSTOMER, client::connect(&settings.customer)?);
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
    housekeeping::spawn(&tasks, shutdown.clone(), db.clone(), clock.clone());
    let people = People::new(db.clone(), Arc::new(peers.users()));
    let users = Arc::new(peers.events("platform")?);
    followers.start(people::follower(db.clone(), clock.clone(), NAME, users), &tasks, &shutdown);
    let catalog = Catalog::new(db.clone(), kinds::all()).with_settings(pipeline::catalog::loader(db.clone()));
    let pipelines = Pipelines { db: db.clone(), catalog: catalog.clone() };
    let numbers = Numbers::new(db.clone());
    let slice = Slice::new(db.clone(), catalog.clone(), numbers.clone(), people.clone());
    let products = Products::new(db.clone(), catalog.clone(), numbers.clone(), people.clone());
    let allocations = Allocations {
        receipts: Receipts::new(db.clone(), catalog.clone(), numbers.clone(), people.clone()),
        plans: PaymentPlans::new(db.clone(), catalog.clone(), numbers.clone(), people.clone()),
    };
    let exchange = Exchange::new(peers.clone());
    let goals = Quotas {
        slice: Slice::new(db.clone(), catalog.clone(), numbers.clone(), people.clone()),
        exchange: exchange.clone(),
    };
    quota::lock::spawn(goals.slice.clone(), clock.clone(), &tasks, shutdown.clone());
    let forecasts = Forecasts { db: db.clone(), exchange };
    let slice_of_quotes = Slice::new(db.clone(), catalog.clone(), numbers.clone(), people.clone());
    let quotes = Quotes { slice: slice_of_quotes, clock: clock.clone() };
    let prices = Prices { entries: Slice::new(db.clone(), catalog.clone(), numbers.clone(), people.clone()) };
    let orders = Orders { slice: Slice::new(db.clone(), catalog.clone(), numbers.clone(), people.clone()) };
    let contracts = Contracts { slice: Slice::new(db.clone(), catalog.clone(), numbers, people.clone()) };
    let price_books = PriceBooks { db: db.clone() };
    let opportunities = Opportunities { slice, pipelines: pipelines.clone() };
    quotes.spawn(&tasks, &shutdown);
    contracts.spawn(&clock, &tasks, &shutdown);
    let targets = vec![approval::target(&quotes.slice), approval::target(&contracts.slice)];
    let approvals = approval::Approvals::new(db.clone(), clock.clone(), peers.clone(), targets);
    approvals.spawn(&followers, &tasks, &shutdown)?;
    if peers.knows(abroad::CUSTOMER) {
        let merges = Arc::new(peers.events(abroad::CUSTOMER)?);
        followers.start(relink::follower(db.clone(), clock.clone(), merges), &tasks, &shutdown);
    }
    let relinks = Relinks {
        db: db.clone(),
        clock: clock.clone(),
        catalog: catalog.clone(),
        peers: peers.clone(),
        shutdown: shutdown.clone(),
    };
    relinks.spawn(&tasks);
    let folds = Folds::spawn(db.clone(), &tasks, shutdown.clone());
    let statistics = Statistics { db: db.clone(), catalog: catalog.clone(), folds };
    let collections = Collections::new([
        Arc::new(opportunities.clone()) as _,
        Arc::new(products.clone()) as _,
        Arc::new(prices.entries.clone()) as _,
        Arc::new(allocations.plans.clone()) as _,
        Arc::new(allocations.receipts.clone()) as _,
        Arc::new(goals.slice.clone()) as _,
        Arc::new(quotes.slice.clone()) as _,
        Arc::new(orders.slice.clone()) as _,
        Arc::new(contracts.slice.clone()) as _,
    ]);
    let shared = Shared::new(db.clone(), clock.clone(), catalog, collections, people, shutdown.clone())
        .finding(abroad::finder(&peers));
    shared.spawn(&tasks, &shutdown);
    let key = CursorKey::derive(&cursor_secret, NAME);
    let log = Log { service: NAME, db: db.clone(), key, collections: COLLECTIONS, clock: clock.clone() };
    let events = EventStreams::new(log, StreamSettings::default(), shutdown);
    let routes = Routes::new(PipelineServiceServer::new(pipelines))
        .add_service(OpportunityServiceServer::new(opportunity::rpc::Handlers(opportunities)))
        .add_service(StatisticsServiceServer::new(statistics))
        .add_service(ProductServiceServer::new(product::rpc::Handlers(products)))
        .add_service(PriceBookServiceServer::new(price_books))
        .add_service(PriceEntryServiceServer::new(price_entry::rpc::Handlers(prices)))
        .add_service(PaymentPlanServiceServer::new(payment_plan::rpc::Handlers(allocations.plans.clone())))
        .add_service(ReceiptServiceServer::new(receipt::rpc::Handlers(allocations.clone())))
        .add_service(AllocationServiceServer::new(allocations))
        .add_service(ReceivableServiceServer::new(Receivables { db: db.clone() }))
        .add_service(QuotaServiceServer::new(quota::rpc::Handlers(goals)))
        .add_service(ForecastServiceServer::new(forecasts))
        .add_service(QuoteServiceServer::new(quote::rpc::Handlers(quotes)))
        .add_service(OrderServiceServer::new(order::rpc::Handlers(orders)))
        .add_service(ContractServiceServer::new(contract::rpc::Handlers(contracts)))
        .add_service(EventServiceServer::new(events));
    let routes = shared.mount(routes);
    Server::new(NAME, routes, peers.and(authenticator), clock, limits).await
}
