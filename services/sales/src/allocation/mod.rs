//! Allocations: which instalments a receipt pays (核销).
//!
//! Who changes allocations holds the receipt first and then the instalments in the order of their ids, so that two callers wait for each other and never
//! for ever; what a caller then reads of them is what it writes on. One transaction adds the entries, changes what stands in `allocation`, and
//! the kept `allocated` of receipt and instalments.
//!
//! Invariants: what stands in `allocation` is the sum of its entries; `allocated` of a receipt and of an instalment is the sum of what stands there
//! and lies between 0 and the amount, which the tables themselves refuse to break; both sides are of one currency.

pub mod convert;
pub mod events;
pub mod model;
pub mod ops;
pub mod page;
pub mod rpc;
pub mod rules;
pub mod store;

pub use ops::Allocations;

/// Name of the collection of entries in errors, events and paths.
pub const COLLECTION: &str = "allocationEntries";
