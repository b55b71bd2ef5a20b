//! What a task is, as stored, and how it moves from state to state.

use chrono::{DateTime, TimeDelta, Utc};
use crm_kit_api::{Error, Result, filter::Value};
use crm_kit_record::{
    Choice, custom_field::Values, external_id::ExternalId, recycle_bin::Gone, search::doubled,
};
use crm_kit_value::name::search::search_text;
use crm_proto::crm::customer::v1::task::{Escalation, Priority, State};
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use tonic::Code;
use uuid::Uuid;

use super::recurrence::Recurrence;
use crate::{
    DOMAIN,
    activity::{
        about::{About, Link, Reference},
        store::Entry,
    },
};

/// A row of `task`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, sqlx::FromRow)]
pub struct Task {
    pub tenant_id: Uuid,
    pub id: Uuid,
    pub create_time: DateTime<Utc>,
    pub update_time: DateTime<Utc>,
    pub delete_time: Option<DateTime<Utc>>,
    pub revision: i64,
    pub display_name: String,
    pub state: Choice<State>,
    pub state_reason: String,
    pub priority: Choice<Priority>,
    pub due_time: Option<DateTime<Utc>>,
    pub start_time: Option<DateTime<Utc>>,
    pub end_time: Option<DateTime<Utc>>,
    pub completion_criterion: String,
    pub description: String,
    pub account_id: Option<Uuid>,
    pub contact_id: Option<Uuid>,
    pub lead_id: Option<Uuid>,
    pub opportunity_id: Option<Uuid>,
    pub links: Json<Vec<Link>>,
    pub recurrence: Option<Json<Recurrence>>,
    pub series_id: Option<Uuid>,
    pub escalation: Choice<Escalation>,
    pub escalation_delay_hours: i64,
    pub escalate_time: Option<DateTime<Utc>>,
    pub escalated_to_id: Option<Uuid>,
    /// When the superior is to be told; follows from the other fields ([`Task::arm`]).
    pub escalation_due_time: Option<DateTime<Utc>>,
    pub owner_id: Uuid,
    pub tags: Vec<String>,
    pub external_ids: Json<Vec<ExternalId>>,
    pub custom: Json<Values>,
}

/// A row with everything the table holds, for writing.
#[derive(Debug, Serialize)]
pub struct Stored<'a> {
    #[serde(flatten)]
    task: &'a Task,
    search_name: String,
}

/// Whether a task of the state is still to be done.
pub fn is_open(state: State) -> bool {
    matches!(state, State::NotStarted | State::InProgress | State::Blocked | State::Deferred)
}

/// For how long a task has been overdue; `None` while it is not.
pub fn overdue(state: State, due_time: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Option<TimeDelta> {
    let waits = is_open(state) && state != State::Deferred;
    due_time.filter(|due| waits && *due < now).map(|due| now - due)
}

impl Task {
    /// The task moved to another state at `now`. Fails with `FAILED_PRECONDITION / TASK_MOVE_REFUSED` when it is final, or in that state already.
    pub fn moved(&self, to: State, reason: String, now: DateTime<Utc>) -> Result<Self> {
        if !is_open(self.state.0) || self.state.0 == to {
            let (from, to) = (self.state.0.as_str_name(), to.as_str_name());
            let message = format!("a task in {from} cannot be moved to {to}");
            return Err(Error::new(Code::FailedPrecondition, DOMAIN, "TASK_MOVE_REFUSED", message)
                .with("from", from)
                .with("to", to));
        }
        let mut task = Self { state_reason: reason, ..self.clone() };
        task.enter(to, now);
        task.arm();
        Ok(task)
    }

    /// Puts the task into a state, with the times that go with it.
    pub fn enter(&mut self, state: State, now: DateTime<Utc>) {
        self.state = Choice(state);
        if matches!(state, State::InProgress | State::Completed) {
            self.start_time = self.start_time.or(Some(now));
        }
        self.end_time = (!is_open(state)).then_some(now);
    }

    /// Computes when the superior is to be told: of an open task that is not put off, once.
    pub fn arm(&mut self) {
        let wanted = self.escalation.0 == Escalation::AfterDelay && self.escalate_time.is_none();
        let waits = is_open(self.state.0) && self.state.0 != State::Deferred;
        let delay = TimeDelta::hours(self.escalation_delay_hours);
        self.escalation_due_time =
            self.due_time.filter(|_| wanted && waits).and_then(|due| due.checked_add_signed(delay));
    }

    /// The row to write.
    pub fn to_stored(&self) -> Stored<'_> {
        Stored { task: self, search_name: doubled(&search_text(&[&self.display_name])) }
    }

    /// Its place in the time line: when it ended, else when it is due, else when it was made.
    pub fn entry(&self) -> Entry {
        Entry {
            id: self.id,
            time: self.end_time.or(self.due_time).unwrap_or(self.create_time),
            owner_id: self.owner_id,
            account_id: self.account_id,
            contact_id: self.contact_id,
            live: self.delete_time.is_none(),
        }
    }

    /// What it is about.
    pub fn about(&self) -> About {
        About {
            account_id: self.account_id,
            contact_id: self.contact_id,
            lead_id: self.lead_id,
            opportunity_id: self.opportunity_id,
            links: self.links.0.clone(),
        }
    }

    /// Forgets what it was about, for references to records that are about to go.
    pub fn forget(&mut self, gone: Gone<'_>) {
        let mut about = self.about();
        about.forget(gone);
        self.turn(about);
    }

    /// Lets it be about what took the place of records that go.
    pub fn repoint(&mut self, gone: Gone<'_>, into: Uuid) {
        let mut about = self.about();
        about.repoint(gone, into);
        self.turn(about);
    }

    /// Lets it be about other records of this service.
    fn turn(&mut self, about: About) {
        (self.account_id, self.contact_id, self.lead_id) =
            (about.account_id, about.contact_id, about.lead_id);
        self.links = Json(about.links);
    }

    /// References to records of this service.
    pub fn references(&self) -> Vec<Reference> {
        self.about().references(self.id, "task")
    }

    /// A standard field as filters and formulas see it.
    pub fn filter_value(&self, path: &str) -> Value<'_> {
        let id = |id: Option<Uuid>| id.map_or(Value::Null, Value::Uuid);
        let instant = |at: Option<DateTime<Utc>>| at.map_or(Value::Null, Value::Timestamp);
        match path {
            "id" => Value::Uuid(self.id),
            "create_time" => Value::Timestamp(self.create_time),
            "update_time" => Value::Timestamp(self.update_time),
            "display_name" => Value::Text(self.display_name.as_str().into()),
            "state" => Value::Enum(self.state.number()),
            "state_reason" => Value::Text(self.state_reason.as_str().into()),
            "priority" => Value::Enum(self.priority.number()),
            "due_time" => instant(self.due_time),
            "start_time" => instant(self.start_time),
            "end_time" => instant(self.end_time),
            "completion_criterion" => Value::Text(self.completion_criterion.as_str().into()),
            "description" => Value::Text(self.description.as_str().into()),
            "account_id" => id(self.account_id),
            "contact_id" => id(self.contact_id),
            "lead_id" => id(self.lead_id),
            "opportunity_id" => id(self.opportunity_id),
            "series_id" => id(self.series_id),
            "escalation" => Value::Enum(self.escalation.number()),
            "escalation_delay_hours" => Value::Int(self.escalation_delay_hours),
            "escalate_time" => instant(self.escalate_time),
            "escalated_to_id" => id(self.escalated_to_id),
            "owner_id" => Value::Uuid(self.owner_id),
            "tags" => Value::TextList(self.tags.as_slice().into()),
            _ => Value::Null,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: [State; 4] = [State::NotStarted, State::InProgress, State::Blocked, State::Deferred];
    const VERBS: [State; 5] =
        [State::InProgress, State::Blocked, State::Deferred, State::Completed, State::Cancelled];

    fn at(hour: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(hour * 3600, 0).unwrap()
    }

    fn task(state: State) -> Task {
        let escalation = Choice(Escalation::AfterDelay);
        Task {
            state: Choice(state),
            due_time: Some(at(10)),
            escalation,
            escalation_delay_hours: 2,
            ..Task::default()
        }
    }

    #[test]
    fn open_tasks_move_to_every_other_state_and_final_ones_stay() {
        for from in OPEN.into_iter().chain([State::Completed, State::Cancelled]) {
            for to in VERBS {
                let moved = task(from).moved(to, String::new(), at(1));
                assert_eq!(moved.is_ok(), is_open(from) && from != to, "{from:?} -> {to:?}");
                let Ok(moved) = moved else { continue };
                assert_eq!(moved.end_time.is_some(), !is_open(to), "{from:?} -> {to:?}");
                assert_eq!(
                    moved.escalation_due_time.is_some(),
                    matches!(to, State::InProgress | State::Blocked),
                    "{from:?} -> {to:?}"
                );
            }
        }
    }

    #[test]
    fn only_open_tasks_that_are_not_put_off_are_overdue() {
        for state in OPEN.into_iter().chain([State::Completed, State::Cancelled]) {
            let waits = is_open(state) && state != State::Deferred;
            assert_eq!(overdue(state, Some(at(1)), at(3)).is_some(), waits, "{state:?}");
            assert_eq!(overdue(state, Some(at(3)), at(3)), None);
            assert_eq!(overdue(state, None, at(3)), None);
        }
        assert_eq!(overdue(State::Blocked, Some(at(1)), at(3)), Some(TimeDelta::hours(2)));
    }

    #[test]
    fn a_superior_is_told_after_the_delay_and_once() {
        let mut open = task(State::NotStarted);
        open.arm();
        assert_eq!(open.escalation_due_time, Some(at(12)));
        open.escalate_time = Some(at(12));
        open.arm();
        assert_eq!(open.escalation_due_time, None);
        let mut never = Task { escalation: Choice(Escalation::None), ..task(State::NotStarted) };
        never.arm();
        assert_eq!(never.escalation_due_time, None);
    }
}
