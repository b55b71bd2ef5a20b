//! Departments: the organisation of a tenant as a tree, apart from the tree of superiors.
//!
//! Moving a department is a change of its parent. Moves take turns by the tenant's row, so that two of them cannot close a circle together; the
//! rule itself is [`crate::tree::check`].

mod convert;
mod events;
pub mod model;
pub mod ops;
pub mod rpc;
pub mod store;
