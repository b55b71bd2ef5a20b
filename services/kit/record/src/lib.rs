//! What every business record shares, whatever its kind and its service: a service brings the fields, checks and SQL of its kinds by implementing
//! [`Record`], and gets the rest.
//!
//! | module | owns |
//! |---|---|
//! | [`record`] | what a kind of record brings |
//! | [`kinds`] | the kinds of a service |
//! | [`slice`] | the use cases of a kind |
//! | [`life`] | create, update, delete, undelete: all or nothing, with event and audit row |
//! | [`batch`] | items of a batch and how errors name them |
//! | [`list`], [`schema`], [`search`] | lists: what they filter and order by, and what `q` looks for |
//! | [`upsert`], [`bulk`] | many rows at once, each told what became of it |
//! | [`redirect`] | ids that lead to other records |
//! | [`revert`] | changes that can be taken back later |
//! | [`recycle_bin`] | what was deleted 30 days ago goes for good |
//! | [`external_id`], [`number`] | names in other systems, and our own numbers |
//! | [`custom_field`] | fields that tenants add |
//! | [`field`], [`address`], [`choice`] | checks and columns that many kinds have |
//! | [`hierarchy`] | records below other records of their kind |
//! | [`files`] | what files need to know of a kind |
//! | [`column`] | what a column of a file can hold |
//! | [`import_job`], [`export_job`] | files in and out |
//! | [`hand_over`] | what one person has going to others |
//! | [`collection`] | a collection whatever its kind |
//! | [`serve`] | the standard methods, from the request to the answer |
//! | [`service`] | what a service is built on, and mounts and runs for all of this |
//! | [`rows`] | the few statements that are the same for every table |
//! | [`rights`] | the rights that jobs work with |
//!
//! Not here: anything that only one kind of record has, and every noun of the trade.

pub mod address;
pub mod batch;
pub mod bulk;
pub mod choice;
pub mod collection;
pub mod column;
pub mod custom_field;
pub mod export_job;
pub mod external_id;
pub mod field;
pub mod files;
pub mod hand_over;
pub mod hierarchy;
pub mod import_job;
pub mod kinds;
pub mod life;
pub mod list;
pub mod number;
mod owner;
pub mod record;
pub mod recycle_bin;
pub mod redirect;
pub mod revert;
pub mod rights;
pub mod rows;
pub mod schema;
pub mod search;
pub mod serve;
pub mod service;
pub mod slice;
pub mod upsert;

#[cfg(test)]
mod sample;

pub use batch::{item, only, single};
pub use choice::Choice;
pub use crm_proto::standard::{Delete, Listed, Update, Wanted};
pub use kinds::Kinds;
pub use record::{Happening, Head, HeadMut, Kind, Parent, Record, Sent};
pub use slice::{Records, Slice};

use sqlx::migrate::Migrator;

/// Tables of every service that keeps records, run after the kit's and before the service's own.
pub static MIGRATIONS: Migrator = sqlx::migrate!();

/// Domain of the reasons of definitions, imports and exports, which are the same in every service.
pub const DOMAIN: &str = "crm.record";
