//! The pipeline a tenant has from the start.

use crm_kit_api::Call;
use sqlx::types::Json;

use super::model::{Category, Kind, Pipeline, Stage};

/// Days after which a deal of the default pipeline counts as stalled in one stage.
const MAX_DAYS: i32 = 30;

/// A stage of the default pipeline: key, names in English and Chinese, kind, probability, category.
type Row = (&'static str, [&'static str; 2], Kind, i32, Category);

const STAGES: [Row; 6] = [
    ("qualification", ["Qualification", "初步接洽"], Kind::Open, 10, Category::Pipeline),
    ("needs_analysis", ["Needs analysis", "需求确认"], Kind::Open, 25, Category::Pipeline),
    ("proposal", ["Proposal", "方案报价"], Kind::Open, 50, Category::BestCase),
    ("negotiation", ["Negotiation", "商务谈判"], Kind::Open, 75, Category::Commit),
    ("won", ["Won", "赢单"], Kind::Won, 100, Category::Closed),
    ("lost", ["Lost", "输单"], Kind::Lost, 0, Category::Omitted),
];

/// The default pipeline in the language of the caller's tenant.
pub fn pipeline(call: &Call) -> Pipeline {
    let language = usize::from(call.access.tenant.language_code.starts_with("zh"));
    let stages = STAGES.iter().map(|(key, names, kind, probability_percent, category)| Stage {
        key: (*key).to_owned(),
        display_name: names[language].to_owned(),
        kind: *kind,
        probability_percent: *probability_percent,
        category: *category,
        required_fields: Vec::new(),
        allowed_next_keys: Vec::new(),
        max_days: if *kind == Kind::Open { MAX_DAYS } else { 0 },
        description: String::new(),
        retired: false,
    });
    Pipeline {
        tenant_id: call.tenant_id(),
        id: call.new_id(),
        create_time: call.now,
        update_time: call.now,
        revision: 1,
        display_name: ["Sales", "标准销售流程"][language].to_owned(),
        is_default: true,
        retired: false,
        stages: Json(stages.collect()),
    }
}
