//! What is submitted for approval, and what comes of it.

use std::collections::BTreeMap;

use crm_kit_api::call::TenantSettings;
use crm_proto::crm::platform::v1::{ApprovalRequest, approval_request::State as Decided};
use prost_types::{Struct, Value, value::Kind};
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use uuid::Uuid;

/// A revision of an object that needs approval.
#[derive(Clone, Debug)]
pub struct Object {
    /// Kind of the object at the platform, for example `sales.quotes`.
    pub object_type: &'static str,
    pub object_id: Uuid,
    /// Raised whenever other values are submitted.
    pub object_revision: i64,
    /// Name of the object for approvers.
    pub display_name: String,
    /// What the submitter says.
    pub comment: String,
    /// What conditions of flows look at and approvers see. Numbers are decimal text, and what is empty is left out.
    pub values: BTreeMap<&'static str, String>,
}

/// How far a submission is. The numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Wanted = 1,
    Carried = 2,
    Decided = 3,
    Settled = 4,
    TakenBack = 5,
}

impl Stage {
    /// The number that is stored.
    pub fn stored(self) -> i16 {
        self as i16
    }
}

/// A row of `approval_submission`.
#[derive(Clone, Debug)]
pub struct Submission {
    pub tenant_id: Uuid,
    pub id: Uuid,
    pub object_type: String,
    pub object_id: Uuid,
    pub object_revision: i64,
    pub display_name: String,
    pub comment: String,
    pub submitter_id: Uuid,
    pub submitted: Json<Submitted>,
    pub state: i16,
    pub tried: bool,
    pub request_id: Option<Uuid>,
    pub decision: i16,
    pub decision_comment: String,
}

/// What is submitted, as stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submitted {
    pub values: BTreeMap<String, String>,
    /// Of the tenant when it was submitted; the platform takes days in its zone.
    pub tenant: TenantSettings,
}

/// What came of a submission so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    pub object_id: Uuid,
    pub object_revision: i64,
    /// The request at the platform; none when it did not take it.
    pub request_id: Option<Uuid>,
    pub outcome: Outcome,
    /// What whoever decided says, or why the platform did not take the request.
    pub comment: String,
}

/// How it came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The platform has the request, and it runs.
    Asked,
    Approved,
    Rejected,
    /// Given back to be changed, or voided, or withdrawn at the platform.
    Returned,
    /// The platform did not take it.
    Failed,
}

impl Submission {
    /// Whether it stands at `stage`.
    pub fn is(&self, stage: Stage) -> bool {
        self.state == stage.stored()
    }

    /// The platform has the request. When it is decided already, that is what came of it.
    pub fn is_answered(&mut self, request: &ApprovalRequest) {
        self.request_id = Uuid::try_parse(&request.id).ok();
        if !self.is(Stage::Wanted) && !self.is(Stage::Carried) {
            return;
        }
        let running =
            matches!(request.state(), Decided::Unspecified | Decided::Pending | Decided::InProgress);
        self.state = if running { Stage::Carried } else { Stage::Decided }.stored();
        if !running {
            self.decision = i16::try_from(request.state).unwrap_or(0);
            self.decision_comment.clone_from(&request.decision_comment);
        }
    }

    /// The platform does not take the request.
    pub fn is_refused(&mut self, message: &str) {
        if self.is(Stage::Wanted) {
            self.state = Stage::Decided.stored();
            self.decision = 0;
            message.clone_into(&mut self.decision_comment);
        }
    }

    /// What came of it so far.
    pub fn decision(&self) -> Decision {
        let decided = Decided::try_from(i32::from(self.decision)).unwrap_or_default();
        Decision {
            object_id: self.object_id,
            object_revision: self.object_revision,
            request_id: self.request_id,
            outcome: match decided {
                _ if self.is(Stage::Carried) => Outcome::Asked,
                Decided::Approved => Outcome::Approved,
                Decided::Rejected => Outcome::Rejected,
                Decided::Unspecified => Outcome::Failed,
                _ => Outcome::Returned,
            },
            comment: self.decision_comment.clone(),
        }
    }
}

impl Submitted {
    /// The values on the wire.
    pub fn to_wire(&self) -> Struct {
        let text = |text: &String| Value { kind: Some(Kind::StringValue(text.clone())) };
        Struct { fields: self.values.iter().map(|(name, value)| (name.clone(), text(value))).collect() }
    }

    /// Whether `values` are what was submitted.
    pub fn are(&self, values: Option<&Struct>) -> bool {
        values.is_some_and(|values| *values == self.to_wire())
    }
}
