//! A harness for services: a database of its own for every test, a whole service in memory with its production wiring, callers with chosen
//! rights, a clock that tests set, and assertions on errors.
//!
//! Set `CRM_TEST_DATABASE_URL` to a superuser's URL to use a running PostgreSQL (`make test` does); otherwise each test process starts one.
//!
//! | module | owns |
//! |---|---|
//! | [`database`] | databases made from a migrated template |
//! | [`callers`] | credentials with chosen rights |
//! | [`status`] | assertions on errors |
//! | [`shared`] | the data folder beside the checkout, when it is there |
//!
//! Not here: a double of anything that can run for real.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "a failing harness fails the test")]

pub mod callers;
pub mod database;
pub mod shared;
pub mod status;

pub use callers::{Caller, Callers, Rights, peers, peers_alone};
pub use database::Database;
