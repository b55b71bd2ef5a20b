//! What the making and revoking of a key tells others. The secret is no part of it.

use crm_kit_pg::{Change, ChangeKind};
use crm_proto::crm::platform::v1::{ApiKeyCreated, ApiKeyDeleted};

use super::convert::ApiKey;

pub const COLLECTION: &str = "apiKeys";

pub fn created(key: &ApiKey) -> Change {
    let wire = key.to_wire();
    let event = ApiKeyCreated { api_key: Some(wire.clone()) };
    Change::new(COLLECTION, key.id, ChangeKind::Create, &event).audited(None, Some(&wire))
}

pub fn deleted(key: &ApiKey) -> Change {
    let wire = key.to_wire();
    let event = ApiKeyDeleted { api_key: Some(wire.clone()) };
    Change::new(COLLECTION, key.id, ChangeKind::Purge, &event).audited(Some(&wire), None)
}
