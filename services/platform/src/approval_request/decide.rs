//! Approvers' decisions.

use crm_kit_api::{Call, Error, Result, id};
use crm_kit_pg::{Db, Tx};
use crm_proto::crm::platform::v1 as wire;
use futures::FutureExt as _;
use uuid::Uuid;

use super::{
    model::{Act, Request, Step, Task, TaskState, Word},
    node, store, submit,
};
use crate::{approval_flow, reason};

/// Collection of tasks in errors.
const TASKS: &str = "approvalTasks";
/// Permission to decide in the place of approvers who cannot work any more.
const MANAGE: &str = "platform.approvalFlows.manage";

/// Decides a task of the caller's.
pub async fn decide(
    db: &Db,
    call: &Call,
    id: &str,
    act: Act,
    comment: &str,
) -> Result<wire::ApprovalRequest> {
    let (id, comment) = (id::parse("id", id)?, comment.trim());
    if comment.is_empty() && act != Act::Approve {
        return Err(Error::invalid_field("comment", "REQUIRED", "must not be empty"));
    }
    let action = match act {
        Act::Approve => "approval.approve",
        Act::Reject => "approval.reject",
        Act::Return => "approval.return",
    };
    db.write(call, action, |tx| decide_in(tx, call, id, act, comment).boxed()).await
}

async fn decide_in(
    tx: &mut Tx<'_>,
    call: &Call,
    id: Uuid,
    act: Act,
    comment: &str,
) -> Result<wire::ApprovalRequest> {
    let tenant_id = tx.tenant_id();
    let found = store::request_of(tx.conn(), tenant_id, id).await?;
    let (request_id, approver_id) = found.ok_or_else(|| Error::not_found(TASKS, id))?;
    if approver_id != call.caller_id() && !stands_in(tx, call, approver_id).await? {
        return Err(Error::not_found(TASKS, id));
    }
    // Decisions of a request take turns here; who comes second sees what the first one did.
    let before = store::lock(tx.conn(), tenant_id, request_id).await?;
    let decides_own =
        |request: &Request| approver_id != call.caller_id() && request.owner_id == call.caller_id();
    let before = before.filter(|request| !decides_own(request)).ok_or_else(|| Error::not_found(TASKS, id))?;
    let place = before.tasks.iter().position(|task| task.id == id);
    let place = place.ok_or_else(|| Error::not_found(TASKS, id))?;
    match before.tasks[place].state {
        TaskState::Waiting => {}
        TaskState::Queued => return Err(reason::task_queued(id)),
        known if known == act.state() => return Ok(before.to_wire()),
        _ => return Err(decided(tx, &before, &before.tasks[place]).await?),
    }
    let mut after = before.clone();
    let word = Word { by: call.caller_id(), at: call.now, comment };
    if after.decide(place, act, word) == Step::Passed {
        let (flow_id, version) = before.flow_id.zip(before.flow_version).unwrap_or_default();
        let definition = approval_flow::store::definition(tx.conn(), tenant_id, flow_id, version).await?;
        let definition = definition.ok_or_else(|| Error::bug("a request runs on no version of a flow"))?;
        let next = usize::try_from(before.node).unwrap_or(usize::MAX);
        node::advance(tx, call, &mut after, (&definition, next), Some(word)).await?;
    }
    submit::save(tx, call, &before, after).await
}

/// Whether the caller decides in the place of an approver who cannot work any more.
async fn stands_in(tx: &mut Tx<'_>, call: &Call, approver_id: Uuid) -> Result<bool> {
    let tenant_id = tx.tenant_id();
    Ok(call.access.permissions.allows(MANAGE)
        && store::working(tx.conn(), tenant_id, approver_id).await?.is_empty())
}

/// Why a task cannot be decided any more: who decided in its place, and how.
async fn decided(tx: &mut Tx<'_>, request: &Request, task: &Task) -> Result<Error> {
    let decisive = |other: &&Task| {
        other.node == task.node
            && matches!(other.state, TaskState::Approved | TaskState::Rejected | TaskState::Returned)
    };
    let last = request.tasks.iter().filter(decisive).max_by_key(|other| other.decide_time);
    let by = match (task.decide_time, last) {
        (Some(_), _) => Some(task.approver_id),
        (None, Some(last)) => Some(last.approver_id),
        // Withdrawn or voided.
        (None, None) => request.decided_by_id,
    };
    let state = last.map_or(request.state.name(), |last| match last.state {
        TaskState::Rejected => "REJECTED",
        TaskState::Returned => "RETURNED",
        _ => "APPROVED",
    });
    let tenant_id = tx.tenant_id();
    let name = match by {
        Some(by) => store::name(tx.conn(), tenant_id, by).await?,
        None => None,
    };
    let at = last.and_then(|last| last.decide_time).or(request.decide_time);
    Ok(reason::task_decided(task.id, state, by.zip(name), at))
}
