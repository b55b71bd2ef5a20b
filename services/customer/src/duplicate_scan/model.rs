//! What scans and sets are, as stored.

use chrono::{DateTime, Utc};
use crm_kit_record::{Choice, rights::Rights};
use crm_proto::crm::customer::v1::duplicate_scan::State;
use sqlx::types::Json;
use uuid::Uuid;

/// A row of `duplicate_scan`.
#[derive(Clone, Debug)]
pub struct Scan {
    pub tenant_id: Uuid,
    pub id: Uuid,
    pub create_time: DateTime<Utc>,
    pub update_time: DateTime<Utc>,
    pub start_time: Option<DateTime<Utc>>,
    pub end_time: Option<DateTime<Utc>>,
    pub creator_id: Uuid,
    pub rights: Json<Rights>,
    pub collection: String,
    pub threshold: f64,
    pub state: Choice<State>,
    pub total_rows: i64,
    pub done_rows: i64,
    pub set_count: i64,
    pub failure: String,
    pub attempt: i64,
}

impl Scan {
    /// Begins an attempt at so many records.
    pub fn begin(&mut self, now: DateTime<Utc>, total_rows: i64) {
        self.attempt += 1;
        self.start_time = Some(now);
        self.total_rows = total_rows;
        self.done_rows = 0;
    }

    /// Ends the scan.
    pub fn end(&mut self, now: DateTime<Utc>, state: State) {
        self.state = Choice(state);
        self.end_time = Some(now);
    }
}

/// A row of `duplicate_set`.
#[derive(Clone, Debug)]
pub struct Set {
    pub id: Uuid,
    pub create_time: DateTime<Utc>,
    pub scan_id: Uuid,
    pub collection: String,
    pub record_ids: Vec<Uuid>,
    /// Of each record, in their order.
    pub probabilities: Vec<f64>,
}

impl Set {
    /// Whether two of its records were told apart.
    pub fn holds_any(&self, pairs: &[(Uuid, Uuid)]) -> bool {
        pairs.iter().any(|(a, b)| self.record_ids.contains(a) && self.record_ids.contains(b))
    }

    /// The set without a record.
    pub fn without(mut self, id: Uuid) -> Self {
        if let Some(place) = self.record_ids.iter().position(|record| *record == id) {
            self.record_ids.remove(place);
            self.probabilities.remove(place);
        }
        self
    }
}
