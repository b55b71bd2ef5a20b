//! What a change of a role tells others.

use crm_kit_pg::{Change, ChangeKind};
use crm_proto::crm::platform::v1::{self as wire, RoleCreated, RoleDeleted, RoleUpdated};
use uuid::Uuid;

use crate::edit::Edit;

pub const COLLECTION: &str = "roles";

pub fn created(id: Uuid, role: &wire::Role) -> Change {
    let event = RoleCreated { role: Some(role.clone()) };
    Change::new(COLLECTION, id, ChangeKind::Create, &event).audited(None, Some(role))
}

pub fn updated(id: Uuid, role: &wire::Role, edit: Edit<wire::Role>) -> Change {
    let event = RoleUpdated {
        role: Some(role.clone()),
        previous: Some(edit.previous.clone()),
        changed_fields: Some(edit.mask()),
    };
    Change::new(COLLECTION, id, ChangeKind::Update, &event)
        .audited(Some(&edit.previous), Some(role))
        .of_fields(edit.fields)
}

pub fn deleted(id: Uuid, role: &wire::Role) -> Change {
    let event = RoleDeleted { role: Some(role.clone()) };
    Change::new(COLLECTION, id, ChangeKind::Purge, &event).audited(Some(role), None)
}
