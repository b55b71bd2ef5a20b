//! The customer service: leads, accounts (companies) and contacts (people), the tenant's own fields on them, and how they come in and go out in
//! files.
//!
//! | module | owns |
//! |---|---|
//! | [`account`] | companies |
//! | [`account_relation`] | what companies are to each other |
//! | [`contact`] | people and their ties to companies |
//! | [`lead`] | those who might buy |
//! | [`assignment_rule`] | who gets leads that come in without an owner |
//! | [`conversion`] | how a lead becomes an account and a contact |
//! | [`pool`] | records that wait for somebody to work on them |
//! | [`overview`] | everything that is known of a company, and its time line |
//! | [`ownership`] | who had a record from when to when |
//! | [`interaction`], [`task`] | what was done with them, and what is to be done |
//! | [`activity`] | what both share: what they are about, and the time line of accounts |
//! | [`kinds`] | the kinds of records there are |
//! | [`duplicate`], [`duplicate_rule`] | which records are one party, and what happens then |
//! | [`merge`] | records that become one, and how that is taken back |
//! | [`life_cycle`] | how far a relation has come |
//! | [`names`] | what other systems call our fields and values |
//! | [`app`] | the composition root |
//!
//! The life of records, custom fields, search, imports and exports come from `crm_kit_record`.

pub mod account;
pub mod account_relation;
pub mod activity;
pub mod app;
pub mod assignment_rule;
pub mod contact;
pub mod conversion;
pub mod duplicate;
pub mod duplicate_rule;
pub mod duplicate_scan;
pub mod interaction;
pub mod kinds;
pub mod lead;
pub mod life_cycle;
pub mod merge;
pub mod names;
pub mod overview;
pub mod ownership;
pub mod pool;
pub mod task;

use sqlx::migrate::Migrator;

/// The service's migrations, run after the kit's: those of all records, then its own.
pub static MIGRATIONS: [&Migrator; 2] = [&crm_kit_record::MIGRATIONS, &OWN];

static OWN: Migrator = sqlx::migrate!();

/// Domain of the service's error reasons.
pub const DOMAIN: &str = "crm.customer";
