//! The sales service: how a company sells, and what it sells.
//!
//! | module | owns |
//! |---|---|
//! | [`pipeline`] | pipelines and their stages |
//! | [`opportunity`] | deals, their stages and how they end |
//! | [`product`], [`price_book`], [`price_entry`] | what is sold, and what it costs |
//! | [`relink`] | deals follow merged accounts and contacts |
//! | [`statistics`] | what stands in the stages, what came of deals, how they move |
//! | [`kinds`] | the kinds of records |
//! | [`money`] | rounding to the smallest unit of a currency |
//! | [`decimal`] | decimal numbers of requests |
//! | [`calendar`] | days in the tenant's zone |
//! | [`app`] | the composition root |
//! | [`config`] | settings |
//!
//! The life of records, their custom fields and search come from `crm_kit_record`.

pub mod app;
pub mod calendar;
pub mod config;
pub mod decimal;
pub mod kinds;
pub mod money;
pub mod opportunity;
pub mod pipeline;
pub mod price_book;
pub mod price_entry;
pub mod product;
pub mod relink;
pub mod statistics;

use sqlx::migrate::Migrator;

/// The service's migrations, run after the kit's: those of all records, then its own.
pub static MIGRATIONS: [&Migrator; 2] = [&crm_kit_record::MIGRATIONS, &OWN];

static OWN: Migrator = sqlx::migrate!();

/// Domain of the service's error reasons.
pub const DOMAIN: &str = "crm.sales";
