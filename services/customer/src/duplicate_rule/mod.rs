//! Rules about duplicates (查重规则) as tenants keep them.
//!
//! A tenant without a rule on a collection works with the built-in ones of [`crate::duplicate::rule`]; its first own rule takes their place. A
//! rule that blocks holds for writes from then on.

mod convert;
mod events;
mod model;
mod ops;
mod rpc;
mod store;

use std::collections::BTreeSet;

use crm_kit_api::Result;
use sqlx::PgConnection;
use uuid::Uuid;

pub use convert::{key_to_wire, outcome_to_wire};
pub use model::BLOCK;
pub use ops::DuplicateRules;

use crate::duplicate::rule::{self, Rule};

/// Name of the collection in errors, events and paths.
pub const COLLECTION: &str = "duplicateRules";

/// The rules that hold for a collection, the older first, with the keys that each ignores.
pub async fn in_use(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    collection: &str,
) -> Result<Vec<(Rule, BTreeSet<String>)>> {
    let own = store::of(conn, tenant_id, collection).await?;
    if own.is_empty() {
        return Ok(rule::defaults(collection).into_iter().map(|rule| (rule, BTreeSet::new())).collect());
    }
    let enabled = own.into_iter().filter(|rule| !rule.disabled);
    Ok(enabled.map(|rule| (rule.rule(), rule.ignored_keys.into_iter().collect())).collect())
}
