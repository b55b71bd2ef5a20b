//! Public pools: records that wait for somebody to work on them (公海).
//!
//! ```text
//!              claim, assign
//!   in a pool ---------------> owned
//!    |     ^  <---------------  | ^
//!    '-----'   return, reclaim  '-'
//!     move                       a new owner
//! ```
//!
//! Invariants: a record of a collection that has pools has an owner or a pool, never both and never neither, which a constraint holds; every change of
//! either leaves an ownership period; of several who claim at once one gets the record, because the row is held from the check to the write; what a
//! user may claim is counted while no other claim of the same user runs.
//!
//! Records in a pool lie in nobody's record scope but ALL. Members of the pool see them by a list of its own, with telephone numbers and e-mail
//! addresses masked.

pub mod claim;
pub mod convert;
pub mod events;
pub mod model;
pub mod moves;
pub mod ops;
pub mod place;
pub mod reclaim;
pub mod records;
pub mod rpc;
pub mod rule;
pub mod store;

pub use model::Pool;
pub use ops::Pools;

/// Name of the collection in errors, events and paths.
pub const COLLECTION: &str = "pools";
