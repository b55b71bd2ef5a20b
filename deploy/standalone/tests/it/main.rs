//! The binary as a person uses it: started, signed in to, killed, started again, stopped.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod crash;
mod demo;
mod existing;
mod opportunities;
mod start;
mod suite;
mod tools;
mod transfer;
