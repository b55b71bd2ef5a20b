//! Departments on the wire.

use crm_kit_api::{Result, error::Violations, etag, id, time::timestamp};
use crm_proto::crm::platform::v1 as wire;

use super::model::Department;
use crate::text;

impl Department {
    /// The department on the wire.
    pub fn to_wire(&self) -> wire::Department {
        wire::Department {
            id: self.id.to_string(),
            create_time: Some(timestamp(self.create_time)),
            update_time: Some(timestamp(self.update_time)),
            etag: etag::of(self.revision),
            display_name: self.display_name.clone(),
            parent_id: self.parent_id.map(|id| id.to_string()).unwrap_or_default(),
            manager_id: self.manager_id.map(|id| id.to_string()).unwrap_or_default(),
        }
    }

    /// The same department with the values of `wire` that callers set.
    pub fn with_wire(&self, wire: &wire::Department) -> Result<Self> {
        let mut violations = Violations::default();
        let display_name =
            text::required_line("department.display_name", &wire.display_name, 100, &mut violations);
        violations.into_result(())?;
        Ok(Self {
            display_name,
            parent_id: id::parse_optional("department.parent_id", &wire.parent_id)?,
            manager_id: id::parse_optional("department.manager_id", &wire.manager_id)?,
            ..self.clone()
        })
    }
}
