//! API keys on the wire.

use chrono::{DateTime, Utc};
use crm_kit_api::{
    Call, Result,
    error::Violations,
    id,
    time::{instant, timestamp},
};
use crm_proto::crm::platform::v1 as wire;
use uuid::Uuid;

use crate::{role, text};

/// A credential of a service account, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    pub id: Uuid,
    pub create_time: DateTime<Utc>,
    pub display_name: String,
    pub user_id: Uuid,
    pub permissions: Vec<String>,
    pub expire_time: Option<DateTime<Utc>>,
    pub creator_id: Uuid,
}

impl ApiKey {
    /// The key on the wire, without its secret.
    pub fn to_wire(&self) -> wire::ApiKey {
        wire::ApiKey {
            id: self.id.to_string(),
            create_time: Some(timestamp(self.create_time)),
            display_name: self.display_name.clone(),
            user_id: self.user_id.to_string(),
            permissions: self.permissions.clone(),
            expire_time: self.expire_time.map(timestamp),
            creator_id: self.creator_id.to_string(),
            key: String::new(),
        }
    }

    /// A new key with the values of `wire`; every violation is collected.
    pub fn from_wire(call: &Call, wire: &wire::ApiKey) -> Result<Self> {
        let user_id = id::parse("api_key.user_id", &wire.user_id)?;
        let mut violations = Violations::default();
        let expire_time = wire.expire_time.as_ref();
        let expire_time = expire_time.and_then(|time| instant("api_key.expire_time", time, &mut violations));
        if expire_time.is_some_and(|time| time <= call.now) {
            violations.add("api_key.expire_time", "IN_THE_PAST", "has passed already");
        }
        let key = Self {
            id: call.new_id(),
            create_time: call.now,
            display_name: text::required_line(
                "api_key.display_name",
                &wire.display_name,
                100,
                &mut violations,
            ),
            user_id,
            permissions: role::permissions_from_wire(
                "api_key.permissions",
                &wire.permissions,
                &mut violations,
            ),
            expire_time,
            creator_id: call.caller_id(),
        };
        violations.into_result(key)
    }
}
