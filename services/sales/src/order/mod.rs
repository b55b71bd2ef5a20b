//! Orders: what customers have ordered (订单).
//!
//! ```text
//!            confirm              recordFulfilment                               close
//! create --> DRAFT --> CONFIRMED -----+-----> PARTIALLY_FULFILLED --> FULFILLED ------> CLOSED
//!              |           |          '-----------------------------------^
//!              '-- cancel -+--> CANCELLED
//!
//! erp:  NOT_NEEDED   confirm, amend --> PENDING_PUSH --> PUSHED --> ACKNOWLEDGED
//!                                            ^             |--> FAILED --.
//!                                            '--------------------------'
//! ```
//!
//! Invariants: totals are the sums of the lines ([`crate::document`]); of no line more is fulfilled than is ordered, and the state says how much is; from
//! confirmation on content changes by numbered amendments only, each kept; what the ERP system has taken it has under one id; of the orders that are neither
//! cancelled nor deleted one comes of a quote (unique index).
//!
//! Account and contact belong to another service, and deal, quote and contract are ids: all are taken as they come, names with them. An order that
//! is made of a quote ([`of_quote`]) takes them, and what is priced, from there.

pub mod convert;
pub mod erp;
pub mod events;
pub mod files;
pub mod fulfilment;
pub mod history;
pub mod machine;
pub mod model;
mod of_quote;
pub mod ops;
pub mod place;
pub mod record;
pub mod rpc;
pub mod schema;
pub mod store;

pub use model::Order;
pub use ops::Orders;

/// Name of the collection in errors, events and paths.
pub const COLLECTION: &str = "orders";
