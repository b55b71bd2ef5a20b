//! Exports: the records of a collection in a file, as their creator sees them.
//!
//! ```text
//! create --> RUNNING --> DONE --24 h--> the file is dropped
//!               | '----> FAILED
//!               '------> CANCELLED
//! ```
//!
//! Invariants: a file holds what its creator could list when it was asked for: the creator's record scope, and the creator's masks on every value. It
//! holds each record that existed then, and was not deleted before its page was read, exactly once, in the state of that moment; a
//! page of 1000 records is one snapshot, the file as a whole is not. An attempt that broke off is begun anew, so that no file has two halves.

pub mod convert;
pub mod model;
pub mod ops;
pub mod page;
pub mod rpc;
pub mod store;
pub mod worker;

pub use model::Job;
pub use ops::ExportJobs;

/// Name of the collection in errors, events and paths.
pub const COLLECTION: &str = "export_jobs";
/// Kind of the jobs that write the file and drop it.
pub const JOB_KIND: &str = "export_job";
