//! Imports and exports through the whole service, on a real PostgreSQL.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod crash;
mod figures;
mod flow;
mod harness;
mod names;
mod world;
