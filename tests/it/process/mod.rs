//! The suite as separate processes: the services' own binaries and the gateway's, on real ports, each with a database of its own.
//!
//! The binaries are the ones cargo built beside this test; `make test` builds them first.

mod crash;
mod drain;
mod erp;
mod flow;
mod relink;
mod rest;
pub mod running;
mod saga;
mod suite;
