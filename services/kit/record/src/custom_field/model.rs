//! What a definition is, as stored, and what follows from its type.

use chrono::{DateTime, Utc};
use crm_kit_api::sensitivity::Sensitivity;
use crm_proto::crm::record::v1::custom_field::{Type, roll_up::Function};
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use uuid::Uuid;

use crate::Choice;

/// Most definitions of one collection.
pub const MAX_FIELDS: usize = 500;
/// Most characters of a TEXT value.
pub const MAX_TEXT: usize = 500;
/// Most characters of a LONG_TEXT value.
pub const MAX_LONG_TEXT: usize = 10_000;

/// A row of `custom_field`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Definition {
    pub tenant_id: Uuid,
    pub id: Uuid,
    pub create_time: DateTime<Utc>,
    pub update_time: DateTime<Utc>,
    pub revision: i64,
    pub display_name: String,
    pub display_name_zh: String,
    pub collection: String,
    pub key: String,
    pub value_type: Choice<Type>,
    pub required: bool,
    pub required_if: String,
    pub is_unique: bool,
    pub minimum: String,
    pub maximum: String,
    pub options: Json<Vec<Opt>>,
    pub reference_collection: String,
    pub formula: String,
    pub formula_type: Choice<Type>,
    pub roll_up: Option<Json<RollUp>>,
    pub number_pattern: String,
    pub filterable: bool,
    pub sensitivity: Choice<Sensitivity>,
    pub retired: bool,
}

/// One choice of a SELECT or MULTI_SELECT field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opt {
    pub key: String,
    pub display_name: String,
    pub display_name_zh: String,
    pub retired: bool,
}

/// How a ROLL_UP field is computed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RollUp {
    pub function: Choice<Function>,
    /// Key of the field of the records below; empty for COUNT.
    pub field: String,
}

impl Definition {
    /// The type the contract states.
    pub fn kind(&self) -> Type {
        self.value_type.0
    }

    /// The type of the values in records: a formula's result, a roll-up's number, otherwise the field's own.
    pub fn stored_kind(&self) -> Type {
        match self.kind() {
            Type::Formula => self.formula_type.0,
            Type::RollUp => Type::Number,
            kind => kind,
        }
    }

    /// Whether only the server gives values.
    pub fn is_server_set(&self) -> bool {
        matches!(self.kind(), Type::Formula | Type::RollUp | Type::AutoNumber)
    }

    /// Path of the field in filters, formulas and descriptions.
    pub fn path(&self) -> String {
        format!("custom.{}", self.key)
    }

    /// The option with a key.
    pub fn option(&self, key: &str) -> Option<&Opt> {
        self.options.iter().find(|option| option.key == key)
    }

    /// Name of the series that numbers an AUTO_NUMBER field.
    pub fn series(&self) -> String {
        format!("custom_field:{}", self.id)
    }

    /// A number of an AUTO_NUMBER field in its pattern.
    pub fn number(&self, number: i64) -> String {
        let Some((before, digits, after)) = pattern_parts(&self.number_pattern) else {
            return number.to_string();
        };
        format!("{before}{number:0digits$}{after}")
    }
}

/// Text before, digits, and text after the one placeholder of a number pattern such as `C-{0000}`.
pub fn pattern_parts(pattern: &str) -> Option<(&str, usize, &str)> {
    let (before, rest) = pattern.split_once('{')?;
    let (zeros, after) = rest.split_once('}')?;
    let is_sound = (1..=12).contains(&zeros.len())
        && zeros.bytes().all(|byte| byte == b'0')
        && !before.contains('}')
        && !after.contains(['{', '}']);
    is_sound.then_some((before, zeros.len(), after))
}

/// Whether a text can be a field's key. Keys that pass stand in SQL expressions.
pub fn is_key(text: &str) -> bool {
    text.len() <= 40
        && text.as_bytes().first().is_some_and(u8::is_ascii_lowercase)
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_pattern_has_one_run_of_zeros() {
        for (pattern, number, text) in [
            ("C-{0000}", 7, Some("C-0007")),
            ("{0}", 1234, Some("1234")),
            ("客户{000}号", 42, Some("客户042号")),
            ("C-", 1, None),
            ("{00}{00}", 1, None),
            ("{01}", 1, None),
            ("{}", 1, None),
            ("{0}}", 1, None),
            ("}{0}", 1, None),
        ] {
            let definition = Definition { number_pattern: pattern.to_owned(), ..Definition::default() };
            let given = pattern_parts(pattern).map(|_| definition.number(number));
            assert_eq!(given.as_deref(), text, "{pattern}");
        }
    }

    #[test]
    fn keys_are_lower_case_words() {
        for (text, sound) in
            [("score", true), ("a_1", true), ("", false), ("1a", false), ("A", false), ("a'b", false)]
        {
            assert_eq!(is_key(text), sound, "{text}");
        }
        assert!(!is_key(&"a".repeat(41)));
    }
}
