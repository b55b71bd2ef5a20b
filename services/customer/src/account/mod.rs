//! Accounts: the companies the tenant deals with (客户).
//!
//! ```text
//!            create                delete
//!   (none) ---------> live ----------------> in the recycle bin --30 days--> purged
//!                      ^ \ update               |
//!                      |  '-> live              |
//!                      '------- undelete -------'
//! ```
//!
//! Invariants: an account has an owner or waits in a public pool, never both; its number is unique among live accounts of the tenant, and
//! so is each of its external ids; its parents form no circle; every write raises its revision by one.

pub mod convert;
pub mod events;
pub mod files;
mod merge;
pub mod model;
pub mod profile;
mod record;
pub mod rpc;
pub mod schema;
pub mod store;

pub use model::Account;

/// The use cases of accounts.
pub type Accounts = crm_kit_record::Slice<Account>;

/// Name of the collection in errors, events and paths.
pub const COLLECTION: &str = "accounts";
