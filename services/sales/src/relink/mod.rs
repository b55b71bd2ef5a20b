//! Deals follow merged accounts and contacts: what referred to the records that went refers to the survivor, and back when the merge is undone.
//!
//! ```text
//! RecordsMerged   -> row and job in the event's transaction -> pages of deals, a transaction each -> AcknowledgeMerge
//! RecordsUnmerged -> the row turns, the job is asked for again -> pages back, deals changed since keep what they have -> AcknowledgeMerge
//! ```
//!
//! Invariants: each page holds the row, so two workers, or a merge and its undoing, follow one another; a deal that is moved is noted in the transaction that
//! moves it, so what dies between two pages repeats nothing and forgets nothing.

mod follow;
mod model;
mod store;
mod trail;
mod worker;

pub use follow::follower;
pub use model::ACCOUNTS;
pub use trail::survivor;
pub use worker::Relinks;

/// Kind of the job.
pub const JOB_KIND: &str = "relink";
