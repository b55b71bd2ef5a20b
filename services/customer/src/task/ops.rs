//! Use cases of tasks beyond the life that all records share: the verbs, and the next task of a series.

use std::ops::Deref;

use chrono::{DateTime, Utc};
use crm_kit_api::{Call, Result, error::Violations, id, time};
use crm_kit_record::{
    Record as _, Slice,
    custom_field::{Fields, refresh},
    life::{self, Revision},
};
use crm_proto::crm::{
    customer::v1::{CompleteTaskResponse, Task as Wire, task::State},
    record::v1::custom_field::Type,
};
use prost_types::{Duration, Timestamp};

use super::model::{self, Task};

/// The use cases of tasks. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Tasks(pub Slice<Task>);

/// The life that all records share.
impl Deref for Tasks {
    type Target = Slice<Task>;

    fn deref(&self) -> &Slice<Task> {
        &self.0
    }
}

/// What is done with a task.
#[derive(Clone, Debug)]
pub struct Verb {
    /// The state it goes to.
    pub to: State,
    /// Why.
    pub reason: String,
    /// A new due time.
    pub due_time: Option<Timestamp>,
}

impl Verb {
    fn action(&self) -> &'static str {
        match self.to {
            State::Blocked => "block",
            State::Deferred => "defer",
            State::Completed => "complete",
            State::Cancelled => "cancel",
            State::Unspecified | State::NotStarted | State::InProgress => "start",
        }
    }

    /// What the verb makes of a task.
    fn apply(&self, call: &Call, was: &Task) -> Result<Task> {
        let mut task = was.moved(self.to, self.reason.clone(), call.now)?;
        if let Some(due) = &self.due_time {
            let mut violations = Violations::default();
            let due = time::instant("due_time", due, &mut violations);
            violations.into_result(())?;
            if due != task.due_time {
                (task.due_time, task.escalate_time, task.escalated_to_id) = (due, None, None);
            }
            task.arm();
        }
        Ok(task)
    }
}

impl Tasks {
    /// Does a verb with a task; completing one that repeats makes the next.
    pub async fn act(
        &self,
        call: &Call,
        (id, etag): (&str, &str),
        verb: Verb,
    ) -> Result<CompleteTaskResponse> {
        let (fields, id, verb) = (&self.fields(call).await?, id::parse("id", id)?, &verb);
        // Numbers are taken before the transaction; those of a series that ends are a gap.
        let fresh = &if verb.to == State::Completed {
            let mut numbers = self.numbers_for(call, fields, std::iter::once(&Wire::default())).await?;
            numbers.fresh(call, &Wire::default())
        } else {
            Task::default()
        };
        self.db
            .write(call, verb.action(), move |tx| {
                Box::pin(async move {
                    let was = life::hold_one::<Task>(tx, call, id, etag).await?;
                    let task = verb.apply(call, &was)?;
                    let next = next(call, fields, &task, fresh);
                    let task = life::write_one(tx, call, fields, Revision::new(fields, was, task)).await?;
                    let next_task = life::insert(tx, call, fields, &Vec::from_iter(next)).await?.pop();
                    Ok(CompleteTaskResponse { task: Some(task), next_task })
                })
            })
            .await
    }
}

/// The task that follows a completed one of a series; `None` when it is not completed, does not repeat, or is the last. Values that are a
/// record's alone, external ids and those of unique fields, stay behind.
fn next(call: &Call, fields: &Fields, done: &Task, fresh: &Task) -> Option<Task> {
    let recurrence = done.recurrence.as_ref().filter(|_| done.state.0 == State::Completed)?;
    let zone = call.zone();
    let due = recurrence.next(done.due_time?.max(call.now), zone)?;
    let mut next = Task {
        id: fresh.id,
        create_time: call.now,
        update_time: call.now,
        revision: 1,
        due_time: Some(due),
        start_time: None,
        escalate_time: None,
        escalated_to_id: None,
        external_ids: sqlx::types::Json::default(),
        ..done.clone()
    };
    for definition in fields.definitions() {
        if definition.is_unique || definition.value_type.0 == Type::AutoNumber {
            let value = fresh.custom.get(&definition.key).cloned();
            next.head_mut().custom.set(&definition.key, value);
        }
    }
    next.enter(State::NotStarted, call.now);
    next.arm();
    refresh::evaluate(fields, &mut next, call.moment());
    Some(next)
}

/// Puts into an answer how long the task has been overdue.
pub fn derive(wire: &mut Wire, now: DateTime<Utc>) {
    let due = wire.due_time.as_ref().and_then(|due| time::instant("", due, &mut Violations::default()));
    let overdue = model::overdue(wire.state(), due, now);
    wire.overdue_duration =
        overdue.map(|overdue| Duration { seconds: overdue.num_seconds(), nanos: overdue.subsec_nanos() });
}
