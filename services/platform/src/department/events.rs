//! What a change of a department tells others.

use crm_kit_pg::{Change, ChangeKind};
use crm_proto::crm::platform::v1::{self as wire, DepartmentCreated, DepartmentDeleted, DepartmentUpdated};
use uuid::Uuid;

use crate::edit::Edit;

pub const COLLECTION: &str = "departments";

pub fn created(id: Uuid, department: &wire::Department) -> Change {
    let event = DepartmentCreated { department: Some(department.clone()) };
    Change::new(COLLECTION, id, ChangeKind::Create, &event).audited(None, Some(department))
}

pub fn updated(id: Uuid, department: &wire::Department, edit: Edit<wire::Department>) -> Change {
    let event = DepartmentUpdated {
        department: Some(department.clone()),
        previous: Some(edit.previous.clone()),
        changed_fields: Some(edit.mask()),
    };
    Change::new(COLLECTION, id, ChangeKind::Update, &event)
        .audited(Some(&edit.previous), Some(department))
        .of_fields(edit.fields)
}

pub fn deleted(id: Uuid, department: &wire::Department) -> Change {
    let event = DepartmentDeleted { department: Some(department.clone()) };
    Change::new(COLLECTION, id, ChangeKind::Purge, &event).audited(Some(department), None)
}
