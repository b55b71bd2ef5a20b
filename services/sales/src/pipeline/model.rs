//! What a pipeline is, as stored, and the rules its stages keep.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use crm_kit_api::error::Violations;
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use uuid::Uuid;

/// Most pipelines of a tenant.
pub const MAX_PIPELINES: usize = 100;

/// Standard fields of a deal that a stage may require.
pub const REQUIRABLE: [&str; 11] = [
    "account_id",
    "amount",
    "close_date",
    "contacts",
    "competitors",
    "next_step",
    "source",
    "region",
    "campaign_id",
    "description",
    "close_reason",
];

/// A row of `pipeline`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Pipeline {
    pub tenant_id: Uuid,
    pub id: Uuid,
    pub create_time: DateTime<Utc>,
    pub update_time: DateTime<Utc>,
    pub revision: i64,
    pub display_name: String,
    pub is_default: bool,
    pub retired: bool,
    pub stages: Json<Vec<Stage>>,
}

/// One step of a pipeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    pub key: String,
    pub display_name: String,
    pub kind: Kind,
    pub probability_percent: i32,
    pub category: Category,
    pub required_fields: Vec<String>,
    pub allowed_next_keys: Vec<String>,
    /// 0 for no limit.
    pub max_days: i32,
    pub description: String,
    pub retired: bool,
}

/// What it means to stand in a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Open,
    Won,
    Lost,
}

/// Where forecasts count a deal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    Pipeline,
    BestCase,
    MostLikely,
    Commit,
    Closed,
    Omitted,
}

impl Pipeline {
    /// The stage with a key.
    pub fn stage(&self, key: &str) -> Option<&Stage> {
        self.stages.iter().find(|stage| stage.key == key)
    }

    /// The stage with a key, or else the one that people call so.
    pub fn stage_called(&self, text: &str) -> Option<&Stage> {
        let called = |stage: &&Stage| stage.display_name.to_lowercase() == text.to_lowercase();
        self.stage(text).or_else(|| self.stages.iter().find(called))
    }

    /// The first stage of a kind that deals may enter.
    pub fn first(&self, kind: Kind) -> Option<&Stage> {
        self.stages.iter().find(|stage| stage.kind == kind && !stage.retired)
    }
}

impl Stage {
    /// What a stage of the kind is whatever it says: a won deal is certain, a lost one is out of the question.
    #[must_use]
    pub fn settled(mut self) -> Self {
        match self.kind {
            Kind::Open => {}
            Kind::Won => (self.probability_percent, self.category) = (100, Category::Closed),
            Kind::Lost => (self.probability_percent, self.category) = (0, Category::Omitted),
        }
        self
    }
}

/// Checks the stages of the pipeline at `path` with each other and with what they were; `before` is empty for a new pipeline.
pub fn check_stages(path: &str, stages: &[Stage], before: &[Stage], violations: &mut Violations) {
    let mut seen = Seen::default();
    for (index, stage) in stages.iter().enumerate() {
        let place = format!("{path}[{index}]");
        check_names(&place, stage, &mut seen, violations);
        check_figures(&place, stage, violations);
        check_fields(&place, &stage.required_fields, violations);
        check_next(&place, stage, stages, violations);
        if before.iter().any(|was| was.key == stage.key && was.kind != stage.kind) {
            violations.add(format!("{place}.kind"), "FIXED", "cannot be changed");
        }
    }
    let gone = before.iter().filter(|was| !stages.iter().any(|stage| stage.key == was.key));
    for was in gone {
        let message = format!("the stage {} is missing: stages are retired, not removed", was.key);
        violations.add(path, "STAGE_REMOVED", message);
    }
    for (kind, name) in [(Kind::Open, "OPEN"), (Kind::Won, "WON"), (Kind::Lost, "LOST")] {
        if !stages.iter().any(|stage| stage.kind == kind && !stage.retired) {
            let message = format!("needs a stage of the kind {name} that is not retired");
            violations.add(path, "STAGE_KIND_MISSING", message);
        }
    }
}

#[derive(Default)]
struct Seen<'s> {
    keys: BTreeSet<&'s str>,
    names: BTreeSet<&'s str>,
}

fn check_names<'s>(place: &str, stage: &'s Stage, seen: &mut Seen<'s>, violations: &mut Violations) {
    if !is_key(&stage.key) {
        let message = "must be a lower-case letter and then letters, digits and _, at most 40 characters";
        violations.add(format!("{place}.key"), "KEY_INVALID", message);
    }
    if !seen.keys.insert(&stage.key) {
        violations.add(format!("{place}.key"), "REPEATED", "stands twice in the pipeline");
    }
    if !seen.names.insert(&stage.display_name) {
        violations.add(format!("{place}.display_name"), "REPEATED", "stands twice in the pipeline");
    }
}

fn check_figures(place: &str, stage: &Stage, violations: &mut Violations) {
    if stage.kind == Kind::Open && stage.category == Category::Closed {
        let message = "CLOSED is for stages of the kind WON";
        violations.add(format!("{place}.forecast_category"), "CATEGORY_CLOSED", message);
    }
    if stage.kind != Kind::Open && stage.max_days != 0 {
        let message = "only a stage of the kind OPEN has a limit";
        violations.add(format!("{place}.max_days"), "MAX_DAYS_CLOSED", message);
    }
}

fn check_fields(place: &str, fields: &[String], violations: &mut Violations) {
    for (index, field) in fields.iter().enumerate() {
        let known = match field.strip_prefix("custom.") {
            Some(key) => is_key(key),
            None => REQUIRABLE.contains(&field.as_str()),
        };
        let place = format!("{place}.required_fields[{index}]");
        if !known {
            let message = format!("{field} is not a field that a stage can require");
            violations.add(&place, "FIELD_UNKNOWN", message);
        }
        if fields[..index].contains(field) {
            violations.add(&place, "REPEATED", "stands twice");
        }
    }
}

fn check_next(place: &str, stage: &Stage, stages: &[Stage], violations: &mut Violations) {
    for (index, key) in stage.allowed_next_keys.iter().enumerate() {
        let place = format!("{place}.allowed_next_keys[{index}]");
        if *key == stage.key || !stages.iter().any(|other| other.key == *key) {
            violations.add(&place, "STAGE_UNKNOWN", format!("{key} is no other stage of the pipeline"));
        }
        if stage.allowed_next_keys[..index].contains(key) {
            violations.add(&place, "REPEATED", "stands twice");
        }
    }
}

/// Whether a text can be a key.
pub fn is_key(text: &str) -> bool {
    text.len() <= 40
        && text.as_bytes().first().is_some_and(u8::is_ascii_lowercase)
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(key: &str, kind: Kind) -> Stage {
        Stage {
            key: key.to_owned(),
            display_name: key.to_uppercase(),
            kind,
            probability_percent: 10,
            category: Category::Pipeline,
            required_fields: Vec::new(),
            allowed_next_keys: Vec::new(),
            max_days: 0,
            description: String::new(),
            retired: false,
        }
        .settled()
    }

    fn sound() -> Vec<Stage> {
        vec![stage("talk", Kind::Open), stage("won", Kind::Won), stage("lost", Kind::Lost)]
    }

    /// The rules that stages break, with where.
    fn broken(stages: &[Stage], before: &[Stage]) -> Vec<(String, String)> {
        let mut violations = Violations::default();
        check_stages("stages", stages, before, &mut violations);
        match violations.into_result(()) {
            Ok(()) => Vec::new(),
            Err(error) => error
                .violations()
                .iter()
                .map(|violation| (violation.field.clone(), violation.code.to_string()))
                .collect(),
        }
    }

    #[test]
    fn a_pipeline_with_one_stage_of_each_kind_is_sound() {
        assert_eq!(broken(&sound(), &[]), []);
        assert_eq!(broken(&sound(), &sound()), []);
    }

    #[test]
    fn every_broken_rule_is_told_where_it_is_broken() {
        type Change = fn(&mut Vec<Stage>);
        let cases: [(Change, &str, &str); 14] = [
            (|stages| stages[0].key = "Talk".into(), "stages[0].key", "KEY_INVALID"),
            (|stages| stages[0].key = String::new(), "stages[0].key", "KEY_INVALID"),
            (|stages| stages.push(stage("talk", Kind::Open)), "stages[3].key", "REPEATED"),
            (|stages| stages[1].display_name = "TALK".into(), "stages[1].display_name", "REPEATED"),
            (
                |stages| stages[0].category = Category::Closed,
                "stages[0].forecast_category",
                "CATEGORY_CLOSED",
            ),
            (|stages| stages[1].max_days = 3, "stages[1].max_days", "MAX_DAYS_CLOSED"),
            (
                |stages| stages[0].required_fields = vec!["colour".into()],
                "stages[0].required_fields[0]",
                "FIELD_UNKNOWN",
            ),
            (
                |stages| stages[0].required_fields = vec!["custom.A".into()],
                "stages[0].required_fields[0]",
                "FIELD_UNKNOWN",
            ),
            (
                |stages| stages[0].required_fields = vec!["amount".into(), "amount".into()],
                "stages[0].required_fields[1]",
                "REPEATED",
            ),
            (
                |stages| stages[0].allowed_next_keys = vec!["talk".into()],
                "stages[0].allowed_next_keys[0]",
                "STAGE_UNKNOWN",
            ),
            (
                |stages| stages[0].allowed_next_keys = vec!["moon".into()],
                "stages[0].allowed_next_keys[0]",
                "STAGE_UNKNOWN",
            ),
            (
                |stages| stages[0].allowed_next_keys = vec!["won".into(), "won".into()],
                "stages[0].allowed_next_keys[1]",
                "REPEATED",
            ),
            (|stages| stages[0].retired = true, "stages", "STAGE_KIND_MISSING"),
            (|stages| drop(stages.remove(2)), "stages", "STAGE_KIND_MISSING"),
        ];
        for (change, place, code) in cases {
            let mut stages = sound();
            change(&mut stages);
            assert!(broken(&stages, &[]).contains(&(place.to_owned(), code.to_owned())), "{place} {code}");
        }
        let mut fields = sound();
        fields[0].required_fields = vec!["amount".into(), "custom.budget_ok".into()];
        fields[0].allowed_next_keys = vec!["lost".into(), "won".into()];
        assert_eq!(broken(&fields, &[]), []);
    }

    #[test]
    fn a_stage_is_neither_removed_nor_made_another_kind() {
        let mut before = sound();
        before.push(stage("extra", Kind::Open));
        assert_eq!(broken(&sound(), &before), [("stages".to_owned(), "STAGE_REMOVED".to_owned())]);
        let mut turned = before.clone();
        turned[3] = stage("extra", Kind::Lost);
        assert_eq!(broken(&turned, &before), [("stages[3].kind".to_owned(), "FIXED".to_owned())]);
    }

    #[test]
    fn the_outcome_of_a_closed_stage_is_certain() {
        let won = Stage { probability_percent: 40, ..stage("won", Kind::Won) }.settled();
        assert_eq!((won.probability_percent, won.category), (100, Category::Closed));
        let lost = Stage { category: Category::Commit, ..stage("lost", Kind::Lost) }.settled();
        assert_eq!((lost.probability_percent, lost.category), (0, Category::Omitted));
    }
}
