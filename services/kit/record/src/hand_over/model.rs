//! What a hand-over is, as stored, and whose turn it is.

use chrono::{DateTime, Utc};
use crm_kit_api::{Error, Result};
use crm_proto::crm::record::v1::hand_over::State;
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use tonic::Code;
use uuid::Uuid;

use crate::{Choice, DOMAIN, rights::Rights};

/// A row of `hand_over`.
#[derive(Clone, Debug)]
pub struct HandOver {
    pub tenant_id: Uuid,
    pub id: Uuid,
    pub create_time: DateTime<Utc>,
    pub update_time: DateTime<Utc>,
    pub end_time: Option<DateTime<Utc>>,
    pub creator_id: Uuid,
    pub rights: Json<Rights>,
    pub from_user_id: Uuid,
    pub rules: Json<Vec<Rule>>,
    pub reason: String,
    pub state: Choice<State>,
    pub counts: Json<Vec<Count>>,
    /// The rule that is at work.
    pub rule_index: i32,
    /// The last record of the rule that was looked at.
    pub after_id: Option<Uuid>,
    /// How many records of the rule went.
    pub turn: i64,
    pub failure: String,
    /// How many records stayed because their change was refused.
    pub refused_records: i64,
    /// The first of them.
    pub refusals: Json<Vec<Refusal>>,
}

/// Who gets some of the records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    pub collection: String,
    pub filter: String,
    pub to_user_ids: Vec<Uuid>,
}

/// How many records of a collection went to somebody; to nobody for those that stay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    pub collection: String,
    pub to_user_id: Option<Uuid>,
    pub records: i64,
}

/// A record that stayed because its change was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    pub collection: String,
    pub record_id: Uuid,
    pub reason: String,
    pub message: String,
}

/// Most refused records that are named.
const MOST_REFUSALS: usize = 50;

impl HandOver {
    /// The rule that is at work; `None` when all are done.
    pub fn rule(&self) -> Option<&Rule> {
        self.rules.get(usize::try_from(self.rule_index).ok()?)
    }

    /// The rules for the same collection that apply before the one that is at work.
    pub fn earlier(&self) -> impl Iterator<Item = &Rule> {
        let (before, collection) =
            (usize::try_from(self.rule_index), self.rule().map(|rule| &rule.collection));
        self.rules.iter().take(before.unwrap_or(0)).filter(move |rule| Some(&rule.collection) == collection)
    }

    /// Whose turn it is to get a record of the rule that is at work.
    pub fn next_owner(&self) -> Option<Uuid> {
        let users = &self.rule()?.to_user_ids;
        let index = usize::try_from(self.turn).ok()?.checked_rem(users.len())?;
        users.get(index).copied()
    }

    /// Counts a record of the rule that is at work: it went to somebody, whose turn is over, or stays.
    pub fn count(&mut self, to_user_id: Option<Uuid>) {
        let Some(collection) = self.rule().map(|rule| rule.collection.clone()) else { return };
        self.turn += i64::from(to_user_id.is_some());
        let known = |count: &&mut Count| count.collection == collection && count.to_user_id == to_user_id;
        match self.counts.iter_mut().find(known) {
            Some(count) => count.records += 1,
            None => self.counts.push(Count { collection, to_user_id, records: 1 }),
        }
    }

    /// Leaves a record of the rule that is at work with its owner, and goes on after it.
    pub fn refuse(&mut self, record_id: Uuid, error: &Error) {
        let Some(collection) = self.rule().map(|rule| rule.collection.clone()) else { return };
        let is_known = self.refusals.iter().any(|known| known.record_id == record_id);
        self.refused_records += i64::from(!is_known);
        if !is_known && self.refusals.len() < MOST_REFUSALS {
            let (reason, message) = (error.reason().to_owned(), error.message().to_owned());
            self.refusals.push(Refusal { collection, record_id, reason, message });
        }
        self.advance(Some(record_id));
    }

    /// Goes on after a record, or with the next rule when there is no more.
    pub fn advance(&mut self, after_id: Option<Uuid>) {
        self.after_id = after_id;
        if after_id.is_none() {
            self.rule_index += 1;
            self.turn = 0;
        }
    }

    /// Ends it.
    pub fn end(&mut self, state: State, failure: &str, now: DateTime<Utc>) {
        self.state = Choice(state);
        failure.clone_into(&mut self.failure);
        self.end_time = Some(now);
    }

    /// Fails with `FAILED_PRECONDITION / JOB_STATE` unless it runs.
    pub fn require_running(&self) -> Result<()> {
        if self.state.0 == State::Running {
            return Ok(());
        }
        let state = self.state.0.as_str_name().trim_start_matches("STATE_");
        let message = format!("the hand-over is {state}, which does not allow this");
        Err(Error::new(Code::FailedPrecondition, DOMAIN, "JOB_STATE", message).with("state", state))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crm_kit_api::call::Scope;

    #[test]
    fn turns_go_round_and_begin_anew_with_each_rule() {
        let users: Vec<Uuid> = (1..=3).map(Uuid::from_u128).collect();
        let rule = |collection: &str| Rule {
            collection: collection.to_owned(),
            filter: String::new(),
            to_user_ids: users.clone(),
        };
        let access = crate::custom_field::refresh::server_call(Uuid::nil(), DateTime::UNIX_EPOCH, "").access;
        assert_eq!(access.scope, Scope::All);
        let mut job = HandOver {
            tenant_id: Uuid::nil(),
            id: Uuid::nil(),
            create_time: DateTime::UNIX_EPOCH,
            update_time: DateTime::UNIX_EPOCH,
            end_time: None,
            creator_id: Uuid::nil(),
            rights: Json(Rights::of(&access)),
            from_user_id: Uuid::nil(),
            rules: Json(vec![rule("firms"), rule("people")]),
            reason: String::new(),
            state: Choice(State::Running),
            counts: Json::default(),
            rule_index: 0,
            after_id: None,
            turn: 0,
            failure: String::new(),
            refused_records: 0,
            refusals: Json::default(),
        };
        for expected in [0, 1, 2, 0] {
            let next = job.next_owner();
            assert_eq!(next, Some(users[expected]));
            job.count(next);
        }
        job.count(None);
        assert_eq!(job.next_owner(), Some(users[1]), "what stays takes no turn");
        job.advance(Some(Uuid::from_u128(9)));
        assert_eq!((job.rule_index, job.turn), (0, 4));
        job.advance(None);
        assert_eq!(job.next_owner(), Some(users[0]));
        let refused = Error::concurrent_change();
        (0..60).for_each(|id| job.refuse(Uuid::from_u128(id), &refused));
        assert_eq!((job.refused_records, job.refusals.len()), (60, MOST_REFUSALS));
        assert_eq!((job.after_id, job.turn), (Some(Uuid::from_u128(59)), 0), "nobody's turn is taken");
        let counted: Vec<i64> = job.counts.iter().map(|count| count.records).collect();
        assert_eq!(counted, [2, 1, 1, 1]);
        job.advance(None);
        assert_eq!((job.rule(), job.next_owner()), (None, None));
    }
}
