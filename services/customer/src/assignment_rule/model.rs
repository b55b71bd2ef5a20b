//! What a rule is, as stored.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Most rules of a tenant.
pub const MAX_RULES: usize = 100;

/// A row of `assignment_rule`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssignmentRule {
    pub tenant_id: Uuid,
    pub id: Uuid,
    pub create_time: DateTime<Utc>,
    pub update_time: DateTime<Utc>,
    pub revision: i64,
    pub display_name: String,
    pub position: i32,
    pub condition: String,
    pub disabled: bool,
    pub user_ids: Vec<Uuid>,
    pub pool_id: Option<Uuid>,
    /// How many leads the rule gave to its users.
    pub turn: i64,
}
