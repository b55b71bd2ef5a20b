//! The customer service over gRPC, on a real PostgreSQL, with its production wiring; and files of the world, read by its table module.

#![expect(clippy::unwrap_used, reason = "a failing step fails the test")]

mod account;
mod bulk;
mod contact;
mod custom_field;
mod events;
mod list;
mod rig;
mod strings;
mod table;
mod transfer;
mod walls;
