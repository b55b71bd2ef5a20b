//! Records follow merged accounts and contacts: what referred to the records that went refers to the survivor, and back when the merge is undone.
//!
//! ```text
//! RecordsMerged   -> row and job in the event's transaction -> pages of each kind, a transaction each -> settled -> AcknowledgeMerge
//! RecordsUnmerged -> the row turns, the job is asked for again -> pages back, what was changed since stays -> settled -> AcknowledgeMerge
//! ```
//!
//! Invariants: what a tenant merges and undoes is followed in the order in which it was told (`turn`); one waits until all before it are settled, so
//! what goes from A to B and then from B to C arrives at C. Each page holds the row, so two workers, or a merge and its undoing, follow one another; a
//! record that is moved is noted in the transaction that moves it, so what dies between two pages repeats nothing and forgets nothing.
//!
//! Not here: what is history and stays as it was, such as earlier versions of contracts, what was submitted to approvers, and audit rows. A version that
//! comes back into force catches up with the merges since ([`catch_up`]).

mod follow;
mod linked;
mod model;
mod mover;
pub mod store;
mod worker;

pub use follow::follower;
pub use mover::catch_up;
pub use worker::Relinks;

/// Kind of the job.
pub const JOB_KIND: &str = "relink";
/// Records in one transaction.
const PAGE: i64 = 200;
