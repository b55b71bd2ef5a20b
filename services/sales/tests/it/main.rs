//! The sales service over gRPC, on a real PostgreSQL, with its production wiring.

#![expect(clippy::unwrap_used, reason = "a failing step fails the test")]

mod cash;
mod events;
mod opportunity;
mod opportunity_data;
mod opportunity_lines;
mod pipeline;
mod price;
mod quote;
mod quote_life;
mod recycle_bin;
mod rig;
mod stage;
mod statistics;
mod walls;
