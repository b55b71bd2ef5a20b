//! The platform service: who works for which tenant, what each of them may do and see, and how they prove who they are.
//!
//! | module | owns |
//! |---|---|
//! | [`tenant`] | the companies that use the installation |
//! | [`department`] | their organisation |
//! | [`user`] | their people and service accounts, and what every change of one must respect |
//! | [`role`] | sets of rights, how they add up, the built-in ones, the permissions there are |
//! | [`session`] | signing in, refreshing, signing out; what slows down guessing |
//! | [`exchange_rate`] | what currencies are worth in each other, by day |
//! | [`business_calendar`] | when people work, and sums of working time |
//! | [`approval_flow`] | who has to agree to what |
//! | [`approval_request`] | what was submitted, who was asked, what they decided |
//! | [`api_key`] | what other systems work with |
//! | [`signing_key`] | keys of access tokens |
//! | [`access`] | from a credential to what it allows |
//! | [`token`] | access tokens as such: pure, without anything of the platform |
//! | [`password`], [`secret`] | rules and hashes of passwords; keys and refresh tokens |
//! | [`edit`], [`paging`], [`text`], [`tree`], [`reason`] | what the resources share |
//! | [`jobs`] | housekeeping |
//! | [`bootstrap`] | the first tenant |
//! | [`app`], [`config`] | the composition root, settings |

mod access;
mod api_key;
pub mod app;
mod approval_flow;
mod approval_request;
pub mod bootstrap;
mod business_calendar;
pub mod config;
mod department;
mod edit;
mod exchange_rate;
mod jobs;
mod paging;
mod password;
mod reason;
mod role;
mod secret;
mod session;
mod signing_key;
mod tenant;
mod text;
pub mod token;
mod tree;
mod user;

use sqlx::migrate::Migrator;

pub use app::App;
pub use bootstrap::{FirstSignIn, bootstrap};
use crm_proto::crm::platform::v1 as wire;
pub use reason::DOMAIN;

/// The service's migrations, run after the kit's.
pub static MIGRATIONS: [&Migrator; 1] = [&OWN];

static OWN: Migrator = sqlx::migrate!();
