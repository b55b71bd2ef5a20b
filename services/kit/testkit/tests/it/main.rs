//! Services that follow and call each other, with real databases and real gRPC in memory.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod follow;
mod jobs;
mod operate;
mod rig;
mod streams;
