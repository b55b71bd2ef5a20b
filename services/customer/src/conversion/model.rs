//! What a conversion is, as stored.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use crm_kit_api::{Error, call::TenantSettings, error::Violation};
use crm_kit_record::Choice;
use crm_proto::crm::customer::v1::conversion::State;
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use tonic::Code;
use uuid::Uuid;

use crate::DOMAIN;

/// A row of `conversion`.
#[derive(Clone, Debug)]
pub struct Conversion {
    pub tenant_id: Uuid,
    pub lead_id: Uuid,
    pub id: Uuid,
    pub create_time: DateTime<Utc>,
    /// Absent in rows of before there were steps.
    pub update_time: Option<DateTime<Utc>>,
    pub operator_id: Uuid,
    pub state: Choice<State>,
    pub account_id: Option<Uuid>,
    pub contact_id: Option<Uuid>,
    pub opportunity_id: Option<Uuid>,
    pub filled_fields: Vec<String>,
    /// Who answers for the lead once it is converted.
    pub owner_id: Option<Uuid>,
    pub context: Json<Context>,
    pub traces: Json<Traces>,
    /// The encoded request for the opportunity, while it is not made.
    pub request: Option<Vec<u8>>,
    /// How often sales was asked.
    pub attempts: i32,
    /// When it was last asked, unless it gave a certain answer.
    pub attempt_time: Option<DateTime<Utc>>,
    /// Until when a question before the last one may still take effect.
    pub doubt_until: Option<DateTime<Utc>>,
    pub problem: Option<Json<Problem>>,
    pub kept: Vec<String>,
}

/// What later steps need to know of the call that asked.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Context {
    pub settings: TenantSettings,
    /// Whether a service asked in its own name.
    pub of_service: bool,
}

/// What a conversion did to the records that it made or used.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Traces {
    pub account: Option<Trace>,
    pub contact: Option<Trace>,
}

/// What a conversion did to a record.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Trace {
    /// Whether it made it.
    pub created: bool,
    /// The record's revision after that.
    pub revision: i64,
    /// Fields it filled.
    pub filled: Vec<String>,
    /// Whether it tied a contact to the account.
    pub tied: bool,
}

/// What sales said against an opportunity, or why it said nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    pub reason: String,
    pub message: String,
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// Fields of the opportunity with code and text.
    #[serde(default)]
    pub violations: Vec<(String, String, String)>,
}

impl Conversion {
    /// Whether nothing happens to it any more.
    pub fn has_ended(&self) -> bool {
        matches!(self.state.0, State::Committed | State::Compensated)
    }
}

impl Problem {
    /// `FAILED_PRECONDITION / OPPORTUNITY_REFUSED`.
    pub fn refused(&self) -> Error {
        let message = format!("the opportunity is refused: {}", self.message);
        let error = Error::new(Code::FailedPrecondition, DOMAIN, "OPPORTUNITY_REFUSED", message);
        let error = self.metadata.iter().fold(error, |error, (key, value)| error.with(key, value));
        let violations = self.violations.iter();
        violations
            .fold(error, |error, (field, code, message)| {
                error.with_violation(Violation::new(field.clone(), code.clone(), message.clone()))
            })
            .with("reason", &self.reason)
    }
}
