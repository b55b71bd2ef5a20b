//! Pipelines between the wire and the table. Reading collects every violation.

use crm_kit_api::{Call, Result, error::Violations, etag, time};
use crm_proto::crm::sales::v1::{
    ForecastCategory as WireCategory, Pipeline as Wire, Stage as WireStage, stage::Kind as WireKind,
};
use sqlx::types::Json;

use super::model::{self, Category, Kind, Pipeline, Stage};

/// Fields that a caller may send back but never sets.
pub const FIXED: &[&str] = &["id", "create_time", "update_time", "etag"];

/// Reads a pipeline. `base` is the stored one of an update, or [`fresh`].
pub fn read(wire: Wire, base: Pipeline) -> Result<Pipeline> {
    let mut violations = Violations::default();
    check_line("pipeline.display_name", &wire.display_name, &mut violations);
    let mut stages = Vec::with_capacity(wire.stages.len());
    for (index, stage) in wire.stages.into_iter().enumerate() {
        stages.extend(read_stage(&format!("pipeline.stages[{index}]"), stage, &mut violations));
    }
    // Positions in messages are right only when every stage could be read.
    if violations.is_empty() {
        model::check_stages("pipeline.stages", &stages, &base.stages, &mut violations);
    }
    violations.into_result(Pipeline {
        display_name: wire.display_name,
        is_default: wire.default,
        retired: wire.retired,
        stages: Json(stages),
        ..base
    })
}

fn read_stage(place: &str, wire: WireStage, violations: &mut Violations) -> Option<Stage> {
    check_line(&format!("{place}.display_name"), &wire.display_name, violations);
    let kind = match wire.kind() {
        WireKind::Open => Kind::Open,
        WireKind::Won => Kind::Won,
        WireKind::Lost => Kind::Lost,
        WireKind::Unspecified => {
            violations.add(format!("{place}.kind"), "REQUIRED", "is required");
            return None;
        }
    };
    let stage = Stage {
        kind,
        probability_percent: wire.probability_percent,
        category: category(wire.forecast_category()).unwrap_or(Category::Pipeline),
        key: wire.key,
        display_name: wire.display_name,
        required_fields: wire.required_fields,
        allowed_next_keys: wire.allowed_next_keys,
        max_days: wire.max_days,
        description: wire.description,
        retired: wire.retired,
    };
    Some(stage.settled())
}

fn check_line(field: &str, text: &str, violations: &mut Violations) {
    if text.trim().is_empty() {
        violations.add(field, "REQUIRED", "is required");
    } else if text.chars().any(char::is_control) {
        violations.add(field, "TEXT_CONTROL_CHARACTER", "holds a control character or a line end");
    }
}

/// A pipeline of the caller before anything is read into it.
pub fn fresh(call: &Call) -> Pipeline {
    Pipeline {
        tenant_id: call.tenant_id(),
        id: call.new_id(),
        create_time: call.now,
        update_time: call.now,
        revision: 1,
        ..Pipeline::default()
    }
}

/// The pipeline on the wire.
pub fn to_wire(pipeline: &Pipeline) -> Wire {
    Wire {
        id: pipeline.id.to_string(),
        create_time: Some(time::timestamp(pipeline.create_time)),
        update_time: Some(time::timestamp(pipeline.update_time)),
        etag: etag::of(pipeline.revision),
        display_name: pipeline.display_name.clone(),
        default: pipeline.is_default,
        retired: pipeline.retired,
        stages: pipeline.stages.iter().map(stage_to_wire).collect(),
    }
}

fn stage_to_wire(stage: &Stage) -> WireStage {
    WireStage {
        key: stage.key.clone(),
        display_name: stage.display_name.clone(),
        kind: kind_to_wire(stage.kind).into(),
        probability_percent: stage.probability_percent,
        forecast_category: category_to_wire(stage.category).into(),
        required_fields: stage.required_fields.clone(),
        allowed_next_keys: stage.allowed_next_keys.clone(),
        max_days: stage.max_days,
        description: stage.description.clone(),
        retired: stage.retired,
    }
}

fn kind_to_wire(kind: Kind) -> WireKind {
    match kind {
        Kind::Open => WireKind::Open,
        Kind::Won => WireKind::Won,
        Kind::Lost => WireKind::Lost,
    }
}

/// A category from the wire; `None` when it is not stated.
pub fn category(wire: WireCategory) -> Option<Category> {
    match wire {
        WireCategory::Unspecified => None,
        WireCategory::Pipeline => Some(Category::Pipeline),
        WireCategory::BestCase => Some(Category::BestCase),
        WireCategory::MostLikely => Some(Category::MostLikely),
        WireCategory::Commit => Some(Category::Commit),
        WireCategory::Closed => Some(Category::Closed),
        WireCategory::Omitted => Some(Category::Omitted),
    }
}

/// The category on the wire.
pub fn category_to_wire(category: Category) -> WireCategory {
    match category {
        Category::Pipeline => WireCategory::Pipeline,
        Category::BestCase => WireCategory::BestCase,
        Category::MostLikely => WireCategory::MostLikely,
        Category::Commit => WireCategory::Commit,
        Category::Closed => WireCategory::Closed,
        Category::Omitted => WireCategory::Omitted,
    }
}
