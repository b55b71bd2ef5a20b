//! The contract and the suite as a whole.

#![expect(clippy::unwrap_used, reason = "a failing step fails the test")]

mod approval;
mod approval_contract;
mod contract;
mod conversion;
mod forecast;
mod house;
mod line;
mod merge;
mod overview;
mod people;
mod process;
mod suite;
mod tenants;
