//! Price books: lists of prices in one currency (价格表).
//!
//! Invariants: names are unique; the currency never changes; a currency has at most one standard book, which is not retired; a book is never removed.

pub mod convert;
pub mod events;
pub mod model;
pub mod ops;
pub mod rpc;
pub mod store;

pub use model::PriceBook;
pub use ops::PriceBooks;

/// Name of the collection in errors, events and paths.
pub const COLLECTION: &str = "priceBooks";
