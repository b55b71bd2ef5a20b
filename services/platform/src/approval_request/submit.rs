//! Submitting an object, and taking it back.

use crm_kit_api::{Call, Error, Result, id};
use crm_kit_pg::{Db, Tx};
use crm_proto::crm::platform::v1::{self as wire, SubmitApprovalRequest, WithdrawApprovalRequest};
use futures::FutureExt as _;
use uuid::Uuid;

use super::{
    events::{self, COLLECTION},
    model::{Automatic, Request, State, Word},
    node, store,
};
use crate::{
    approval_flow::{self, condition, model::Flow},
    reason,
};

/// Submits a revision of an object.
pub async fn submit(db: &Db, call: &Call, request: &SubmitApprovalRequest) -> Result<wire::ApprovalRequest> {
    let draft = Request::from_wire(call, submitter(call, &request.submitter_id)?, request)?;
    db.write(call, "approval.submit", |tx| submit_in(tx, call, &draft).boxed()).await
}

/// In whose name the object is submitted: the caller's, and that of anybody in the tenant when a service of the suite says so.
fn submitter(call: &Call, sent: &str) -> Result<Uuid> {
    match id::parse_optional("submitter_id", sent)? {
        Some(named) if named != call.caller_id() && call.access.service.is_none() => {
            Err(reason::submitter_not_caller(named))
        }
        named => Ok(named.unwrap_or_else(|| call.caller_id())),
    }
}

async fn submit_in(tx: &mut Tx<'_>, call: &Call, draft: &Request) -> Result<wire::ApprovalRequest> {
    let tenant_id = tx.tenant_id();
    if call.access.service.is_some() && store::name(tx.conn(), tenant_id, draft.owner_id).await?.is_none() {
        let message = "is needed of a service that works for no user, and must be a user of the tenant";
        return Err(Error::invalid_field("submitter_id", "USER_UNKNOWN", message));
    }
    if let Some(known) = settle(tx, call, draft).await? {
        return Ok(known.to_wire());
    }
    let mut request = draft.clone();
    match flow_of(tx, call, draft).await? {
        None => node::approve_at_once(call, &mut request, Automatic::NoFlow),
        Some(flow) => {
            (request.flow_id, request.flow_version) = (Some(flow.id), Some(flow.version));
            node::advance(tx, call, &mut request, (&flow.definition.0, 0), None).await?;
        }
    }
    if !store::insert(tx.conn(), tenant_id, &request).await? {
        // Another call submitted the revision between our look and our write; its request is committed now.
        let known = settle(tx, call, draft).await?;
        return known.map(|known| known.to_wire()).ok_or_else(Error::concurrent_change);
    }
    store::save_tasks(tx.conn(), tenant_id, &request).await?;
    tx.record(events::submitted(&request));
    Ok(request.to_wire())
}

/// What earlier submissions of the object mean for this one: the request that is its answer, or none after an earlier revision was voided.
async fn settle(tx: &mut Tx<'_>, call: &Call, draft: &Request) -> Result<Option<Request>> {
    let tenant_id = tx.tenant_id();
    let latest = store::lock_latest(tx.conn(), tenant_id, draft).await?;
    let Some(latest) = latest else { return Ok(None) };
    let theirs = latest.owner_id != draft.owner_id && !call.access.scope.covers(Some(latest.owner_id));
    if theirs && (latest.state.runs() || latest.object_revision >= draft.object_revision) {
        return Err(reason::approval_exists(&latest));
    }
    if latest.object_revision > draft.object_revision {
        return Err(reason::revision_outdated(&latest));
    }
    if latest.object_revision == draft.object_revision {
        if latest.values()? != draft.values()? {
            return Err(reason::approval_values_differ(&latest));
        }
        return Ok(Some(latest));
    }
    if latest.state.runs() {
        let mut voided = latest.clone();
        voided.end(State::Voided, Word { by: draft.owner_id, at: call.now, comment: "" });
        save(tx, call, &latest, voided).await?;
    }
    Ok(None)
}

async fn flow_of(tx: &mut Tx<'_>, call: &Call, draft: &Request) -> Result<Option<Flow>> {
    let tenant_id = tx.tenant_id();
    let values = draft.values()?;
    for flow in approval_flow::store::in_use(tx.conn(), tenant_id, &draft.object_type).await? {
        if condition::holds(&flow.definition, &values, call.moment())? {
            return Ok(Some(flow));
        }
    }
    Ok(None)
}

/// Writes a step of a request, and tells of it.
pub async fn save(
    tx: &mut Tx<'_>,
    call: &Call,
    before: &Request,
    after: Request,
) -> Result<wire::ApprovalRequest> {
    let after = Request { update_time: call.now, revision: before.revision + 1, ..after };
    let tenant_id = tx.tenant_id();
    store::update(tx.conn(), tenant_id, &after).await?;
    store::save_tasks(tx.conn(), tenant_id, &after).await?;
    tx.record(events::moved(before, &after));
    Ok(after.to_wire())
}

/// Takes a running request back.
pub async fn withdraw(
    db: &Db,
    call: &Call,
    request: &WithdrawApprovalRequest,
) -> Result<wire::ApprovalRequest> {
    let id = id::parse("id", &request.id)?;
    let comment = request.comment.trim();
    db.write(call, "approval.withdraw", |tx| withdraw_in(tx, call, id, comment).boxed()).await
}

async fn withdraw_in(tx: &mut Tx<'_>, call: &Call, id: Uuid, comment: &str) -> Result<wire::ApprovalRequest> {
    let tenant_id = tx.tenant_id();
    let found = store::lock(tx.conn(), tenant_id, id).await?;
    let before = found
        .filter(|request| request.owner_id == call.caller_id())
        .ok_or_else(|| Error::not_found(COLLECTION, id))?;
    if before.state == State::Withdrawn {
        return Ok(before.to_wire());
    }
    if !before.state.runs() {
        return Err(reason::approval_ended(&before));
    }
    let mut after = before.clone();
    after.end(State::Withdrawn, Word { by: call.caller_id(), at: call.now, comment });
    save(tx, call, &before, after).await
}
