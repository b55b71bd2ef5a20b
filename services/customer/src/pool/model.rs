//! What a pool is, as stored, and who may do what with it.

use chrono::{DateTime, Utc};
use crm_kit_api::call::Access;
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use uuid::Uuid;

/// Most pools of a tenant.
pub const MAX_POOLS: usize = 100;

/// Permission to see and change every pool.
pub const MANAGE: &str = "customer.pools.manage";

/// A row of `pool`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Pool {
    pub tenant_id: Uuid,
    pub id: Uuid,
    pub create_time: DateTime<Utc>,
    pub update_time: DateTime<Utc>,
    pub revision: i64,
    pub display_name: String,
    pub collection: String,
    pub is_default: bool,
    pub user_ids: Vec<Uuid>,
    pub department_ids: Vec<Uuid>,
    pub role_ids: Vec<Uuid>,
    pub admin_ids: Vec<Uuid>,
    /// 0 for no limit, as in the next.
    pub daily_claim_limit: i32,
    pub holding_limit: i32,
    pub holding_exempt: String,
    pub cool_down_days: i32,
    pub protection_days: i32,
    pub freeze_days: i32,
    pub recycle_rules: Json<Vec<RecycleRule>>,
    pub recycle_paused: bool,
    pub recycle_limit: i32,
}

/// When a record comes back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecycleRule {
    pub key: String,
    pub condition: String,
    /// 0 when it does not matter, as in the next.
    pub not_followed_days: i32,
    pub held_days: i32,
    pub held_from: HeldFrom,
}

/// What the days that a record is held count from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeldFrom {
    Created,
    Claimed,
    #[default]
    ClaimedOrCreated,
}

impl Pool {
    /// Whether the caller may see the pool.
    pub fn is_seen_by(&self, access: &Access) -> bool {
        self.has_member(access) || self.is_managed_by(access)
    }

    /// Whether the caller may claim from the pool.
    pub fn has_member(&self, access: &Access) -> bool {
        let is_open = self.user_ids.is_empty() && self.department_ids.is_empty() && self.role_ids.is_empty();
        let groups = &access.groups;
        is_open
            || self.user_ids.contains(&access.caller_id)
            || self.department_ids.iter().chain(&self.role_ids).any(|group| groups.contains(group))
    }

    /// Whether the caller may assign and move records of the pool.
    pub fn is_managed_by(&self, access: &Access) -> bool {
        self.admin_ids.contains(&access.caller_id) || access.permissions.allows(MANAGE)
    }

    /// Whether limits of the pool bind the caller: all but its administrators.
    pub fn limits(&self, access: &Access) -> bool {
        !self.admin_ids.contains(&access.caller_id)
    }
}
