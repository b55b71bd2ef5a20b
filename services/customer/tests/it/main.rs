//! The customer service over gRPC, on a real PostgreSQL, with its production wiring.

#![expect(clippy::unwrap_used, reason = "a failing step fails the test")]

mod account;
mod bulk;
mod contact;
mod crm_exports;
mod custom_field;
mod duplicate;
mod events;
mod interaction;
mod lead;
mod list;
mod rig;
mod strings;
mod task;

mod transfer;
mod walls;
