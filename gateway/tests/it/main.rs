//! The gateway over real sockets, before services that remember what they were asked.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests may panic, their helpers too")]

mod backend;
mod client;
mod drain;
mod errors;
mod grpc;
mod hostile;
mod limits;
mod mapping;
mod pages;
mod speed;
mod streams;
