//! The sales service: how a company sells, and what it sells.
//!
//! | module | owns |
//! |---|---|
//! | [`pipeline`] | pipelines and their stages |
//! | [`opportunity`] | deals, their stages and how they end |
//! | [`product`], [`price_book`], [`price_entry`] | what is sold, and what it costs |
//! | [`document`] | lines of documents, their prices and what they amount to |
//! | [`quota`] | what people and teams are to sell, and how far they are |
//! | [`forecast`] | what will come of deals, what people think of it and handed in |
//! | [`quote`] | what customers are offered |
//! | [`approval`] | approvals of objects, decided at the platform |
//! | [`rules`] | rules that a tenant sets once for a collection |
//! | [`order`] | what customers have ordered, and how much of it is fulfilled |
//! | [`contract`] | what was agreed in writing |
//! | [`relink`] | what refers to merged accounts and contacts follows |
//! | [`statistics`] | what stands in the stages, what came of deals, how they move |
//! | [`payment_plan`], [`receipt`], [`allocation`] | what customers are to pay, what they paid, and which pays what |
//! | [`receivable`] | what they still owe, by age |
//! | [`payment`] | what instalments and receipts have in common |
//! | [`kinds`] | the kinds of records |
//! | [`fiscal`] | the fiscal calendar |
//! | [`exchange`] | exchange rates, asked of the platform |
//! | [`team`] | who works below whom |
//! | [`money`] | rounding to the smallest unit of a currency |
//! | [`decimal`] | decimal numbers of requests |
//! | [`app`] | the composition root |
//!
//! The life of records, their custom fields and search come from `crm_kit_record`.

pub mod abroad;
pub mod allocation;
pub mod app;
pub mod approval;
pub mod contract;
pub mod decimal;
pub mod document;
pub mod exchange;
pub mod fiscal;
pub mod forecast;
pub mod kinds;
pub mod money;
pub mod opportunity;
pub mod order;
pub mod payment;
pub mod payment_plan;
pub mod pipeline;
pub mod price_book;
pub mod price_entry;
pub mod product;
pub mod quota;
pub mod quote;
pub mod receipt;
pub mod receivable;
pub mod relink;
pub mod rules;
pub mod statistics;
pub mod team;

use sqlx::migrate::Migrator;

/// The service's migrations, run after the kit's: those of all records, then its own.
pub static MIGRATIONS: [&Migrator; 2] = [&crm_kit_record::MIGRATIONS, &OWN];

static OWN: Migrator = sqlx::migrate!();

/// Domain of the service's error reasons.
pub const DOMAIN: &str = "crm.sales";
