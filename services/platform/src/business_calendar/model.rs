//! What a business calendar is.

use chrono::{DateTime, Utc};
use crm_kit_api::Call;
use uuid::Uuid;

/// When people work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BusinessCalendar {
    pub id: Uuid,
    pub create_time: DateTime<Utc>,
    pub update_time: DateTime<Utc>,
    pub delete_time: Option<DateTime<Utc>>,
    pub revision: i64,
    pub display_name: String,
    pub time_zone: String,
    pub version: i32,
    /// Weekly hours and special days, as the contract carries them.
    pub hours: Vec<u8>,
}

impl BusinessCalendar {
    /// A calendar without name and hours, in the tenant's zone.
    pub fn new(call: &Call) -> Self {
        Self {
            id: call.new_id(),
            create_time: call.now,
            update_time: call.now,
            delete_time: None,
            revision: 1,
            display_name: String::new(),
            time_zone: call.access.tenant.time_zone.clone(),
            version: 1,
            hours: Vec::new(),
        }
    }
}
