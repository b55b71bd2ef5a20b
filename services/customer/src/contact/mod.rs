//! Contacts: the people the tenant deals with (联系人).
//!
//! ```text
//!            create                delete
//!   (none) ---------> live ----------------> in the recycle bin --30 days--> purged
//!                      ^ \ update               |
//!                      |  '-> live              |
//!                      '------- undelete -------'
//! ```
//!
//! Invariants: a contact has an owner and a name; of its e-mail addresses, its telephone numbers and its ties to accounts exactly one each is
//! primary when there is any; each of its external ids is unique in the tenant; whom contacts report to forms no circle; every write raises the
//! revision by one.
//!
//! The full name follows the name parts as long as it is what they make: a contact made of 张 and 安怡 is 张安怡, and when the given name
//! becomes 安然 it is 张安然. A full name that was written by hand stays.

pub mod card;
pub mod convert;
pub mod events;
pub mod files;
mod merge;
pub mod model;
pub mod part;
pub mod profile;
mod record;
pub mod rpc;
pub mod schema;
pub mod store;

pub use model::Contact;

/// The use cases of contacts.
pub type Contacts = crm_kit_record::Slice<Contact>;

/// Name of the collection in errors, events and paths.
pub const COLLECTION: &str = "contacts";
