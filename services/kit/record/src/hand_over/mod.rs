//! What one person has going to others (交接), in the background.
//!
//! ```text
//! create --> RUNNING --> DONE
//!               | '----> FAILED      what went stays where it went
//!               '------> CANCELLED   likewise
//! ```
//!
//! Rules apply one after another; a record that went belongs to somebody else, so no later rule and no second run finds it. Records go in groups, each a
//! transaction that writes them as any transfer does and notes in the row how far the work is. Whatever dies leaves whole groups behind, and whoever
//! claims the job next goes on after them.

pub mod convert;
pub mod model;
pub mod ops;
pub mod rpc;
pub mod step;
pub mod store;

pub use model::HandOver;
pub use ops::HandOvers;

/// Name of the collection in errors, events and paths.
pub const COLLECTION: &str = "hand_overs";
/// Kind of the jobs that move records.
pub const JOB_KIND: &str = "hand_over";
