//! Tenants: the companies that use the installation.
//!
//! ```text
//! ACTIVE --SuspendTenant--> SUSPENDED --ResumeTenant--> ACTIVE
//! ```
//!
//! The operator of the installation has no tenant (its id is nil) and no roles; what it does in a tenant is written to that tenant's own log, as
//! the nil caller ([`ops::within`]). Everybody else sees its own tenant only.

mod convert;
mod events;
pub mod model;
pub mod ops;
pub mod rpc;
pub mod store;
