//! What a merge is, as stored.

use chrono::{DateTime, Utc};
use crm_kit_record::{Choice, revert::Patch};
use crm_proto::crm::customer::v1::{MergePolicy, merge::State};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

/// A row of `merge`.
#[derive(Clone, Debug)]
pub struct Merge {
    pub tenant_id: Uuid,
    pub id: Uuid,
    pub create_time: DateTime<Utc>,
    pub update_time: DateTime<Utc>,
    pub collection: String,
    pub survivor_id: Uuid,
    pub current_id: Uuid,
    pub loser_ids: Vec<Uuid>,
    pub creator_id: Uuid,
    pub state: Choice<State>,
    pub awaited: Vec<String>,
    pub moved_count: i64,
    pub fields: Json<Vec<Taken>>,
    pub conflicts: Json<Vec<Conflict>>,
    pub undo_time: Option<DateTime<Utc>>,
    pub undoer_id: Option<Uuid>,
}

/// A field of a survivor, and where its value comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    pub path: String,
    pub policy: Choice<MergePolicy>,
    pub from: Vec<Uuid>,
}

/// A value that undoing a merge left as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    pub collection: String,
    pub record_id: Uuid,
    pub path: String,
}

/// A record that went, as it was. Nothing of it is kept when the record it leads to was purged.
#[derive(Clone, Debug)]
pub struct Departed {
    pub record_id: Uuid,
    pub document: Option<Value>,
    pub parts: Option<Value>,
}

/// What a merge changed of a record that stays.
#[derive(Clone, Debug)]
pub struct Change {
    pub collection: String,
    pub record_id: Uuid,
    pub patch: Json<Patch>,
}

impl Merge {
    /// Whether its losers are gone now.
    pub fn is_in_effect(&self) -> bool {
        matches!(self.state.0, State::Moving | State::Complete)
    }

    /// The state of a merge that these services have not followed yet, or of one that is undone.
    pub fn enter(&mut self, awaited: Vec<String>, undone: bool, now: DateTime<Utc>) {
        self.state = Choice(match (undone, awaited.is_empty()) {
            (false, false) => State::Moving,
            (false, true) => State::Complete,
            (true, false) => State::Undoing,
            (true, true) => State::Undone,
        });
        (self.awaited, self.update_time) = (awaited, now);
    }
}
