//! Interactions (互动记录): calls, mails, meetings, visits and chats, as facts. They are added and seldom mended.
//!
//! Invariants: an interaction is about at least one record and began in the past; with its row, in the same transaction, it stands in the time line
//! of its account, and the account and the contacts know when they were last met.

pub mod convert;
pub mod events;
pub mod files;
mod merge;
pub mod model;
mod record;
pub mod rpc;
pub mod schema;
pub mod store;

pub use model::Interaction;

/// The use cases of interactions.
pub type Interactions = crm_kit_record::Slice<Interaction>;

/// Name of the collection in errors, events and paths.
pub const COLLECTION: &str = "interactions";
