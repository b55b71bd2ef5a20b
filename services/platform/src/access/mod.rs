//! Access: what a credential allows, worked out anew for every call the platform serves and for every question of another service.
//!
//! One statement reads the caller, its tenant, its session or key, its roles, and the users whose records it sees ([`store`]); the roles' grants
//! are added up in memory ([`crate::role::model::Rights`]). Nothing is kept here: a disabled user, an ended session and a revoked key stop at
//! once. Other services keep an answer for at most [`KEPT`].

mod authenticator;
pub mod model;
pub mod rpc;
pub mod store;

use chrono::TimeDelta;

pub use authenticator::Authenticator;

/// How long other services may keep an answer.
pub const KEPT: TimeDelta = TimeDelta::seconds(30);
