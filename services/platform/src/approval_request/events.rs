//! What a change of an approval request tells others. An event falls under the record scope of the submitter.

use crm_kit_pg::{Change, ChangeKind};
use crm_proto::crm::platform::v1::{ApprovalDecided, ApprovalRequestUpdated, ApprovalSubmitted};

use super::model::Request;

pub const COLLECTION: &str = "approvalRequests";

/// A new request; one that needs nobody's agreement is decided at once.
pub fn submitted(request: &Request) -> Change {
    let wire = request.to_wire();
    let change = if request.state.runs() {
        let event = ApprovalSubmitted { approval_request: Some(wire.clone()) };
        Change::new(COLLECTION, request.id, ChangeKind::Create, &event)
    } else {
        let event = ApprovalDecided { approval_request: Some(wire.clone()) };
        Change::new(COLLECTION, request.id, ChangeKind::Create, &event)
    };
    change.owned_by(Some(request.owner_id)).audited(None, Some(&wire))
}

/// A step of a request; the last one is the decision.
pub fn moved(before: &Request, after: &Request) -> Change {
    let (was, wire) = (before.to_wire(), after.to_wire());
    let change = if after.state.runs() {
        let event = ApprovalRequestUpdated { approval_request: Some(wire.clone()) };
        Change::new(COLLECTION, after.id, ChangeKind::Update, &event)
    } else {
        let event = ApprovalDecided { approval_request: Some(wire.clone()) };
        Change::new(COLLECTION, after.id, ChangeKind::Update, &event)
    };
    let fields = ["state", "node", "tasks", "decided_by_id", "decide_time", "decision_comment"];
    change
        .owned_by(Some(after.owner_id))
        .audited(Some(&was), Some(&wire))
        .of_fields(fields.map(str::to_owned).to_vec())
}
