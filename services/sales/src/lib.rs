//! The sales service: how a company sells, and what it sells.
//!
//! | module | owns |
//! |---|---|
//! | [`pipeline`] | pipelines and their stages |
//! | [`app`] | the composition root |
//! | [`config`] | settings |

pub mod app;
pub mod config;
pub mod pipeline;

use sqlx::migrate::Migrator;

/// The service's migrations, run after the kit's.
pub static MIGRATIONS: [&Migrator; 1] = [&OWN];

static OWN: Migrator = sqlx::migrate!();

/// Domain of the service's error reasons.
pub const DOMAIN: &str = "crm.sales";
