//! Tasks between the wire and the table. Reading collects every violation; what it returns is what will be stored.

use crm_kit_api::{Call, Result, etag, time};
use crm_kit_record::{
    Choice,
    custom_field::Fields,
    external_id::ExternalId,
    field::{Checker, id_text},
    life::purge_time,
};
use crm_kit_value::text::is_blank;
use crm_proto::crm::customer::v1::{
    Task as Wire,
    task::{Escalation, Priority, State},
};
use sqlx::types::Json;

use super::{model::Task, recurrence::Recurrence};
use crate::activity::about::{About, Link};

/// Fields that a caller may send back but never sets.
pub const FIXED: &[&str] = &[
    "id",
    "create_time",
    "update_time",
    "delete_time",
    "purge_time",
    "etag",
    "overdue_duration",
    "start_time",
    "end_time",
    "series_id",
    "escalate_time",
    "escalated_to_id",
];

/// Hours after which a superior is told when the task does not say.
const DELAY_HOURS: i64 = 24;

/// Reads a task. `base` keeps what the server sets: the stored one of an update, a fresh one of a creation.
pub fn read(call: &Call, fields: &Fields, mut wire: Wire, base: Task) -> Result<Task> {
    let mut check = Checker::new("task", &call.access.tenant.region_code);
    let moment = call.moment();
    let before = fields.before(&base.custom, &|path| base.filter_value(path), moment);
    let custom = std::mem::take(&mut wire.custom);
    let (state, reason) = (wire.state(), std::mem::take(&mut wire.state_reason));
    let was = base.clone();
    let mut task = standard(wire, base, &mut check);
    if was.state.0 == State::Unspecified {
        begin(call, &mut task, state, reason, &mut check);
    } else {
        refuse_move(&was, state, &reason, &mut check);
    }
    if (task.due_time, task.owner_id) != (was.due_time, was.owner_id) {
        (task.escalate_time, task.escalated_to_id) = (None, None);
    }
    task.arm();
    let mut custom = fields.read(custom, &before, &mut check);
    fields.compute(&mut custom, &before, &|path| task.filter_value(path), moment, &mut check);
    task.custom = Json(custom);
    check.into_violations().into_result(task)
}

/// Puts a new task into the state it is created in.
fn begin(call: &Call, task: &mut Task, state: State, reason: String, check: &mut Checker<'_>) {
    let state = if state == State::Unspecified { State::NotStarted } else { state };
    task.state_reason = check.line("state_reason", reason, 500);
    match state {
        State::Blocked if is_blank(&task.state_reason) => {
            check.refuse("state_reason", "REQUIRED", "is required of a task that is blocked");
        }
        State::NotStarted | State::InProgress | State::Completed if !task.state_reason.is_empty() => {
            check.refuse(
                "state_reason",
                "NO_REASON",
                "belongs to blocked, deferred and cancelled tasks only",
            );
        }
        _ => {}
    }
    task.enter(state, call.now);
}

/// Refuses a state or a reason other than the task has, which only the verbs change.
fn refuse_move(was: &Task, state: State, reason: &str, check: &mut Checker<'_>) {
    if state != State::Unspecified && state != was.state.0 {
        check.refuse("state", "MOVES_BY_VERB", "is changed by start, block, defer, complete and cancel");
    }
    if !reason.is_empty() && reason != was.state_reason {
        check.refuse("state_reason", "MOVES_BY_VERB", "is changed by block, defer and cancel");
    }
}

fn standard(wire: Wire, base: Task, check: &mut Checker<'_>) -> Task {
    if is_blank(&wire.display_name) {
        check.refuse("display_name", "REQUIRED", "is required");
    }
    let (priority, escalation) = (wire.priority(), wire.escalation());
    let path = check.at("due_time");
    let due_time = wire.due_time.and_then(|due| time::instant(&path, &due, check.violations()));
    let known = base.recurrence.as_ref().map(|was| (&was.0, base.due_time));
    let recurrence = Recurrence::read(wire.recurrence, due_time, known, check).map(Json);
    let references = [&wire.account_id, &wire.contact_id, &wire.lead_id, &wire.opportunity_id];
    let about = About::read(references.map(String::as_str), wire.links, check);
    let delay = i64::from(wire.escalation_delay_hours);
    Task {
        display_name: check.line("display_name", wire.display_name, 200),
        priority: Choice(if priority == Priority::Unspecified { Priority::Medium } else { priority }),
        due_time,
        completion_criterion: check.lines("completion_criterion", wire.completion_criterion, 2000),
        description: check.lines("description", wire.description, 20_000),
        account_id: about.account_id,
        contact_id: about.contact_id,
        lead_id: about.lead_id,
        opportunity_id: about.opportunity_id,
        links: Json(about.links),
        series_id: recurrence.as_ref().map(|_| base.series_id.unwrap_or(base.id)),
        recurrence,
        escalation: Choice(if escalation == Escalation::Unspecified {
            Escalation::AfterDelay
        } else {
            escalation
        }),
        escalation_delay_hours: if delay == 0 { DELAY_HOURS } else { delay },
        owner_id: check.reference("owner_id", &wire.owner_id).unwrap_or(base.owner_id),
        tags: check.tags("tags", wire.tags),
        external_ids: Json(ExternalId::read_all("external_ids", wire.external_ids, check)),
        ..base
    }
}

/// A fresh task of the caller, before anything is read into it.
pub fn fresh(call: &Call) -> Task {
    Task {
        tenant_id: call.tenant_id(),
        id: call.new_id(),
        create_time: call.now,
        update_time: call.now,
        revision: 1,
        owner_id: call.caller_id(),
        ..Task::default()
    }
}

/// The task on the wire, unmasked and without what only an answer tells.
pub fn to_wire(task: &Task, fields: &Fields) -> Wire {
    Wire {
        id: task.id.to_string(),
        create_time: Some(time::timestamp(task.create_time)),
        update_time: Some(time::timestamp(task.update_time)),
        delete_time: task.delete_time.map(time::timestamp),
        purge_time: purge_time(task.delete_time),
        etag: etag::of(task.revision),
        display_name: task.display_name.clone(),
        state: task.state.number(),
        state_reason: task.state_reason.clone(),
        priority: task.priority.number(),
        due_time: task.due_time.map(time::timestamp),
        overdue_duration: None,
        start_time: task.start_time.map(time::timestamp),
        end_time: task.end_time.map(time::timestamp),
        completion_criterion: task.completion_criterion.clone(),
        description: task.description.clone(),
        account_id: id_text(task.account_id),
        contact_id: id_text(task.contact_id),
        lead_id: id_text(task.lead_id),
        opportunity_id: id_text(task.opportunity_id),
        links: task.links.iter().map(Link::to_wire).collect(),
        recurrence: task.recurrence.as_ref().map(|recurrence| recurrence.to_wire()),
        series_id: id_text(task.series_id),
        escalation: task.escalation.number(),
        escalation_delay_hours: i32::try_from(task.escalation_delay_hours).unwrap_or(i32::MAX),
        escalate_time: task.escalate_time.map(time::timestamp),
        escalated_to_id: id_text(task.escalated_to_id),
        owner_id: task.owner_id.to_string(),
        tags: task.tags.clone(),
        external_ids: task.external_ids.iter().map(ExternalId::to_wire).collect(),
        custom: fields.to_wire(&task.custom),
    }
}
