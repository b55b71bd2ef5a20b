//! The kit against the real PostgreSQL of this machine.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "tests spawn tasks they await")]

mod filter;
mod server;
