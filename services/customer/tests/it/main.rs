//! The customer service over gRPC, on a real PostgreSQL, with its production wiring.

#![expect(clippy::unwrap_used, reason = "a failing step fails the test")]

mod account;
mod account_relation;
mod activity_purge;
mod assignment_rule;
mod bulk;
mod contact;
mod conversion;
mod crm_exports;
mod custom_field;
mod duplicate;
mod duplicate_scan;
mod events;
mod hand_over;
mod interaction;
mod lead;
mod list;
mod merge;
mod pool;
mod recycle_bin;
mod rig;
mod statements;
mod strings;
mod task;

mod timeline;
mod transfer;
mod walls;
