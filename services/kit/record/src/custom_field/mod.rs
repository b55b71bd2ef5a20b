//! Fields that tenants add to records (自定义字段).
//!
//! A definition says what values a field takes; a record keeps them in one JSON document, `custom`, by the field's key. Definitions are kept in memory
//! for five seconds, so that writing a record costs no statement for them; a write of this process is seen by it at once, and what another process
//! stored meanwhile under an older definition is put right by the definition's job.
//!
//! ```text
//! definition written --same transaction--> stored values converted or the write refused, unique values claimed
//!                    \--job `custom_field`-> formulas and roll-ups of all records, once at once and once when no process knows the old definition
//! record written     --same transaction--> values checked, formulas computed, references and unique values checked
//! record written     --job `roll_up`-----> roll-ups and then formulas of the record above it
//! ```
//!
//! Invariants: key and collection of a definition never change; a key is unique in its collection; formulas go in no circle and are of the class of
//! sensitivity of what they use; every value of a unique field that a live record has is held by it alone.

pub mod catalog;
pub mod convert;
pub mod describe;
pub mod events;
pub mod fields;
pub mod formula;
pub mod jobs;
pub mod link;
mod made_of;
pub mod model;
pub mod ops;
pub mod refresh;
pub mod retype;
pub mod roll_up;
pub mod rpc;
pub mod rules;
pub mod schema;
pub mod store;
pub mod unique;
pub mod value;
pub mod values;

pub use catalog::{Catalog, Loader};
pub use fields::{Before, Fields, Settings};
pub use ops::CustomFields;
pub use values::Values;

/// Name of the collection in errors, events and paths.
pub const COLLECTION: &str = "custom_fields";
