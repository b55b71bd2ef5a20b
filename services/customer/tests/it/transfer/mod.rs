//! Imports and exports through the whole service, against a real database: `CUSTOMER_DATABASE_URL` names one that has the migrations. Run with
//! `cargo test -p crm-customer --test it transfer -- --ignored`.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod crash;
mod figures;
mod flow;
mod harness;
