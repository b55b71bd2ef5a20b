//! The sales service over gRPC, on a real PostgreSQL, with its production wiring.

#![expect(clippy::unwrap_used, reason = "a failing step fails the test")]

mod cash;
mod events;
mod fold;
mod forecast;
mod forecast_scale;
mod opportunity;
mod opportunity_data;
mod opportunity_lines;
mod pipeline;
mod price;
mod quota;
mod quota_data;
mod recycle_bin;
mod rig;
mod stage;
mod statistics;
mod walls;
