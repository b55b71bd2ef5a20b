//! Quotes: what a customer is offered at what price, until when (报价单).
//!
//! ```text
//!                   past the limit
//!             .-----------------------> IN_APPROVAL --approved--.
//! create -> DRAFT --submit, within it-------------------------> APPROVED --present--> PRESENTED --accept--> ACCEPTED
//!             '<--withdraw, refused----------'                     |                     |'--------reject--> REJECTED
//!                                                                  '--last day is over---'-----------------> EXPIRED
//! APPROVED, PRESENTED, REJECTED, EXPIRED --revise--> DRAFT n+1; when it is submitted, what came before is SUPERSEDED
//! ```
//!
//! What always holds:
//!
//! - A revision is a row of its own; a revision number exists once among those with the same `base_quote_id` (unique key).
//! - Outside of DRAFT what is offered does not change ([`convert`], `locked`).
//! - Submitting and accepting hold every revision of the quote, in the order of their ids, so that a superseded one is never accepted; a deal has one
//!   accepted quote (unique index).
//! - A quote whose `expire_time` has come is neither presented nor accepted, whether or not the job that says EXPIRED has run.

pub mod convert;
pub mod events;
pub mod files;
mod life;
pub mod model;
pub mod ops;
pub mod record;
mod revision;
pub mod rpc;
pub mod schema;
pub mod settings;
pub mod store;
mod submit;

pub use model::Quote;
pub use ops::{Quotes, hold_accepted};

/// Name of the collection in errors, events and paths.
pub const COLLECTION: &str = "quotes";
/// Name of quotes at the platform's approvals.
pub const OBJECT_TYPE: &str = "sales.quotes";
