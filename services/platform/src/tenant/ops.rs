//! Use cases of tenants.

use std::sync::Arc;

use crm_kit_api::{
    Call, Error, Result,
    call::{Access, Permissions, Scope},
    etag, id,
    sensitivity::Masks,
};
use crm_kit_pg::{Db, Tx};
use crm_proto::crm::platform::v1::{
    CreateTenantRequest, CreateTenantResponse, ListTenantsRequest, ListTenantsResponse, UpdateTenantRequest,
};
use futures::FutureExt as _;
use uuid::Uuid;

use super::{
    events::{self, COLLECTION},
    model::{State, Tenant},
    store,
};
use crate::{
    edit::{self, Sent},
    paging::Paging,
    password::{self, Hasher},
    role::{self, permission::OPERATE},
    user,
};

/// Stands for the caller's own tenant.
const ME: &str = "me";

/// Access of the operator of the installation.
pub fn operator() -> Access {
    Access {
        tenant_id: Uuid::nil(),
        caller_id: Uuid::nil(),
        service: None,
        permissions: Permissions::new(["platform.tenants.*".to_owned()]),
        scope: Scope::Owners(Arc::default()),
        masks: Masks::default(),
        tenant: Tenant::new(Uuid::nil(), chrono::DateTime::UNIX_EPOCH).settings(),
        groups: Arc::default(),
        password_change_required: false,
    }
}

/// Fails unless the call is the operator's: a role with `*` is not enough.
fn require_operator(call: &Call) -> Result<()> {
    if call.tenant_id().is_nil() { call.require(OPERATE) } else { Err(Error::permission_missing(OPERATE)) }
}

/// The call as work within `tenant`: what it changes is logged there.
pub fn within(call: &Call, tenant: &Tenant) -> Call {
    let access = Access { tenant_id: tenant.id, tenant: tenant.settings(), ..Access::clone(&call.access) };
    Call { access: Arc::new(access), ..call.clone() }
}

/// The id a request names, if the caller may see that tenant.
fn visible(call: &Call, field: &str, text: &str) -> Result<Uuid> {
    let id = if text == ME { call.tenant_id() } else { id::parse(field, text)? };
    if call.tenant_id().is_nil() || call.tenant_id() == id {
        Ok(id)
    } else {
        Err(Error::not_found(COLLECTION, id))
    }
}

/// One tenant.
pub async fn get(db: &Db, call: &Call, text: &str) -> Result<Tenant> {
    let id = visible(call, "id", text)?;
    db.read(call, |tx| one(tx, id).boxed()).await
}

async fn one(tx: &mut Tx<'_>, id: Uuid) -> Result<Tenant> {
    store::find(tx.conn(), id).await?.ok_or_else(|| Error::not_found(COLLECTION, id))
}

/// One page of tenants, for the operator.
pub async fn list(db: &Db, call: &Call, request: &ListTenantsRequest) -> Result<ListTenantsResponse> {
    require_operator(call)?;
    let paging = Paging::read(call, request.page_size, &request.page_token, &[])?;
    let rows = db.read(call, |tx| store::page(tx.conn(), &paging).boxed()).await?;
    let (tenants, next_page_token) = paging.cut(rows, |tenant| tenant.id);
    Ok(ListTenantsResponse { tenants: tenants.iter().map(Tenant::to_wire).collect(), next_page_token })
}

/// Creates a tenant with its roles and its first administrator, for the operator.
pub async fn create(
    db: &Db,
    hasher: &Hasher,
    call: &Call,
    request: &CreateTenantRequest,
) -> Result<CreateTenantResponse> {
    require_operator(call)?;
    let wire = request.tenant.clone().unwrap_or_default();
    let mut tenant = Tenant::new(call.new_id(), call.now).with_wire(&wire)?;
    // A repeat of the call finds its stored answer in the log of the tenant that the first attempt created.
    if let Some(known) = db.read(call, |tx| store::find_by_slug(tx.conn(), &wire.slug).boxed()).await? {
        tenant.id = known.id;
    }
    let call = &within(call, &tenant);
    let password = password::first();
    let administrator = user::model::User::administrator(
        call,
        &request.administrator_username,
        &request.administrator_display_name,
        hasher.hash(&password).await?,
    )?;
    let mut response =
        db.write(call, "tenant.create", |tx| create_in(tx, call, &tenant, &administrator).boxed()).await?;
    if response.administrator_id == administrator.id.to_string() {
        response.first_password = password;
    }
    Ok(response)
}

async fn create_in(
    tx: &mut Tx<'_>,
    call: &Call,
    tenant: &Tenant,
    administrator: &user::model::User,
) -> Result<CreateTenantResponse> {
    store::insert(tx.conn(), tenant).await?;
    let wire = tenant.to_wire();
    tx.record(events::created(tenant.id, &wire));
    let role = role::ops::create_built_in(tx, call).await?;
    let administrator = user::model::User { role_ids: vec![role.id], ..administrator.clone() };
    user::ops::insert(tx, &administrator).await?;
    Ok(CreateTenantResponse {
        tenant: Some(wire),
        administrator_id: administrator.id.to_string(),
        administrator_username: administrator.username,
        first_password: String::new(),
    })
}

/// Changes a tenant.
pub async fn update(db: &Db, call: &Call, request: &UpdateTenantRequest) -> Result<crate::wire::Tenant> {
    let sent = request.tenant.as_ref().ok_or_else(|| Error::bug("validation lets no empty tenant pass"))?;
    let id = visible(call, "tenant.id", &sent.id)?;
    change(db, call, id, "tenant.update", &sent.etag, |tenant| {
        let sent = Sent { field: "tenant", message: sent, update_mask: request.update_mask.as_ref() };
        let merged = edit::merge(sent, &tenant.to_wire(), &["slug", "state"], &call.access.masks)?;
        tenant.with_wire(&merged)
    })
    .await
}

/// Suspends or resumes a tenant, for the operator.
pub async fn set_state(
    db: &Db,
    call: &Call,
    id: &str,
    etag: &str,
    state: State,
) -> Result<crate::wire::Tenant> {
    require_operator(call)?;
    let id = id::parse("id", id)?;
    let action = match state {
        State::Active => "tenant.resume",
        State::Suspended => "tenant.suspend",
    };
    change(db, call, id, action, etag, |tenant| Ok(Tenant { state, ..tenant.clone() })).await
}

async fn change(
    db: &Db,
    call: &Call,
    id: Uuid,
    action: &'static str,
    etag: &str,
    edit: impl Fn(&Tenant) -> Result<Tenant> + Send + Sync,
) -> Result<crate::wire::Tenant> {
    let tenant = db.read(call, |tx| one(tx, id).boxed()).await?;
    let (call, edit) = (&within(call, &tenant), &edit);
    db.write(call, action, |tx| change_in(tx, call, etag, edit).boxed()).await
}

async fn change_in(
    tx: &mut Tx<'_>,
    call: &Call,
    etag: &str,
    edit: &(impl Fn(&Tenant) -> Result<Tenant> + Sync),
) -> Result<crate::wire::Tenant> {
    let id = tx.tenant_id();
    store::lock(tx.conn(), id).await?;
    let tenant = one(tx, id).await?;
    etag::check(etag, tenant.revision)?;
    let before = tenant.to_wire();
    let changed = edit(&tenant)?;
    if changed == tenant {
        return Ok(before);
    }
    let changed = Tenant { update_time: call.now, revision: tenant.revision + 1, ..changed };
    store::update(tx.conn(), &changed).await?;
    let after = changed.to_wire();
    if let Some(edit) = edit::between(&before, &after)? {
        tx.record(events::updated(id, &after, edit));
    }
    Ok(after)
}
