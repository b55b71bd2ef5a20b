//! Changes of pipelines, as events and audit rows tell them.

use crm_kit_api::{Result, mask};
use crm_kit_pg::{Change, ChangeKind};
use crm_proto::crm::sales::v1::{Pipeline as Wire, PipelineCreated, PipelineUpdated};
use prost::Name as _;
use prost_types::FieldMask;

use super::{COLLECTION, convert, model::Pipeline};

/// Tells of a new pipeline.
pub fn created(pipeline: &Pipeline) -> Change {
    let wire = convert::to_wire(pipeline);
    let event = PipelineCreated { pipeline: Some(wire.clone()) };
    Change::new(COLLECTION, pipeline.id, ChangeKind::Create, &event).audited(None, Some(&wire))
}

/// Tells of a changed pipeline.
pub fn updated(before: &Pipeline, after: &Pipeline) -> Result<Change> {
    let descriptor = crm_proto::message(&Wire::full_name());
    let (before, wire) = (convert::to_wire(before), convert::to_wire(after));
    let mut fields = mask::changed(&descriptor, &before, &wire)?;
    fields.retain(|name| !matches!(name.as_str(), "update_time" | "etag"));
    let previous = mask::only(&descriptor, &before, &fields)?;
    let current = mask::only(&descriptor, &wire, &fields)?;
    let event = PipelineUpdated {
        pipeline: Some(wire),
        previous: Some(previous.clone()),
        changed_fields: Some(FieldMask { paths: fields.clone() }),
    };
    let change = Change::new(COLLECTION, after.id, ChangeKind::Update, &event);
    Ok(change.of_fields(fields).audited(Some(&previous), Some(&current)))
}
