//! Opportunities: deals that may come about (商机).
//!
//! ```text
//! create --> OPEN, in a stage --move--> OPEN, in another stage
//!              |  ^    |   |
//!              |  |    |   '-win, move to a WON stage----> WON  --.
//!              |  |    '-----lose, move to a LOST stage--> LOST --+--reopen--> OPEN
//!              |  |'---------invalidate--> INVALID ---------------'
//! ```
//!
//! What is checked when: shapes, pipeline, stage and gate are checked in the call, against pipelines at most five seconds old; account, contacts and
//! campaign belong to other services and are taken as they come, names with them, so that no write waits for another service.
//!
//! Invariants: a deal has a closed date exactly when it is closed; each change of pipeline, stage or state leaves one row of history in the same
//! statement; what the rows of `stage_sum` add up to is what stands in the stages, because the statement that writes a deal writes them; the amount of
//! a won deal does not change.

pub mod collection;
pub mod convert;
pub mod events;
pub mod files;
pub mod gate;
pub mod history;
mod lines;
pub mod model;
pub mod ops;
pub mod part;
pub mod record;
pub mod rpc;
pub mod schema;
pub mod store;

pub use model::Opportunity;
pub use ops::Opportunities;

/// Name of the collection in errors, events and paths.
pub const COLLECTION: &str = "opportunities";
