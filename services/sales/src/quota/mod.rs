//! Quotas: what people and teams are to sell in a fiscal period (销售定额).
//!
//! draft -> published -> locked. A draft may be changed and deleted. A published quota keeps its place and changes in value and note only, each change making
//! a version. Once its period is over it is locked, by the server itself ([`lock`]).
//!
//! Invariants: the months of a quota add up to it exactly; a person or team has one value of a measure, level and currency for a month; quarters and
//! years are sums of months and nothing else.

pub mod attainment;
pub mod convert;
pub mod events;
pub mod files;
pub mod lock;
pub mod model;
pub mod ops;
pub mod reason;
pub mod record;
pub mod rpc;
pub mod schema;
pub mod store;
pub mod sums;

pub use model::Quota;
pub use ops::Quotas;

/// Name of the collection in errors, events and paths.
pub const COLLECTION: &str = "quotas";
