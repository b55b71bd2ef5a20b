//! Users on the wire.

use crm_kit_api::{Result, error::Violations, etag, id, time::timestamp};
use crm_proto::crm::platform::v1::{self as wire, user::State as WireState};
use uuid::Uuid;

use super::{
    contact,
    model::{self, State, User},
};
use crate::text;

impl User {
    /// The user on the wire, without secrets.
    pub fn to_wire(&self) -> wire::User {
        let state = match self.state {
            State::Active => WireState::Active,
            State::Disabled => WireState::Disabled,
        };
        wire::User {
            id: self.id.to_string(),
            create_time: Some(timestamp(self.create_time)),
            update_time: Some(timestamp(self.update_time)),
            delete_time: self.delete_time.map(timestamp),
            etag: etag::of(self.revision),
            display_name: self.display_name.clone(),
            username: self.username.clone(),
            email: self.email.clone(),
            phone: self.phone.clone(),
            job_title: self.job_title.clone(),
            department_ids: self.department_ids.iter().map(Uuid::to_string).collect(),
            primary_department_id: optional(self.primary_department_id),
            superior_id: optional(self.superior_id),
            role_ids: self.role_ids.iter().map(Uuid::to_string).collect(),
            state: state.into(),
            service_account: self.service_account,
            password_change_required: self.password_change_required,
            last_sign_in_time: self.last_sign_in_time.map(timestamp),
            first_password: String::new(),
        }
    }

    /// The same user with the values of `wire` that callers set; every violation is collected. Telephone numbers without country code are
    /// of `region_code`.
    pub fn with_wire(&self, wire: &wire::User, region_code: &str) -> Result<Self> {
        let mut violations = Violations::default();
        let department_ids = ids("user.department_ids", &wire.department_ids)?;
        let primary = id::parse_optional("user.primary_department_id", &wire.primary_department_id)?;
        if primary.is_some_and(|primary| !department_ids.contains(&primary)) {
            violations.add("user.primary_department_id", "NOT_A_DEPARTMENT", "is not one of department_ids");
        }
        let user = Self {
            display_name: text::required_line("user.display_name", &wire.display_name, 100, &mut violations),
            username: model::username("user.username", &wire.username, &mut violations),
            email: contact::email("user.email", &wire.email, &self.email, &mut violations),
            phone: contact::phone("user.phone", &wire.phone, &self.phone, region_code, &mut violations),
            job_title: text::line("user.job_title", &wire.job_title, 100, &mut violations),
            primary_department_id: primary.or(department_ids.first().copied()),
            department_ids,
            superior_id: id::parse_optional("user.superior_id", &wire.superior_id)?,
            role_ids: ids("user.role_ids", &wire.role_ids)?,
            ..self.clone()
        };
        violations.into_result(user)
    }
}

fn optional(id: Option<Uuid>) -> String {
    id.map(|id| id.to_string()).unwrap_or_default()
}

/// Ids in the caller's order, each once.
fn ids(field: &str, texts: &[String]) -> Result<Vec<Uuid>> {
    let mut ids = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        let id = id::parse(&format!("{field}[{index}]"), text)?;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Ok(ids)
}
