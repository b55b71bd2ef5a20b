//! Pipelines: the ways a company sells, each a list of stages that deals go through (销售流程).
//!
//! A tenant's first look at its pipelines, or its first deal, makes a default pipeline in a transaction of its own; two at once make one.
//! Pipelines are small and are needed by every write of a deal, so they are kept in memory for five seconds; a write of this process is seen
//! by it at once.
//!
//! ```text
//! (none) --first look--> default pipeline        create --> live <--update--> retired
//! ```
//!
//! Invariants: exactly one pipeline of a tenant is the default, and it is not retired; names are unique; key and kind of a stage never change;
//! neither a pipeline nor a stage is ever removed; at least one stage of each kind is not retired.

pub mod catalog;
pub mod convert;
pub mod events;
pub mod model;
pub mod ops;
pub mod rpc;
pub mod seed;
pub mod store;

pub use model::{Pipeline, Stage};
pub use ops::Pipelines;

/// Name of the collection in errors, events and paths.
pub const COLLECTION: &str = "pipelines";
