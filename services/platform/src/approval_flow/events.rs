//! What a change of an approval flow tells others.

use crm_kit_pg::{Change, ChangeKind};
use crm_proto::crm::platform::v1::{
    self as wire, ApprovalFlowCreated, ApprovalFlowDeleted, ApprovalFlowUpdated,
};
use uuid::Uuid;

use crate::edit::Edit;

pub const COLLECTION: &str = "approvalFlows";

pub fn created(id: Uuid, flow: &wire::ApprovalFlow) -> Change {
    let event = ApprovalFlowCreated { approval_flow: Some(flow.clone()) };
    Change::new(COLLECTION, id, ChangeKind::Create, &event).audited(None, Some(flow))
}

pub fn updated(id: Uuid, flow: &wire::ApprovalFlow, edit: Edit<wire::ApprovalFlow>) -> Change {
    let event = ApprovalFlowUpdated {
        approval_flow: Some(flow.clone()),
        previous: Some(edit.previous.clone()),
        changed_fields: Some(edit.mask()),
    };
    Change::new(COLLECTION, id, ChangeKind::Update, &event)
        .audited(Some(&edit.previous), Some(flow))
        .of_fields(edit.fields)
}

pub fn deleted(id: Uuid, flow: &wire::ApprovalFlow) -> Change {
    let event = ApprovalFlowDeleted { approval_flow: Some(flow.clone()) };
    Change::new(COLLECTION, id, ChangeKind::Purge, &event).audited(Some(flow), None)
}
