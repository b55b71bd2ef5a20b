//! Use cases of approval flows.

use crm_kit_api::{Call, Error, Result, etag};
use crm_kit_pg::{Db, Tx};
use crm_proto::crm::platform::v1::{
    self as wire, ListApprovalFlowsRequest, ListApprovalFlowsResponse, UpdateApprovalFlowRequest,
};
use futures::FutureExt as _;
use uuid::Uuid;

use super::{
    events::{self, COLLECTION},
    model::Flow,
    store,
};
use crate::{
    edit::{self, Sent},
    paging::Paging,
};

/// One flow.
pub async fn get(db: &Db, call: &Call, id: Uuid) -> Result<Flow> {
    db.read(call, |tx| one(tx, id).boxed()).await
}

async fn one(tx: &mut Tx<'_>, id: Uuid) -> Result<Flow> {
    let tenant_id = tx.tenant_id();
    store::find(tx.conn(), tenant_id, id).await?.ok_or_else(|| Error::not_found(COLLECTION, id))
}

/// One page of flows.
pub async fn list(
    db: &Db,
    call: &Call,
    request: &ListApprovalFlowsRequest,
) -> Result<ListApprovalFlowsResponse> {
    let paging = Paging::read(call, request.page_size, &request.page_token, &[&request.object_type])?;
    let tenant_id = call.tenant_id();
    let object_type = request.object_type.as_str();
    let rows = db.read(call, |tx| store::page(tx.conn(), tenant_id, object_type, &paging).boxed()).await?;
    let (flows, next_page_token) = paging.cut(rows, |flow| flow.id);
    Ok(ListApprovalFlowsResponse {
        approval_flows: flows.iter().map(Flow::to_wire).collect(),
        next_page_token,
    })
}

/// Creates a flow.
pub async fn create(db: &Db, call: &Call, wire: &wire::ApprovalFlow) -> Result<wire::ApprovalFlow> {
    let flow = Flow::new(call, &wire.object_type).with_wire(wire)?;
    db.write(call, "approval_flow.create", |tx| create_in(tx, &flow).boxed()).await
}

async fn create_in(tx: &mut Tx<'_>, flow: &Flow) -> Result<wire::ApprovalFlow> {
    check_named(tx, flow).await?;
    let tenant_id = tx.tenant_id();
    store::insert(tx.conn(), tenant_id, flow).await?;
    store::add_version(tx.conn(), tenant_id, flow).await?;
    let wire = flow.to_wire();
    tx.record(events::created(flow.id, &wire));
    Ok(wire)
}

/// Changes a flow.
pub async fn update(
    db: &Db,
    call: &Call,
    id: Uuid,
    request: &UpdateApprovalFlowRequest,
) -> Result<wire::ApprovalFlow> {
    db.write(call, "approval_flow.update", |tx| update_in(tx, call, id, request).boxed()).await
}

async fn update_in(
    tx: &mut Tx<'_>,
    call: &Call,
    id: Uuid,
    request: &UpdateApprovalFlowRequest,
) -> Result<wire::ApprovalFlow> {
    let sent =
        request.approval_flow.as_ref().ok_or_else(|| Error::bug("validation lets no empty flow pass"))?;
    let before = locked(tx, id, &sent.etag).await?;
    let sent = Sent { field: "approval_flow", message: sent, update_mask: request.update_mask.as_ref() };
    let merged = edit::merge(sent, &before.to_wire(), &["object_type", "version"], &call.access.masks)?;
    let after = before.with_wire(&merged)?;
    if after == before {
        return Ok(before.to_wire());
    }
    check_named(tx, &after).await?;
    let after = Flow { update_time: call.now, revision: before.revision + 1, ..after };
    let tenant_id = tx.tenant_id();
    if after.version != before.version {
        store::add_version(tx.conn(), tenant_id, &after).await?;
    }
    store::update(tx.conn(), tenant_id, &after).await?;
    let wire = after.to_wire();
    if let Some(edit) = edit::between(&before.to_wire(), &wire)? {
        tx.record(events::updated(id, &wire, edit));
    }
    Ok(wire)
}

/// Takes a flow out of use for good; its versions stay for the requests that run on them.
pub async fn delete(db: &Db, call: &Call, id: Uuid, etag: &str) -> Result<wire::ApprovalFlow> {
    db.write(call, "approval_flow.delete", |tx| delete_in(tx, call, id, etag).boxed()).await
}

async fn delete_in(tx: &mut Tx<'_>, call: &Call, id: Uuid, etag: &str) -> Result<wire::ApprovalFlow> {
    let flow = locked(tx, id, etag).await?;
    let tenant_id = tx.tenant_id();
    store::update(tx.conn(), tenant_id, &Flow { delete_time: Some(call.now), ..flow.clone() }).await?;
    let wire = flow.to_wire();
    tx.record(events::deleted(id, &wire));
    Ok(wire)
}

async fn locked(tx: &mut Tx<'_>, id: Uuid, etag: &str) -> Result<Flow> {
    let tenant_id = tx.tenant_id();
    store::lock(tx.conn(), tenant_id, id).await?;
    let flow = one(tx, id).await?;
    etag::check(etag, flow.revision)?;
    Ok(flow)
}

async fn check_named(tx: &mut Tx<'_>, flow: &Flow) -> Result<()> {
    let (users, roles) = flow.definition.named();
    let tenant_id = tx.tenant_id();
    match store::missing(tx.conn(), tenant_id, &users, &roles).await? {
        Some((collection, id)) => Err(Error::not_found(&collection, id)),
        None => Ok(()),
    }
}
