//! Merges: records of one kind that stand for one party become one record (合并), and become several again when a merge is undone.
//!
//! ```text
//! MergeRecords -> MOVING ---> COMPLETE     (all services that keep ids of such records have followed)
//!                    |           |
//!                    '-----------'-- UndoMerge --> UNDOING ---> UNDONE
//! ```
//!
//! One implementation over the kinds: what is a kind's own stands in its `merge.rs` ([`kind::Mergeable`]), which fields there are in [`field`], what
//! becomes of them in [`policy`], what refers to merged records in [`children`].
//!
//! Invariants: a merge is one transaction of this service, so its losers are gone and all that referred to them refers to the survivor, or nothing happened.
//! A loser is in no table but `merged_record`, whose id leads to the survivor, or to what that went into later, in one step. What undoing it takes is
//! stored with the merge, unmasked, and dropped when the record it leads to is purged.

pub mod children;
mod convert;
pub mod field;
pub mod kind;
mod list;
mod model;
mod ops;
pub mod policy;
mod request;
mod rpc;
pub mod store;
mod undo;

pub use ops::Merges;

/// Name of the collection in errors, events and paths.
pub const COLLECTION: &str = "merges";
/// Most records that refer to the losers of one merge.
pub const MOST_MOVED: usize = 2000;
