//! The customer service: accounts (companies) and contacts (people), the tenant's own fields on them, and how they come in and go out in
//! files.
//!
//! | module | owns |
//! |---|---|
//! | [`account`] | companies |
//! | [`contact`] | people and their ties to companies |
//! | [`custom_field`] | fields that tenants add |
//! | [`import_job`], [`export_job`] | files in and out |
//! | [`collection`] | the kinds of records that files hold |
//! | [`column`] | what a column of a file can hold |
//! | [`rights`] | the rights that jobs work with |
//! | [`record`] | what accounts and contacts share: address, external ids, tags, numbers, hierarchy, lists, search |
//! | [`value`] | checked values: telephone numbers, e-mail addresses, company numbers, names |
//! | [`table`] | reading and writing CSV, workbooks and vCards |
//! | [`app`] | the composition root |
//! | [`config`] | settings |

pub mod account;
pub mod app;
pub mod collection;
pub mod column;
pub mod config;
pub mod contact;
pub mod custom_field;
pub mod export_job;
pub mod import_job;
pub mod record;
pub mod rights;
pub mod table;
pub mod value;

use sqlx::migrate::Migrator;

/// The service's migrations, run after the kit's.
pub static MIGRATIONS: Migrator = sqlx::migrate!();

/// Domain of the service's error reasons.
pub const DOMAIN: &str = "crm.customer";
