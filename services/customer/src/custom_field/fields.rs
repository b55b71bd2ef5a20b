//! The fields of one collection of one tenant, and what they do to a record's values.

use std::collections::BTreeMap;

use crm_kit_api::{filter, order, sensitivity::Masks};
use crm_proto::crm::customer::v1::CustomValue;
use serde::{Deserialize, Serialize};

use crate::record::field::Checker;

/// A record's values of custom fields, as stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Values(pub serde_json::Map<String, serde_json::Value>);

/// The definitions of one collection.
#[derive(Debug, Default)]
pub struct Fields {}

impl Fields {
    /// Reads a record's values; unknown, retired and computed fields are refused by name.
    pub fn read(&self, wire: BTreeMap<String, CustomValue>, check: &mut Checker<'_>) -> Values {
        for key in wire.keys() {
            check.refuse(&format!("custom.{key}"), "FIELD_UNKNOWN", "is not a field of this collection");
        }
        Values::default()
    }

    /// Computes formulas and checks conditional requirements; `standard` tells the record's standard fields.
    pub fn compute<'r>(
        &self,
        _values: &mut Values,
        _standard: &dyn Fn(&str) -> filter::Value<'r>,
        _moment: filter::Moment,
        _check: &mut Checker<'_>,
    ) {
    }

    /// The values on the wire, each with the sensitivity its definition states.
    pub fn to_wire(&self, _values: &Values) -> BTreeMap<String, CustomValue> {
        BTreeMap::new()
    }

    /// Fields for filters.
    pub fn filter_fields(&self, _masks: &Masks) -> Vec<filter::Field> {
        Vec::new()
    }

    /// Columns for orders.
    pub fn order_columns(&self, _masks: &Masks) -> Vec<order::Column> {
        Vec::new()
    }
}
