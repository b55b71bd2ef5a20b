//! Rules that give leads to people and pools when they come in without an owner (分配规则).
//!
//! They are tried in their order in the transaction that stores the leads; whose turn it is among the users of a rule is a number in the rule's row,
//! raised in that transaction, so that no turn is lost or taken twice. Records that name their owner, and accounts, never come here.

pub mod apply;
pub mod convert;
pub mod events;
pub mod model;
pub mod ops;
pub mod rpc;
pub mod store;

pub use model::AssignmentRule;
pub use ops::AssignmentRules;

/// Name of the collection in errors, events and paths.
pub const COLLECTION: &str = "assignment_rules";
