//! Receipts: money that came from customers (回款).
//!
//! ```text
//! create --> REGISTERED --confirm--> CONFIRMED <-- allocated in full --> ALLOCATED
//!                |                       |                                   |
//!                '--------reverse--------+-----------------------------------'--> REVERSED
//! ```
//!
//! Invariants: `allocated` is the sum of the allocations of the receipt and lies between 0 and its amount; only what is confirmed is allocated; what was
//! confirmed does not change any more, and is reversed instead of deleted. Reversing takes back all allocations in the same transaction
//! ([`crate::allocation`]).

pub mod convert;
pub mod events;
pub mod files;
pub mod model;
pub mod record;
pub mod rpc;
pub mod schema;
pub mod store;

pub use model::Receipt;

/// The use cases of receipts.
pub type Receipts = crm_kit_record::Slice<Receipt>;

/// Name of the collection in errors, events and paths.
pub const COLLECTION: &str = "receipts";
