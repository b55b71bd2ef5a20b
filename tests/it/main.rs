//! The contract and the suite as a whole.

#![expect(clippy::unwrap_used, reason = "a failing step fails the test")]

mod contract;
mod house;
mod merge;
mod people;
mod process;
mod suite;
mod tenants;
