//! Conversion: a lead becomes an account, a contact and an opportunity (线索转化).
//!
//! ```text
//! without a new opportunity: one transaction --> COMMITTED
//!
//! with one:   lead locked, account, contact      opportunity known      lead converted
//!   request ------> ACCOUNTS_DONE ----------------> OPPORTUNITY_DONE ------> COMMITTED
//!                         |        sales says yes
//!                         '------- sales says no ------> COMPENSATED: created records are taken back, the lead is as before
//! ```
//!
//! Each arrow is one transaction, and the sales service is asked between two of them, in the name and with the rights of whoever converts, under a key
//! and an external id that are made of the conversion's id. Whoever made the request takes the steps; a job that was enqueued with the first one takes
//! those that are left when it did not come back, so a conversion ends whatever dies when.
//!
//! Invariants: a lead has one conversion that was not taken back; while it is under way nothing else changes the lead; no conversion is taken back while
//! a question to the sales service may still take effect ([`saga::DOUBT`]); sales is never asked inside a transaction.

pub mod convert;
pub mod deal;
pub mod fill;
pub mod model;
pub mod ops;
pub mod saga;
pub mod store;
pub mod target;
pub mod undo;

pub use ops::Conversions;

/// Kind of the jobs that go on with conversions.
pub const JOB_KIND: &str = "conversion";
