//! What an import job is, as stored, and which step may follow which.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use crm_kit_api::{Call, Error, Result};
use crm_proto::crm::record::v1::import_job::{Mode, State};
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use tonic::Code;
use uuid::Uuid;

use crate::DOMAIN;
use crate::{Choice, rights::Rights, upsert};

/// A row of `import_job`.
#[derive(Clone, Debug)]
pub struct Job {
    pub tenant_id: Uuid,
    pub id: Uuid,
    pub create_time: DateTime<Utc>,
    pub update_time: DateTime<Utc>,
    pub revision: i64,
    pub creator_id: Uuid,
    pub rights: Json<Rights>,
    pub display_name: String,
    pub collection: String,
    pub mode: Choice<Mode>,
    pub format: Json<Format>,
    pub columns: Json<Vec<Mapping>>,
    pub external_system: String,
    pub state: Choice<State>,
    pub failure: String,
    pub upload_id: Uuid,
    pub uploaded_bytes: i64,
    pub pass: i64,
    pub pass_time: Option<DateTime<Utc>>,
    pub header: Vec<String>,
    pub last_line: i64,
    pub round: i16,
    pub links_wait: bool,
    pub total_rows: i64,
    pub done_rows: i64,
    pub created_rows: i64,
    pub updated_rows: i64,
    pub unchanged_rows: i64,
    pub failed_rows: i64,
    pub end_time: Option<DateTime<Utc>>,
}

/// How to read the file, as the caller stated it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Format {
    pub file_kind: i32,
    pub encoding: String,
    pub delimiter: String,
    pub sheet: String,
    pub header_line: i32,
    pub date_order: i32,
    pub decimal_separator: String,
    pub time_zone: String,
    pub region_code: String,
    pub currency_code: String,
    /// Fields that are made of columns; here, because they are settings as the others.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub templates: Vec<Template>,
}

/// Where a column goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mapping {
    pub column: String,
    pub field: String,
    pub suggested: bool,
    /// What to read in place of cells that hold exactly this.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, String>,
}

/// A field that is made of columns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    pub field: String,
    pub text: String,
}

impl Job {
    /// Whether nothing happens to the job any more.
    pub fn has_ended(&self) -> bool {
        matches!(self.state.0, State::Done | State::Failed | State::Cancelled)
    }

    /// Fails with `FAILED_PRECONDITION / JOB_STATE` unless the job is in one of the states.
    pub fn require(&self, states: &[State]) -> Result<()> {
        if states.contains(&self.state.0) {
            return Ok(());
        }
        let state = self.state.0.as_str_name().trim_start_matches("STATE_");
        let message = format!("the job is {state}, which does not allow this");
        Err(Error::new(Code::FailedPrecondition, DOMAIN, "JOB_STATE", message).with("state", state))
    }

    /// Fails with `PERMISSION_DENIED / JOB_OF_ANOTHER` unless the caller created the job.
    pub fn require_creator(&self, call: &Call) -> Result<()> {
        if self.creator_id == call.caller_id() {
            return Ok(());
        }
        let message = "somebody else created the import, and its rows are written with the creator's rights";
        Err(Error::new(Code::PermissionDenied, DOMAIN, "JOB_OF_ANOTHER", message)
            .with("creator_id", self.creator_id))
    }

    /// Begins a pass over the file in a state.
    pub fn begin(&mut self, state: State, now: DateTime<Utc>) {
        self.state = Choice(state);
        self.pass += 1;
        self.pass_time = Some(now);
        self.round = 1;
        self.links_wait = false;
        self.rewind();
    }

    /// Forgets what a pass did so far.
    pub fn rewind(&mut self) {
        self.last_line = 0;
        self.done_rows = 0;
        self.created_rows = 0;
        self.updated_rows = 0;
        self.unchanged_rows = 0;
        self.failed_rows = 0;
    }

    /// Ends the job.
    pub fn end(&mut self, state: State, failure: impl Into<String>, now: DateTime<Utc>) {
        self.state = Choice(state);
        self.failure = failure.into();
        self.end_time = Some(now);
    }

    /// What to do with rows.
    pub fn row_mode(&self) -> upsert::Mode {
        match self.mode.0 {
            Mode::Create => upsert::Mode::Create,
            Mode::Update => upsert::Mode::Update,
            Mode::Upsert | Mode::Unspecified => upsert::Mode::Upsert,
        }
    }

    /// Rows handled per second in this pass.
    pub fn rows_per_second(&self) -> i64 {
        let millis = self.pass_time.map_or(0, |begin| (self.update_time - begin).num_milliseconds());
        if millis <= 0 { 0 } else { self.done_rows.saturating_mul(1000) / millis }
    }
}

/// A job, for tests.
#[cfg(test)]
pub(super) fn sample(state: State) -> Job {
    let rights = serde_json::json!({
        "caller_id": Uuid::nil(), "permissions": [], "owners": null, "masks": [], "region_code": "CN",
        "time_zone": "Asia/Shanghai", "currency_code": "CNY", "language_code": "zh"
    });
    Job {
        tenant_id: Uuid::nil(),
        id: Uuid::nil(),
        create_time: DateTime::UNIX_EPOCH,
        update_time: DateTime::UNIX_EPOCH,
        revision: 1,
        creator_id: Uuid::nil(),
        rights: Json(serde_json::from_value(rights).unwrap()),
        display_name: String::new(),
        collection: "accounts".to_owned(),
        mode: Choice(Mode::Upsert),
        format: Json(Format::default()),
        columns: Json(Vec::new()),
        external_system: "import".to_owned(),
        state: Choice(state),
        failure: String::new(),
        upload_id: Uuid::nil(),
        uploaded_bytes: 0,
        pass: 0,
        pass_time: None,
        header: Vec::new(),
        last_line: 0,
        round: 1,
        links_wait: false,
        total_rows: 0,
        done_rows: 0,
        created_rows: 0,
        updated_rows: 0,
        unchanged_rows: 0,
        failed_rows: 0,
        end_time: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_that_does_not_allow_an_act_is_named() {
        let error = sample(State::Applying).require(&[State::Ready]).unwrap_err();
        assert_eq!((error.reason(), error.metadata("state")), ("JOB_STATE", Some("APPLYING")));
        assert!(sample(State::Ready).require(&[State::Ready]).is_ok());
    }

    #[test]
    fn a_new_pass_forgets_the_old_one() {
        let mut job = sample(State::Ready);
        (job.last_line, job.done_rows, job.failed_rows, job.links_wait) = (7, 6, 5, true);
        job.begin(State::Applying, DateTime::UNIX_EPOCH);
        assert_eq!((job.pass, job.last_line, job.done_rows, job.failed_rows), (1, 0, 0, 0));
        assert!(!job.links_wait);
        job.done_rows = 500;
        job.update_time = DateTime::from_timestamp(0, 250_000_000).unwrap();
        assert_eq!(job.rows_per_second(), 2000);
    }
}
