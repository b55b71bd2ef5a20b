//! Fields that tenants add to accounts and contacts.
//!
//! A definition says what values a field takes; a record keeps them in one JSON document, `custom`, by the field's key. Definitions are read once and kept in
//! memory for a few seconds, so that writing a record costs no statement for them.

mod catalog;
mod fields;

pub use catalog::Catalog;
pub use fields::{Fields, Values};
