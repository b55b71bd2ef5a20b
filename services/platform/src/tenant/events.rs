//! What a change of a tenant tells others.

use crm_kit_pg::{Change, ChangeKind};
use crm_proto::crm::platform::v1::{self as wire, TenantCreated, TenantUpdated};
use uuid::Uuid;

use crate::edit::Edit;

pub const COLLECTION: &str = "tenants";

pub fn created(id: Uuid, tenant: &wire::Tenant) -> Change {
    let event = TenantCreated { tenant: Some(tenant.clone()) };
    Change::new(COLLECTION, id, ChangeKind::Create, &event).audited(None, Some(tenant))
}

pub fn updated(id: Uuid, tenant: &wire::Tenant, edit: Edit<wire::Tenant>) -> Change {
    let event = TenantUpdated {
        tenant: Some(tenant.clone()),
        previous: Some(edit.previous.clone()),
        changed_fields: Some(edit.mask()),
    };
    Change::new(COLLECTION, id, ChangeKind::Update, &event)
        .audited(Some(&edit.previous), Some(tenant))
        .of_fields(edit.fields)
}
