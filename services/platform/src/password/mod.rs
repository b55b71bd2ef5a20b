//! Passwords: the rules they keep, how they are hashed, and first ones that nobody chose.
//!
//! Hashes are Argon2id with 19 MiB, two passes and one lane, on a bounded blocking pool. A password that is checked against no user costs the same
//! work, so that time does not tell which users exist.

mod common;
mod hash;
mod rules;

pub use hash::Hasher;
pub use rules::{check, first};
