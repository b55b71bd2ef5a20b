//! The contract and the suite as a whole.

#![expect(clippy::unwrap_used, reason = "a failing step fails the test")]

mod contract;
mod forecast;
mod house;
mod people;
mod process;
mod suite;
mod tenants;
