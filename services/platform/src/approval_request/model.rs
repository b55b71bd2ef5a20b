//! What an approval request is, and how decisions move it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use uuid::Uuid;

use crate::approval_flow::model::Mode;

/// A submitted revision of an object.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct Request {
    pub id: Uuid,
    pub create_time: DateTime<Utc>,
    pub update_time: DateTime<Utc>,
    pub revision: i64,
    pub display_name: String,
    /// The service that submitted; empty when the user did.
    pub service: String,
    pub object_type: String,
    pub object_id: Uuid,
    pub object_revision: i64,
    /// An encoded `google.protobuf.Struct`.
    pub submitted_values: Vec<u8>,
    pub comment: String,
    /// The submitter.
    pub owner_id: Uuid,
    pub state: State,
    pub automatic_reason: Automatic,
    pub flow_id: Option<Uuid>,
    pub flow_version: Option<i32>,
    /// The node being decided, from 1.
    pub node: i32,
    pub decided_by_id: Option<Uuid>,
    pub decide_time: Option<DateTime<Utc>>,
    pub decision_comment: String,
    /// By node and position.
    pub tasks: Json<Vec<Task>>,
}

/// How far a request is. Numbers as in the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[repr(i16)]
pub enum State {
    Pending = 1,
    InProgress = 2,
    Approved = 3,
    Rejected = 4,
    Returned = 5,
    Withdrawn = 6,
    Voided = 7,
}

/// Why nobody had to agree. Numbers as in the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[repr(i16)]
pub enum Automatic {
    No = 0,
    NoFlow = 1,
    NobodyToAsk = 2,
}

/// What one approver is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    pub id: Uuid,
    pub create_time: DateTime<Utc>,
    pub node: i32,
    pub node_name: String,
    pub mode: Mode,
    pub position: i32,
    pub approver_id: Uuid,
    pub state: TaskState,
    pub comment: String,
    pub decide_time: Option<DateTime<Utc>>,
}

/// What became of a task. Numbers as in the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "i16", into = "i16")]
#[repr(i16)]
pub enum TaskState {
    Waiting = 1,
    Queued = 2,
    Approved = 3,
    Rejected = 4,
    Returned = 5,
    Skipped = 6,
}

/// What an approver does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    Approve,
    Reject,
    Return,
}

/// Who ends or moves a request, when, and with which words.
#[derive(Clone, Copy, Debug)]
pub struct Word<'w> {
    pub by: Uuid,
    pub at: DateTime<Utc>,
    pub comment: &'w str,
}

/// What a decision leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Others of the node have to agree.
    Waits,
    /// The node is passed.
    Passed,
    /// The request has ended.
    Ended,
}

impl State {
    /// Whether approvers can decide.
    pub fn runs(self) -> bool {
        matches!(self, Self::Pending | Self::InProgress)
    }

    /// Name in the contract, without the prefix.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::InProgress => "IN_PROGRESS",
            Self::Approved => "APPROVED",
            Self::Rejected => "REJECTED",
            Self::Returned => "RETURNED",
            Self::Withdrawn => "WITHDRAWN",
            Self::Voided => "VOIDED",
        }
    }
}

impl TryFrom<i16> for TaskState {
    type Error = String;

    fn try_from(number: i16) -> Result<Self, String> {
        let states =
            [Self::Waiting, Self::Queued, Self::Approved, Self::Rejected, Self::Returned, Self::Skipped];
        let known = states.into_iter().find(|state| *state as i16 == number);
        known.ok_or_else(|| format!("{number} is no state of a task"))
    }
}

impl From<TaskState> for i16 {
    fn from(state: TaskState) -> Self {
        state as Self
    }
}

impl Act {
    /// State of a task after it.
    pub fn state(self) -> TaskState {
        match self {
            Self::Approve => TaskState::Approved,
            Self::Reject => TaskState::Rejected,
            Self::Return => TaskState::Returned,
        }
    }
}

impl Request {
    /// Whether a user is asked in the request.
    pub fn asks(&self, user_id: Uuid) -> bool {
        self.tasks.iter().any(|task| task.approver_id == user_id)
    }

    /// Decides the waiting task at `index`.
    pub fn decide(&mut self, index: usize, act: Act, word: Word<'_>) -> Step {
        let Some(task) = self.tasks.get_mut(index) else { return Step::Waits };
        let mode = task.mode;
        task.state = act.state();
        word.comment.clone_into(&mut task.comment);
        task.decide_time = Some(word.at);
        let end = match act {
            Act::Approve => None,
            Act::Reject => Some(State::Rejected),
            Act::Return => Some(State::Returned),
        };
        if let Some(end) = end {
            self.end(end, word);
            return Step::Ended;
        }
        self.state = State::InProgress;
        if mode == Mode::Any {
            self.skip_open();
            return Step::Passed;
        }
        if self.tasks.iter().any(|task| task.state == TaskState::Waiting) {
            return Step::Waits;
        }
        match self.tasks.iter_mut().find(|task| task.state == TaskState::Queued) {
            Some(next) => {
                next.state = TaskState::Waiting;
                Step::Waits
            }
            None => Step::Passed,
        }
    }

    /// Ends the request; whoever did not decide does not have to.
    pub fn end(&mut self, state: State, word: Word<'_>) {
        self.state = state;
        self.decided_by_id = Some(word.by);
        self.decide_time = Some(word.at);
        word.comment.clone_into(&mut self.decision_comment);
        self.skip_open();
    }

    fn skip_open(&mut self) {
        for task in self.tasks.iter_mut() {
            if matches!(task.state, TaskState::Waiting | TaskState::Queued) {
                task.state = TaskState::Skipped;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn request(mode: Mode, approvers: usize) -> Request {
        let task = |position: usize| Task {
            id: Uuid::from_u128(position as u128 + 1),
            create_time: DateTime::UNIX_EPOCH,
            node: 1,
            node_name: "node".into(),
            mode,
            position: i32::try_from(position).unwrap(),
            approver_id: Uuid::from_u128(position as u128 + 100),
            state: if mode == Mode::InSequence && position > 0 {
                TaskState::Queued
            } else {
                TaskState::Waiting
            },
            comment: String::new(),
            decide_time: None,
        };
        Request {
            id: Uuid::nil(),
            create_time: DateTime::UNIX_EPOCH,
            update_time: DateTime::UNIX_EPOCH,
            revision: 1,
            display_name: String::new(),
            service: String::new(),
            object_type: "sales.quotes".into(),
            object_id: Uuid::nil(),
            object_revision: 1,
            submitted_values: Vec::new(),
            comment: String::new(),
            owner_id: Uuid::nil(),
            state: State::Pending,
            automatic_reason: Automatic::No,
            flow_id: None,
            flow_version: None,
            node: 1,
            decided_by_id: None,
            decide_time: None,
            decision_comment: String::new(),
            tasks: Json((0..approvers).map(task).collect()),
        }
    }

    const WORD: Word<'_> = Word { by: Uuid::nil(), at: DateTime::UNIX_EPOCH, comment: "fine" };

    fn states(request: &Request) -> Vec<TaskState> {
        request.tasks.iter().map(|task| task.state).collect()
    }

    #[test]
    fn one_of_any_is_enough_and_the_others_are_skipped() {
        let mut request = request(Mode::Any, 3);
        assert_eq!(request.decide(1, Act::Approve, WORD), Step::Passed);
        assert_eq!(states(&request), [TaskState::Skipped, TaskState::Approved, TaskState::Skipped]);
    }

    #[test]
    fn all_have_to_agree_and_in_sequence_one_after_the_other() {
        let mut all = request(Mode::All, 2);
        assert_eq!(all.decide(1, Act::Approve, WORD), Step::Waits);
        assert_eq!((all.decide(0, Act::Approve, WORD), all.state), (Step::Passed, State::InProgress));
        let mut sequence = request(Mode::InSequence, 2);
        assert_eq!(sequence.decide(0, Act::Approve, WORD), Step::Waits);
        assert_eq!(states(&sequence), [TaskState::Approved, TaskState::Waiting]);
        assert_eq!(sequence.decide(1, Act::Approve, WORD), Step::Passed);
    }

    proptest! {
        #[test]
        fn one_refusal_ends_a_request_of_every_mode(mode in prop::sample::select(vec![Mode::All, Mode::Any, Mode::InSequence]), approvers in 1_usize..5, act in prop::sample::select(vec![Act::Reject, Act::Return])) {
            let mut request = request(mode, approvers);
            prop_assert_eq!(request.decide(0, act, WORD), Step::Ended);
            prop_assert!(!request.state.runs() && request.decide_time.is_some());
            prop_assert!(!states(&request).iter().any(|state| matches!(state, TaskState::Waiting | TaskState::Queued)));
        }
    }
}
