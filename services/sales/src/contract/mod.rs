//! Contracts: what was agreed with customers in writing (合同).
//!
//! ```text
//! create --> DRAFT --submit--> PENDING_SIGNATURE --sign--> SIGNED --perform--> IN_PERFORMANCE --complete--> COMPLETED --archive--> ARCHIVED
//!            ^ ^  |              ^       |                   |                    |
//!            | |  |past a limit  |approved                   |                    |
//!            | |  '> IN_APPROVAL '       |                   |                    |
//!            | |       | refused, withdraw                   |                    |
//!            | '-------+--- redraft -----'                   |                    |
//!            '------------- amend: the next version ---------+--------------------'
//!
//! DRAFT, PENDING_SIGNATURE, SIGNED, IN_PERFORMANCE --void--> VOIDED
//! ```
//!
//! Invariants: content changes in a draft only; each version that was in force is kept as it was, and a draft of the next one goes back to it or takes
//! its place; the amount of a contract with lines is their total; a contract is renewed by one other contract at most, which [`renew`] makes whoever asks: a person, or
//! [`due`] for those that are renewed unless notice is given.

pub mod convert;
pub mod due;
pub mod events;
pub mod files;
pub mod machine;
pub mod model;
pub mod ops;
pub mod record;
pub mod renew;
pub mod rpc;
pub mod schema;
pub mod settings;
pub mod store;
mod submit;
pub mod term;
pub mod version;

pub use model::Contract;
pub use ops::Contracts;

/// Name of the collection in errors, events and paths.
pub const COLLECTION: &str = "contracts";
/// Name of contracts at the platform's approvals.
pub const OBJECT_TYPE: &str = "sales.contracts";
