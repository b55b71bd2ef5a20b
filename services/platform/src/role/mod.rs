//! Roles: sets of rights that users are given together.
//!
//! Rights have three parts: permissions (which methods), a record scope (whose records) and masks (which values). Several roles add up to any
//! permission, the broadest scope and the least masks ([`model::Rights::union`]). Nobody gives away more than it has
//! ([`model::Rights::check_cover`]): not by making or widening a role, not by giving one to a user, and not by taking over a user who has more.
//!
//! Built-in roles are rows like others, so that users can hold them, but their permissions and masks are in [`built_in`].

pub mod built_in;
mod convert;
mod events;
pub mod model;
pub mod ops;
pub mod permission;
pub mod rpc;
pub mod store;

pub use convert::{masks_to_wire, permissions as permissions_from_wire};
