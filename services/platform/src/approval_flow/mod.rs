//! Approval flows: who has to agree to what, as data of the tenant.
//!
//! A flow is a condition over submitted values and nodes that are passed one after the other. Condition, variables and nodes are its
//! [`model::Definition`], which is kept in every version it ever had, because requests finish on the version they began with.

pub mod condition;
mod convert;
mod events;
pub mod model;
mod ops;
pub mod rpc;
pub mod store;
