//! Scans of a whole collection for duplicates (查重扫描), the sets they find, and pairs that people told apart.
//!
//! ```text
//! CreateDuplicateScan -> RUNNING -> DONE     its sets take the place of those before
//!                               \-> FAILED   those before stand
//! ```
//!
//! A scan reads all records, compares them ([`crate::duplicate::scan`]) and stores its sets in one transaction. How common values are is known only when
//! all are read, so a scan whose process ends is begun again from the first record; what it stores is there once.

mod convert;
mod dismiss;
mod merged;
mod model;
mod ops;
mod rpc;
mod sets;
mod store;
mod worker;

pub use merged::{merged, unmerged};
pub use ops::DuplicateScans;
pub use store::dismissed_with;

/// Name of the collection of scans in errors, events and paths.
pub const COLLECTION: &str = "duplicateScans";
/// Name of the collection of sets in errors, events and paths.
pub const SETS: &str = "duplicateSets";
/// Kind of the job of a scan.
pub const JOB_KIND: &str = "duplicate_scan";
