//! What a rule is, as stored.

use chrono::{DateTime, Utc};
use crm_kit_record::Choice;
use crm_proto::crm::customer::v1::duplicate_rule::Outcome as Wire;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::duplicate::{
    key::KeyKind,
    rule::{Outcome, Rule},
};

/// The stored number of the outcome that refuses.
pub const BLOCK: i16 = Wire::Block as i16;
/// Most rules of one collection.
pub const MAX_RULES: usize = 50;

/// A row of `duplicate_rule`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StoredRule {
    pub tenant_id: Uuid,
    pub id: Uuid,
    pub create_time: DateTime<Utc>,
    pub update_time: DateTime<Utc>,
    pub revision: i64,
    pub display_name: String,
    pub collection: String,
    /// Names of kinds of keys.
    pub keys: Vec<String>,
    pub threshold: f64,
    pub outcome: Choice<Wire>,
    pub disabled: bool,
    pub ignored_values: Vec<String>,
    /// The ignored values as keys.
    pub ignored_keys: Vec<String>,
}

impl StoredRule {
    /// The kinds of its keys; one of a newer release is left out.
    pub fn kinds(&self) -> Vec<KeyKind> {
        self.keys.iter().filter_map(|name| KeyKind::of_name(name)).collect()
    }

    /// The rule as matching uses it.
    pub fn rule(&self) -> Rule {
        let outcome = match self.outcome.0 {
            Wire::Block => Outcome::Block,
            Wire::Warn => Outcome::Warn,
            Wire::Report | Wire::Unspecified => Outcome::Report,
        };
        Rule { name: self.display_name.clone(), keys: self.kinds(), threshold: self.threshold, outcome }
    }
}
