//! Sessions: one sign-in of one user on one device.
//!
//! ```text
//! CreateSession --> live --RefreshSession--> live (30 days from then)
//!                    |--DeleteSession, ChangePassword, ResetPassword, DisableUser, DeleteUser, a refresh token used twice, 30 days--> gone
//! ```
//!
//! A session gives access tokens of ten minutes, which carry its id, and one refresh token at a time. An access token holds only while its
//! session lives: the platform looks it up on every call ([`crate::access`]).
//!
//! Signing in answers alike, and does the same work, whether the tenant or the user does not exist, the password is wrong, the user is
//! disabled or the name is locked; see [`sign_in`] and [`guard`].

mod client;
mod events;
pub mod guard;
mod model;
pub mod ops;
pub mod rpc;
mod sign_in;
mod store;

pub use client::Client;
pub use model::{Opening, Session, Sessions};
pub use store::prune;
