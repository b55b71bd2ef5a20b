//! The customer service: accounts (companies) and contacts (people), the tenant's own fields on them, and how they come in and go out in
//! files.
//!
//! | module | owns |
//! |---|---|
//! | [`account`] | companies |
//! | [`contact`] | people and their ties to companies |
//! | [`kinds`] | the kinds of records there are |
//! | [`import_job`], [`export_job`] | files in and out |
//! | [`collection`] | the kinds of records that files hold |
//! | [`column`] | what a column of a file can hold |
//! | [`life_cycle`] | how far a relation has come |
//! | [`table`] | reading and writing CSV, workbooks and vCards |
//! | [`app`] | the composition root |
//! | [`config`] | settings |
//!
//! The life of records, their custom fields and search come from `crm_kit_record`.

pub mod account;
pub mod app;
pub mod collection;
pub mod column;
pub mod config;
pub mod contact;
pub mod export_job;
pub mod import_job;
pub mod kinds;
pub mod life_cycle;
pub mod table;

use sqlx::migrate::Migrator;

/// The service's migrations, run after the kit's: those of all records, then its own.
pub static MIGRATIONS: [&Migrator; 2] = [&crm_kit_record::MIGRATIONS, &OWN];

static OWN: Migrator = sqlx::migrate!();

/// Domain of the service's error reasons.
pub const DOMAIN: &str = "crm.customer";
