//! The composition root: everything the service is made of, put together in one place.

use std::sync::Arc;

use crm_kit_api::Result;
use crm_kit_pg::outbox::Told;
use crm_kit_record::{
    collection::Collections,
    custom_field::Catalog,
    service::{Service, Shared},
};
use crm_kit_rpc::server::Server;
use crm_proto::crm::sales::v1::{
    allocation_service_server::AllocationServiceServer, contract_service_server::ContractServiceServer,
    forecast_service_server::ForecastServiceServer, opportunity_service_server::OpportunityServiceServer,
    order_service_server::OrderServiceServer, payment_plan_service_server::PaymentPlanServiceServer,
    pipeline_service_server::PipelineServiceServer, price_book_service_server::PriceBookServiceServer,
    price_entry_service_server::PriceEntryServiceServer, product_service_server::ProductServiceServer,
    quota_service_server::QuotaServiceServer, quote_service_server::QuoteServiceServer,
    receipt_service_server::ReceiptServiceServer, receivable_service_server::ReceivableServiceServer,
    statistics_service_server::StatisticsServiceServer,
};
use tonic::service::Routes;

use crate::{
    MIGRATIONS, abroad,
    allocation::{self, Allocations},
    approval,
    contract::{self, Contracts},
    exchange::Exchange,
    fiscal,
    forecast::{self, Forecasts},
    kinds,
    opportunity::{self, Opportunities},
    order::{self, Orders},
    payment_plan,
    pipeline::{self, Pipelines},
    price_book::{self, PriceBooks},
    price_entry::{self, Prices},
    product::{self, Products},
    quota::{self, Quotas},
    quote::{self, Quotes},
    receipt,
    receivable::Receivables,
    relink::{self, Relinks},
    statistics::{Statistics, fold::Folds},
};

pub use crm_kit_record::service::Parts;

/// Name of the service in addresses, log lines and the gateway.
pub const NAME: &str = "sales";

/// What tells the service from others. Deals follow merges of the customer service, and imports find there the accounts that their rows name.
pub static SERVICE: Service = Service {
    name: NAME,
    port: 7003,
    peers: &[(abroad::CUSTOMER, "http://localhost:7002")],
    migrations: &MIGRATIONS,
    collections: COLLECTIONS,
};

/// Collections of its own whose changes the service tells.
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
];

/// The service, ready to be served.
pub async fn build(parts: Parts) -> Result<Server> {
    let catalog = Catalog::new(parts.db.clone(), kinds::all());
    let records = parts.records(catalog.with_settings(pipeline::catalog::loader(parts.db.clone())))?;
    let Parts { db, clock, peers, followers, tasks, shutdown, .. } = &parts;
    let pipelines = Pipelines { db: db.clone(), catalog: records.catalog.clone() };
    let products: Products = records.slice();
    let allocations = Allocations { receipts: records.slice(), plans: records.slice() };
    let exchange = Exchange::new(peers.clone());
    let goals = Quotas { slice: records.slice(), exchange: exchange.clone() };
    quota::lock::spawn(goals.slice.clone(), clock.clone(), tasks, shutdown.clone());
    let forecasts = Forecasts { db: db.clone(), exchange };
    let quotes = Quotes { slice: records.slice(), clock: clock.clone() };
    let prices = Prices { entries: records.slice() };
    let orders = Orders { slice: records.slice() };
    let contracts = Contracts { slice: records.slice() };
    let price_books = PriceBooks { db: db.clone() };
    let opportunities = Opportunities { slice: records.slice(), pipelines: pipelines.clone() };
    quotes.spawn(tasks, shutdown);
    contracts.spawn(clock, tasks, shutdown);
    let targets = vec![approval::target(&quotes.slice), approval::target(&contracts.slice)];
    let approvals = approval::Approvals::new(db.clone(), clock.clone(), peers.clone(), targets);
    approvals.spawn(followers, tasks, shutdown)?;
    if peers.knows(abroad::CUSTOMER) {
        let merges = Arc::new(peers.events(abroad::CUSTOMER)?);
        followers.start(relink::follower(db.clone(), clock.clone(), merges), tasks, shutdown);
    }
    let relinks = Relinks {
        db: db.clone(),
        clock: clock.clone(),
        catalog: records.catalog.clone(),
        peers: peers.clone(),
        shutdown: shutdown.clone(),
    };
    relinks.spawn(tasks);
    let folds = Folds::spawn(db.clone(), tasks, shutdown.clone());
    let statistics = Statistics { db: db.clone(), catalog: records.catalog.clone(), folds };
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
    let shared = Shared::new(&parts, &records, collections).finding(abroad::finder(peers));
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
        .add_service(ContractServiceServer::new(contract::rpc::Handlers(contracts)));
    parts.serve(&SERVICE, shared, routes).await
}
