//! The whole view of an account (360°视图): its own record, its contacts, its time line, and what other services know of it.
//!
//! Whatever belongs to another service, or needs a right of its own, is a section: it is there, or the answer names it as a gap. Sections of other
//! services are asked for at once, with the rights of the user, and wait for nobody longer than [`gap`] says.

mod gap;
mod ops;
mod rpc;
mod sales;
mod store;
mod timeline;

pub use ops::Overviews;
