//! Postgres habits of the suite: every statement runs in a transaction that names its tenant, and every change leaves an audit row, an event and, if the
//! caller sent a key, its answer in that same transaction.
//!
//! | module | owns |
//! |---|---|
//! | [`db`] | the pool, transactions with tenant and deadline, retries, the write that commits all or nothing |
//! | [`change`] | what a write leaves behind: audit, outbox and idempotency rows in one statement |
//! | [`constraint`] | violated constraints by name |
//! | [`list`] | filter, order, search, scope and page token to one query: the only place where SQL is built |
//! | [`outbox`] | the event stream service |
//! | [`follow`] | the other end: following another service's stream, each event's effect exactly once |
//! | [`housekeeping`] | rows that are kept for a time only |
//! | [`jobs`] | work outside requests: enqueue in the transaction, claim with a lease |
//! | [`migrate`] | migrations under an advisory lock, and the grants of the service's role |
//! | [`people`] | the platform's users as this service knows them |
//! | [`server`] | a PostgreSQL server of our own, from installed binaries |

pub mod change;
pub mod constraint;
pub mod db;
pub mod follow;
pub mod housekeeping;
pub mod jobs;
pub mod list;
pub mod migrate;
pub mod outbox;
pub mod people;
mod reader;
pub mod server;

pub use change::{Change, ChangeKind};
pub use db::{Db, Tx};
pub use reader::One;
