//! Leads: those who might buy, before it is known whether (线索).
//!
//! ```text
//!            .---------------- a new owner ----------------.
//!            v                                             |
//!   NEW -> ASSIGNED -> WORKING -> QUALIFIED -> CONVERTED   |  steps forward may be left out
//!    ^       '------------'-----------'--------------------'
//!    |  reopen or claim                |
//!    '---- RECYCLED, DISQUALIFIED, DUPLICATE <-- from any of the first four
//! ```
//!
//! Invariants: a lead has a telephone number or an e-mail address; it has an owner or waits in a public pool, never both; CONVERTED is set by
//! conversion alone and ends every change but those of computed fields; every change of status leaves a row in `lead_status_change`, written with
//! the lead, that nothing alters.
//!
//! A lead that comes in without an owner is given to one in the transaction that stores it ([`record`], `settle`). A check for leads that repeat others
//! would stand in `link`, which sees every lead that is written before the transaction ends.

pub mod convert;
pub mod events;
pub mod files;
pub mod merge;
pub mod model;
pub mod ops;
mod record;
pub mod rpc;
pub mod schema;
pub mod status;
pub mod store;

pub use model::Lead;

/// The use cases that leads share with other records.
pub type Leads = crm_kit_record::Slice<Lead>;

/// Name of the collection in errors, events and paths.
pub const COLLECTION: &str = "leads";
