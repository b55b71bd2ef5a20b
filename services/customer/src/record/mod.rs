//! What the records of this service share: checked fields, address, external ids, tags, numbers, links to a record above, lists and search.
//!
//! Not here: anything that only one kind of record has.

pub mod address;
pub mod bulk;
pub mod choice;
pub mod external_id;
pub mod field;
pub mod hierarchy;
pub mod number;
pub mod schema;
pub mod search;
pub mod slice;
pub mod upsert;

pub use choice::Choice;
