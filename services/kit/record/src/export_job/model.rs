//! What an export job is, as stored.

use chrono::{DateTime, TimeDelta, Utc};
use crm_kit_api::{Error, Result};
use crm_proto::crm::record::v1::export_job::{FileKind, State};
use sqlx::types::Json;
use tonic::Code;
use uuid::Uuid;

use crate::DOMAIN;
use crate::{Choice, rights::Rights};

/// How long a file lives.
const LIFE: TimeDelta = TimeDelta::hours(24);

/// A row of `export_job`.
#[derive(Clone, Debug)]
pub struct Job {
    pub tenant_id: Uuid,
    pub id: Uuid,
    pub create_time: DateTime<Utc>,
    pub update_time: DateTime<Utc>,
    pub purge_time: Option<DateTime<Utc>>,
    pub creator_id: Uuid,
    pub rights: Json<Rights>,
    pub display_name: String,
    pub collection: String,
    pub filter: String,
    pub fields: Vec<String>,
    pub file_kind: Choice<FileKind>,
    pub header_language: String,
    pub state: Choice<State>,
    pub done_rows: i64,
    pub file_bytes: i64,
    pub failure: String,
    pub attempt: i64,
}

impl Job {
    /// Fails with `FAILED_PRECONDITION / JOB_STATE` unless the job is in the state.
    pub fn require(&self, state: State) -> Result<()> {
        if self.state.0 == state {
            return Ok(());
        }
        let state = self.state.0.as_str_name().trim_start_matches("STATE_");
        let message = format!("the job is {state}, which does not allow this");
        Err(Error::new(Code::FailedPrecondition, DOMAIN, "JOB_STATE", message).with("state", state))
    }

    /// Begins an attempt.
    pub fn begin(&mut self) {
        self.attempt += 1;
        self.done_rows = 0;
        self.file_bytes = 0;
    }

    /// The file is whole.
    pub fn complete(&mut self, now: DateTime<Utc>) {
        self.state = Choice(State::Done);
        self.purge_time = Some(now + LIFE);
    }

    /// Ends the job without a file.
    pub fn end(&mut self, state: State, failure: &str) {
        self.state = Choice(state);
        failure.clone_into(&mut self.failure);
        self.file_bytes = 0;
    }
}
