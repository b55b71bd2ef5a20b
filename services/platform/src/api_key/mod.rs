//! API keys: what another system works with, as a service account.
//!
//! A key may do what both its allow-list and the roles of its service account allow, and sees the records and values those roles show. Whoever
//! makes a key must itself have every right the key gets, in all three parts.

mod convert;
mod events;
pub mod ops;
pub mod rpc;
mod store;
