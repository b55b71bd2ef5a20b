//! Approval requests: a revision of an object that was submitted, the approvers who were asked, and what they decided.
//!
//! ```text
//! submit --> PENDING --first agreement--> IN_PROGRESS --last node passed--> APPROVED
//!            running: reject --> REJECTED, return --> RETURNED, withdraw --> WITHDRAWN, later revision submitted --> VOIDED
//! submit --> APPROVED, when no flow matches or nobody has to be asked
//! ```
//!
//! What always holds:
//!
//! - One request of an object runs at a time, and a revision runs or is approved once (unique indexes), apart for each submitting service and for
//!   users; a request runs on the version of the flow it began with.
//! - Decisions take turns by the request's row: of two approvers of whom one is enough, one decides and the other is told who did.
//! - Who is asked is worked out when a node is reached ([`node`]), from the users, roles and superiors there are then.

mod convert;
mod decide;
mod events;
mod list;
mod model;
mod node;
pub mod rpc;
mod store;
mod submit;

pub use model::Request;
