//! Imports: a file of records, checked row by row, then written.
//!
//! ```text
//! create --> UPLOADING --whole file--> VALIDATING --> READY --apply--> APPLYING --> DONE
//!                ^  |                   |      ^        |                 |
//!                '--'                   |      '-update-'                 |
//!          a broken stream              '------> FAILED <-----------------'
//!          begins anew                  cancel: every state before DONE --> CANCELLED
//! ```
//!
//! A job works in the name of its creator, with the rights the creator had in its last call about the job. Every pass over the file has a
//! number; what a worker writes is written only while its pass is the job's, so that a worker that was thought dead does no harm. In
//! APPLYING, rows go in groups of at most 500: the rows of a group, its errors, the counters and the line it ended with are one
//! transaction, so that the work goes on at the next line after any crash and writes no row twice. Validating writes nothing but
//! errors and counters, so it begins anew after a crash.
//!
//! A row may name its parent by a key that stands further down the file: it is written without, and a second round over the file ties it. A row whose
//! parent then fails keeps its record and gets an error.
//!
//! Invariants: the errors are those of the last pass; `last_line` is the last row that is committed; a file lives until 7 days after the
//! job's end, a job that nobody goes on with until 30 days after its last change.

pub mod convert;
pub mod errors;
pub mod file;
pub mod group;
pub mod links;
pub mod model;
pub mod ops;
pub mod pass;
pub mod plan;
pub mod purge;
pub mod rpc;
pub mod store;
pub mod upload;
pub mod watch;
pub mod worker;

pub use model::Job;
pub use ops::ImportJobs;

/// Name of the collection in errors, events and paths.
pub const COLLECTION: &str = "import_jobs";
/// Kind of the jobs that read the file.
pub const JOB_KIND: &str = "import_job";
/// Kind of the jobs that drop it.
pub const PURGE_KIND: &str = "import_purge";
