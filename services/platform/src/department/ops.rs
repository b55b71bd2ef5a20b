//! Use cases of departments.

use crm_kit_api::{Call, Error, Result, etag, id};
use crm_kit_pg::{Db, Tx};
use crm_proto::crm::platform::v1::{
    self as wire, ListDepartmentsRequest, ListDepartmentsResponse, UpdateDepartmentRequest,
};
use futures::FutureExt as _;
use uuid::Uuid;

use super::{
    events::{self, COLLECTION},
    model::Department,
    store,
};
use crate::{
    edit::{self, Sent},
    paging::Paging,
    reason, tenant, tree, user,
};

/// One department.
pub async fn get(db: &Db, call: &Call, id: Uuid) -> Result<Department> {
    db.read(call, |tx| one(tx, id).boxed()).await
}

async fn one(tx: &mut Tx<'_>, id: Uuid) -> Result<Department> {
    let tenant_id = tx.tenant_id();
    store::find(tx.conn(), tenant_id, id).await?.ok_or_else(|| Error::not_found(COLLECTION, id))
}

/// One page of departments.
pub async fn list(db: &Db, call: &Call, request: &ListDepartmentsRequest) -> Result<ListDepartmentsResponse> {
    let paging = Paging::read(call, request.page_size, &request.page_token, &[&request.parent_id])?;
    let parent_id = id::parse_optional("parent_id", &request.parent_id)?;
    let tenant_id = call.tenant_id();
    let rows = db.read(call, |tx| store::page(tx.conn(), tenant_id, parent_id, &paging).boxed()).await?;
    let (departments, next_page_token) = paging.cut(rows, |department| department.id);
    Ok(ListDepartmentsResponse {
        departments: departments.iter().map(Department::to_wire).collect(),
        next_page_token,
    })
}

/// Creates a department.
pub async fn create(db: &Db, call: &Call, wire: &wire::Department) -> Result<wire::Department> {
    let department = Department::new(call).with_wire(wire)?;
    db.write(call, "department.create", |tx| create_in(tx, call, &department).boxed()).await
}

async fn create_in(tx: &mut Tx<'_>, call: &Call, department: &Department) -> Result<wire::Department> {
    check_references(tx, None, department).await?;
    check_reach(tx, call, None, department).await?;
    let tenant_id = tx.tenant_id();
    store::insert(tx.conn(), tenant_id, department).await?;
    let wire = department.to_wire();
    tx.record(events::created(department.id, &wire));
    Ok(wire)
}

/// Changes or moves a department.
pub async fn update(
    db: &Db,
    call: &Call,
    id: Uuid,
    request: &UpdateDepartmentRequest,
) -> Result<wire::Department> {
    db.write(call, "department.update", |tx| update_in(tx, call, id, request).boxed()).await
}

async fn update_in(
    tx: &mut Tx<'_>,
    call: &Call,
    id: Uuid,
    request: &UpdateDepartmentRequest,
) -> Result<wire::Department> {
    let sent =
        request.department.as_ref().ok_or_else(|| Error::bug("validation lets no empty department pass"))?;
    let before = locked(tx, id, &sent.etag).await?;
    let sent = Sent { field: "department", message: sent, update_mask: request.update_mask.as_ref() };
    let merged = edit::merge(sent, &before.to_wire(), &[], &call.access.masks)?;
    let after = before.with_wire(&merged)?;
    if after == before {
        return Ok(before.to_wire());
    }
    check_references(tx, Some(&before), &after).await?;
    check_reach(tx, call, Some(&before), &after).await?;
    let after = Department { update_time: call.now, revision: before.revision + 1, ..after };
    let tenant_id = tx.tenant_id();
    store::update(tx.conn(), tenant_id, &after).await?;
    let wire = after.to_wire();
    if let Some(edit) = edit::between(&before.to_wire(), &wire)? {
        tx.record(events::updated(id, &wire, edit));
    }
    Ok(wire)
}

/// Deletes an empty department.
pub async fn delete(db: &Db, call: &Call, id: Uuid, etag: &str) -> Result<wire::Department> {
    db.write(call, "department.delete", |tx| delete_in(tx, id, etag).boxed()).await
}

async fn delete_in(tx: &mut Tx<'_>, id: Uuid, etag: &str) -> Result<wire::Department> {
    let department = locked(tx, id, etag).await?;
    let tenant_id = tx.tenant_id();
    let (users, departments) = store::contents(tx.conn(), tenant_id, id).await?;
    if users + departments > 0 {
        return Err(reason::department_not_empty(id, users, departments));
    }
    store::delete(tx.conn(), tenant_id, id).await?;
    let wire = department.to_wire();
    tx.record(events::deleted(id, &wire));
    Ok(wire)
}

async fn locked(tx: &mut Tx<'_>, id: Uuid, etag: &str) -> Result<Department> {
    let tenant_id = tx.tenant_id();
    store::lock(tx.conn(), tenant_id, id).await?;
    let department = one(tx, id).await?;
    etag::check(etag, department.revision)?;
    Ok(department)
}

/// Whether a new parent keeps the tree a tree, and a new manager exists.
async fn check_references(tx: &mut Tx<'_>, before: Option<&Department>, after: &Department) -> Result<()> {
    let tenant_id = tx.tenant_id();
    let parent = after.parent_id.filter(|_| before.and_then(|before| before.parent_id) != after.parent_id);
    if let Some(parent_id) = parent {
        tenant::store::lock(tx.conn(), tenant_id).await?;
        let place = store::place(tx.conn(), tenant_id, after.id, parent_id).await?;
        if place.ancestors.is_empty() {
            return Err(Error::not_found(COLLECTION, parent_id));
        }
        tree::check(COLLECTION, after.id, &place)?;
    }
    let manager =
        after.manager_id.filter(|_| before.and_then(|before| before.manager_id) != after.manager_id);
    match manager {
        Some(manager_id) => user::ops::require_live(tx, manager_id).await,
        None => Ok(()),
    }
}

/// What a new parent or manager gains is the sight of the department's people: the caller must have it already. Nobody but an administrator
/// makes itself a manager.
async fn check_reach(
    tx: &mut Tx<'_>,
    call: &Call,
    before: Option<&Department>,
    after: &Department,
) -> Result<()> {
    let is_led_anew = before.and_then(|before| before.manager_id) != after.manager_id;
    if is_led_anew && after.manager_id == Some(call.caller_id()) {
        user::reach::require_administrator(tx, call, "manager_id").await?;
    }
    let is_moved = before.is_some_and(|before| before.parent_id != after.parent_id);
    if !is_moved && !is_led_anew || call.access.scope.owners().is_none() {
        return Ok(());
    }
    let tenant_id = tx.tenant_id();
    tenant::store::lock(tx.conn(), tenant_id).await?;
    user::reach::check_seen(call, &store::members(tx.conn(), tenant_id, after.id).await?)
}
