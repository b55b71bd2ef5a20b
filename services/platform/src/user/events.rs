//! What a change of a user tells others. Passwords and their hashes are no part of it.

use crm_kit_pg::{Change, ChangeKind};
use crm_proto::crm::platform::v1::{self as wire, UserCreated, UserDeleted, UserUndeleted, UserUpdated};
use uuid::Uuid;

use crate::edit::Edit;

pub const COLLECTION: &str = "users";

pub fn created(id: Uuid, user: &wire::User) -> Change {
    let event = UserCreated { user: Some(user.clone()) };
    Change::new(COLLECTION, id, ChangeKind::Create, &event).audited(None, Some(user))
}

pub fn updated(id: Uuid, user: &wire::User, edit: Edit<wire::User>) -> Change {
    let event = UserUpdated {
        user: Some(user.clone()),
        previous: Some(edit.previous.clone()),
        changed_fields: Some(edit.mask()),
    };
    Change::new(COLLECTION, id, ChangeKind::Update, &event)
        .audited(Some(&edit.previous), Some(user))
        .of_fields(edit.fields)
}

pub fn deleted(id: Uuid, user: &wire::User) -> Change {
    let event = UserDeleted { user: Some(user.clone()) };
    Change::new(COLLECTION, id, ChangeKind::Delete, &event).audited(Some(user), Some(user))
}

pub fn undeleted(id: Uuid, user: &wire::User) -> Change {
    let event = UserUndeleted { user: Some(user.clone()) };
    Change::new(COLLECTION, id, ChangeKind::Undelete, &event).audited(None, Some(user))
}
