//! Price entries: what a product costs in a price book, from a day on and by quantity (价格条目). They belong to the tenant as a whole.
//!
//! Invariants: book and product of an entry never change; a live entry is the only one of its book, product and unit that begins on its day; its tiers
//! ascend. Of several that hold on a day, the one that began last counts.

pub mod convert;
pub mod events;
pub mod files;
pub mod model;
pub mod ops;
pub mod record;
pub mod refusal;
pub mod rpc;
pub mod schema;
pub mod store;
pub mod tier;

pub use model::PriceEntry;
pub use ops::Prices;

/// Name of the collection in errors, events and paths.
pub const COLLECTION: &str = "priceEntries";
