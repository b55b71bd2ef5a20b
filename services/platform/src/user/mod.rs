//! Users: the people who work for a tenant, and service accounts that other systems work with.
//!
//! ```text
//! ACTIVE --DisableUser--> DISABLED --EnableUser--> ACTIVE
//! any    --DeleteUser-->  deleted  --UndeleteUser--> DISABLED
//! ```
//!
//! Deleted users stay, because records name them as owners and their superiors go on seeing those records. What always holds:
//!
//! - Somebody can administer the tenant: the last live, active person with the role `administrator` keeps both ([`ops`]).
//! - Nobody gives away more than it has: a role, or by a new password or an API key the place of a user with more rights.
//! - Nobody changes, disables or deletes a user with more rights ([`guardrails`]).
//! - Moving people shows nobody records that the mover does not see ([`reach`]).
//! - Disabled and deleted users have no sessions.

mod contact;
mod convert;
mod events;
pub mod guardrails;
pub mod list;
pub mod model;
pub mod ops;
mod password;
pub mod reach;
pub mod rpc;
pub mod store;

pub use events::COLLECTION;
pub use password::Passwords;
