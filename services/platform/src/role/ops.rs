//! Use cases of roles.

use crm_kit_api::{Call, Error, Result, etag};
use crm_kit_pg::{Db, Tx};
use crm_proto::crm::platform::v1::{
    self as wire, DeleteRoleRequest, ListRolesRequest, ListRolesResponse, UpdateRoleRequest,
};
use futures::FutureExt as _;
use sqlx::types::Json;
use uuid::Uuid;

use super::{
    built_in,
    events::{self, COLLECTION},
    model::{RecordScope, Rights, Role},
    store,
};
use crate::{
    edit::{self, Sent},
    paging::Paging,
    reason,
};

/// One role.
pub async fn get(db: &Db, call: &Call, id: Uuid) -> Result<Role> {
    db.read(call, |tx| one(tx, id).boxed()).await
}

/// One page of roles.
pub async fn list(db: &Db, call: &Call, request: &ListRolesRequest) -> Result<ListRolesResponse> {
    let paging = Paging::read(call, request.page_size, &request.page_token, &[])?;
    let rows = db.read(call, |tx| store::page(tx, &paging).boxed()).await?;
    let (roles, next_page_token) = paging.cut(rows, |role| role.id);
    Ok(ListRolesResponse { roles: roles.iter().map(Role::to_wire).collect(), next_page_token })
}

/// Creates a role that reaches no further than the caller.
pub async fn create(db: &Db, call: &Call, wire: &wire::Role) -> Result<wire::Role> {
    let role = Role::new(call).with_wire(wire)?;
    db.write(call, "role.create", |tx| create_in(tx, call, &role).boxed()).await
}

async fn create_in(tx: &mut Tx<'_>, call: &Call, role: &Role) -> Result<wire::Role> {
    own_rights(tx, call).await?.check_cover(&role.rights())?;
    let tenant_id = tx.tenant_id();
    store::insert(tx.conn(), tenant_id, role).await?;
    let wire = role.to_wire();
    tx.record(events::created(role.id, &wire));
    Ok(wire)
}

/// Changes a role.
pub async fn update(db: &Db, call: &Call, id: Uuid, request: &UpdateRoleRequest) -> Result<wire::Role> {
    db.write(call, "role.update", |tx| update_in(tx, call, id, request).boxed()).await
}

async fn update_in(
    tx: &mut Tx<'_>,
    call: &Call,
    id: Uuid,
    request: &UpdateRoleRequest,
) -> Result<wire::Role> {
    let sent = request.role.as_ref().ok_or_else(|| Error::bug("validation lets no empty role pass"))?;
    let current = locked(tx, id, &sent.etag).await?;
    let before = current.to_wire();
    let sent = Sent { field: "role", message: sent, update_mask: request.update_mask.as_ref() };
    let merged = edit::merge(sent, &before, &["built_in"], &call.access.masks)?;
    let role = current.with_wire(&merged)?;
    if role == current {
        return Ok(before);
    }
    let own = own_rights(tx, call).await?;
    own.check_cover(&current.rights())?;
    own.check_cover(&role.rights())?;
    check_reach(tx, call, &current, &role).await?;
    let role = Role { update_time: call.now, revision: current.revision + 1, ..role };
    let tenant_id = tx.tenant_id();
    store::update(tx.conn(), tenant_id, &role).await?;
    let after = role.to_wire();
    if let Some(edit) = edit::between(&before, &after)? {
        tx.record(events::updated(id, &after, edit));
    }
    Ok(after)
}

/// Whoever widens the scope of a role widens what its users see, wherever they stand: that takes the sight of all records, or a role that
/// nobody holds.
async fn check_reach(tx: &mut Tx<'_>, call: &Call, before: &Role, after: &Role) -> Result<()> {
    let tenant_id = tx.tenant_id();
    let widens = after.record_scope > before.record_scope && call.access.scope.owners().is_some();
    if widens && store::users(tx.conn(), tenant_id, before.id).await? > 0 {
        return Err(reason::rights_exceeded("record_scope", after.record_scope.name()));
    }
    Ok(())
}

/// Deletes a role that nobody holds.
pub async fn delete(db: &Db, call: &Call, id: Uuid, request: &DeleteRoleRequest) -> Result<wire::Role> {
    db.write(call, "role.delete", |tx| delete_in(tx, id, &request.etag).boxed()).await
}

async fn delete_in(tx: &mut Tx<'_>, id: Uuid, etag: &str) -> Result<wire::Role> {
    let role = locked(tx, id, etag).await?;
    let tenant_id = tx.tenant_id();
    let users = store::users(tx.conn(), tenant_id, id).await?;
    if users > 0 {
        return Err(reason::role_in_use(id, users));
    }
    store::delete(tx.conn(), tenant_id, id).await?;
    let wire = role.to_wire();
    tx.record(events::deleted(id, &wire));
    Ok(wire)
}

/// A role of the tenant's own, held for a change.
async fn locked(tx: &mut Tx<'_>, id: Uuid, etag: &str) -> Result<Role> {
    let tenant_id = tx.tenant_id();
    store::lock(tx.conn(), tenant_id, id).await?;
    let role = one(tx, id).await?;
    if role.built_in.is_some() {
        return Err(reason::built_in_role(id));
    }
    etag::check(etag, role.revision)?;
    Ok(role)
}

async fn one(tx: &mut Tx<'_>, id: Uuid) -> Result<Role> {
    let tenant_id = tx.tenant_id();
    store::find(tx.conn(), tenant_id, &[id]).await?.pop().ok_or_else(|| Error::not_found(COLLECTION, id))
}

/// The rights the caller may give away: those of the call, and the broadest scope of its roles.
pub async fn own_rights(tx: &mut Tx<'_>, call: &Call) -> Result<Rights> {
    let tenant_id = tx.tenant_id();
    let scope = store::scope_of(tx.conn(), tenant_id, call.caller_id()).await?;
    Ok(Rights { permissions: call.access.permissions.clone(), scope, masks: call.access.masks })
}

/// What holding all of these roles grants; `NOT_FOUND` when one does not exist.
pub async fn rights_of(tx: &mut Tx<'_>, ids: &[Uuid]) -> Result<Rights> {
    let tenant_id = tx.tenant_id();
    let roles = store::find(tx.conn(), tenant_id, ids).await?;
    match ids.iter().find(|id| !roles.iter().any(|role| role.id == **id)) {
        Some(missing) => Err(Error::not_found(COLLECTION, missing)),
        None => Ok(Rights::union(roles.iter().map(Role::rights))),
    }
}

/// Creates the roles that come with the suite, and returns the administrator's.
pub async fn create_built_in(tx: &mut Tx<'_>, call: &Call) -> Result<Role> {
    let mut administrator = None;
    for built_in in &built_in::ALL {
        let role = Role {
            display_name: built_in.name(&call.access.tenant.language_code).to_owned(),
            record_scope: built_in.scope,
            built_in: Some(built_in.key.to_owned()),
            ..Role::new(call)
        };
        let tenant_id = tx.tenant_id();
        store::insert(tx.conn(), tenant_id, &role).await?;
        tx.record(events::created(role.id, &role.to_wire()));
        if built_in.key == built_in::ADMINISTRATOR {
            administrator = Some(role);
        }
    }
    administrator.ok_or_else(|| Error::bug("there is no administrator among the built-in roles"))
}

impl Role {
    /// A role without rights.
    pub fn new(call: &Call) -> Self {
        Self {
            id: call.new_id(),
            create_time: call.now,
            update_time: call.now,
            revision: 1,
            display_name: String::new(),
            description: String::new(),
            permissions: Vec::new(),
            record_scope: RecordScope::Own,
            masks: Json::default(),
            built_in: None,
        }
    }
}
