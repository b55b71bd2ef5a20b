//! Conversion: a lead becomes an account and a contact (线索转化).
//!
//! Lead, account, contact and the row that remembers the answer are written in one transaction, so a conversion took place whole or not at all, and a
//! second one of the same lead answers as the first. What is created passes every check that a single creation passes, rules about duplicates included.
//!
//! Opportunities live in another service and are not made here yet; a request for one is refused.

pub mod fill;
pub mod ops;
pub mod store;

pub use ops::Conversions;
