//! Tasks (任务): what people are to do.
//!
//! ```text
//!   NOT_STARTED --> IN_PROGRESS --> COMPLETED --> the next task of the series
//!        \   BLOCKED, DEFERRED ---> CANCELLED
//! ```
//!
//! Any open task may be started, blocked, deferred, completed and cancelled ([`model::Task::moved`]); what is completed or cancelled stays so. Being
//! overdue is no state: it is derived from the due time when somebody asks.
//!
//! Invariants: the next task of a series is made in the transaction that completes one, so there is one at most; a superior is told of an
//! overdue task once for each due time and assignee ([`escalation`]).

pub mod convert;
pub mod escalation;
pub mod events;
pub mod files;
mod merge;
pub mod model;
pub mod ops;
mod record;
pub mod recurrence;
pub mod rpc;
pub mod schema;
pub mod store;

pub use model::Task;
pub use ops::Tasks;

/// Name of the collection in errors, events and paths.
pub const COLLECTION: &str = "tasks";
