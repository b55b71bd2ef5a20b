//! What a department is.

use chrono::{DateTime, Utc};
use crm_kit_api::Call;
use uuid::Uuid;

/// A part of a tenant's organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Department {
    pub id: Uuid,
    pub create_time: DateTime<Utc>,
    pub update_time: DateTime<Utc>,
    pub revision: i64,
    pub display_name: String,
    pub parent_id: Option<Uuid>,
    pub manager_id: Option<Uuid>,
}

impl Department {
    /// A department without name.
    pub fn new(call: &Call) -> Self {
        Self {
            id: call.new_id(),
            create_time: call.now,
            update_time: call.now,
            revision: 1,
            display_name: String::new(),
            parent_id: None,
            manager_id: None,
        }
    }
}
