//! Relations between accounts beyond parent and child (客户关系): stored once, read from either account.
//!
//! Invariants: a relation joins two different accounts; two accounts have one relation of a kind, and of a directed kind one in each direction; a
//! caller sees it who sees both accounts; it goes for good with either of them. When accounts are merged it follows to the survivor.

mod convert;
mod events;
pub mod merge;
mod model;
mod ops;
mod rpc;
mod store;

pub use events::tell_dropped;
pub use ops::AccountRelations;

/// Name of the collection in errors, events and paths.
pub const COLLECTION: &str = "accountRelations";
