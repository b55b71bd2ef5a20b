//! What follows from a merge for the records that refer to what was merged.

use crm_kit_record::revert::{Patch, Together};
use sqlx::types::Json;
use uuid::Uuid;

/// Collection of companies in the customer service.
pub const ACCOUNTS: &str = "accounts";
/// Collection of people in the customer service.
pub const CONTACTS: &str = "contacts";

/// A row of `relink`.
#[derive(Clone, Debug)]
pub struct Relink {
    pub tenant_id: Uuid,
    pub id: Uuid,
    pub collection: String,
    pub from_ids: Vec<Uuid>,
    pub into_id: Uuid,
    pub display_name: String,
    pub undone: bool,
    /// Its place in the order of the tenant's; given when the row is written, and anew when the merge is undone.
    pub turn: i64,
    /// Whether all records follow.
    pub settled: bool,
}

/// A row of `relink_change`.
#[derive(Clone, Debug)]
pub struct Change {
    pub collection: String,
    pub record_id: Uuid,
    pub patch: Json<Patch>,
}

/// Columns that belong together.
pub const TOGETHER: Together = &[&["account_id", "account_name"], &["contact_id", "contact_name"]];

impl Relink {
    /// Whether a record went with the merge.
    pub fn takes(&self, id: Uuid) -> bool {
        self.from_ids.contains(&id)
    }

    /// Lets a reference to a record that went, and the name beside it, be those of the survivor.
    pub fn lead(&self, id: &mut Uuid, name: &mut String) {
        if self.takes(*id) {
            *id = self.into_id;
            name.clone_from(&self.display_name);
        }
    }

    /// As [`Self::lead`], for a reference that may be empty.
    pub fn lead_any(&self, id: &mut Option<Uuid>, name: &mut String) {
        if let Some(id) = id {
            self.lead(id, name);
        }
    }
}
