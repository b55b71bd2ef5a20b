//! Approval requests on the wire. The numbers of their enums are those of the contract.

use crm_kit_api::{Call, Error, Result, error::Violations, etag, id, time::timestamp};
use crm_proto::crm::platform::v1::{self as wire, SubmitApprovalRequest};
use prost::Message as _;
use prost_types::Struct;
use sqlx::types::Json;
use uuid::Uuid;

use super::model::{Automatic, Request, State, Task};
use crate::text;

/// Bytes of submitted values.
const MAX_VALUES: usize = 65_536;

impl Request {
    /// The request on the wire.
    pub fn to_wire(&self) -> wire::ApprovalRequest {
        wire::ApprovalRequest {
            id: self.id.to_string(),
            create_time: Some(timestamp(self.create_time)),
            update_time: Some(timestamp(self.update_time)),
            etag: etag::of(self.revision),
            display_name: self.display_name.clone(),
            object_type: self.object_type.clone(),
            object_id: self.object_id.to_string(),
            object_revision: self.object_revision,
            values: self.values().ok(),
            comment: self.comment.clone(),
            submitter_id: self.owner_id.to_string(),
            state: i32::from(self.state as i16),
            automatic_reason: i32::from(self.automatic_reason as i16),
            flow_id: optional(self.flow_id),
            flow_version: self.flow_version.unwrap_or_default(),
            node: self.node,
            tasks: self.tasks.iter().map(|task| task.to_wire(self.id)).collect(),
            decided_by_id: optional(self.decided_by_id),
            decide_time: self.decide_time.map(timestamp),
            decision_comment: self.decision_comment.clone(),
            service: self.service.clone(),
        }
    }

    /// The submitted values.
    pub fn values(&self) -> Result<Struct> {
        Struct::decode(self.submitted_values.as_slice()).map_err(Error::internal)
    }

    /// What `submitter_id` submits; every violation is collected.
    pub fn from_wire(call: &Call, submitter_id: Uuid, wire: &SubmitApprovalRequest) -> Result<Self> {
        let mut violations = Violations::default();
        let submitted_values = wire.values.clone().unwrap_or_default().encode_to_vec();
        if submitted_values.len() > MAX_VALUES {
            violations.add("values", "TOO_LARGE", format!("take more than {MAX_VALUES} bytes"));
        }
        let display_name = text::line("display_name", &wire.display_name, 200, &mut violations);
        violations.into_result(())?;
        Ok(Self {
            id: call.new_id(),
            create_time: call.now,
            update_time: call.now,
            revision: 1,
            display_name,
            service: call.access.service.as_deref().unwrap_or_default().to_owned(),
            object_type: wire.object_type.clone(),
            object_id: id::parse("object_id", &wire.object_id)?,
            object_revision: wire.object_revision,
            submitted_values,
            comment: wire.comment.trim().to_owned(),
            owner_id: submitter_id,
            state: State::Pending,
            automatic_reason: Automatic::No,
            flow_id: None,
            flow_version: None,
            node: 0,
            decided_by_id: None,
            decide_time: None,
            decision_comment: String::new(),
            tasks: Json::default(),
        })
    }
}

impl Task {
    fn to_wire(&self, request_id: Uuid) -> wire::ApprovalTask {
        wire::ApprovalTask {
            id: self.id.to_string(),
            create_time: Some(timestamp(self.create_time)),
            request_id: request_id.to_string(),
            node: self.node,
            node_display_name: self.node_name.clone(),
            approver_id: self.approver_id.to_string(),
            state: i32::from(i16::from(self.state)),
            comment: self.comment.clone(),
            decide_time: self.decide_time.map(timestamp),
        }
    }
}

fn optional(id: Option<Uuid>) -> String {
    id.map(|id| id.to_string()).unwrap_or_default()
}
