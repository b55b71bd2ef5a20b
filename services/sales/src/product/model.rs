//! What a product is, as stored.

use chrono::{DateTime, Utc};
use crm_kit_api::filter::Value;
use crm_kit_record::{custom_field::Values, external_id::ExternalId, search::doubled};
use crm_kit_value::name::search::search_text;
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use uuid::Uuid;

/// A row of `product`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, sqlx::FromRow)]
pub struct Product {
    pub tenant_id: Uuid,
    pub id: Uuid,
    pub create_time: DateTime<Utc>,
    pub update_time: DateTime<Utc>,
    pub delete_time: Option<DateTime<Utc>>,
    pub revision: i64,
    pub display_name: String,
    pub number: String,
    pub family: String,
    pub unit: String,
    /// Decimal text; empty when not stated.
    pub tax_rate_percent: String,
    pub retired: bool,
    pub description: String,
    pub owner_id: Uuid,
    pub tags: Vec<String>,
    pub external_ids: Json<Vec<ExternalId>>,
    pub custom: Json<Values>,
}

/// A row with everything the table holds, for writing.
#[derive(Debug, Serialize)]
pub struct Stored<'a> {
    #[serde(flatten)]
    product: &'a Product,
    search_name: String,
}

impl Product {
    /// The row to write.
    pub fn to_stored(&self) -> Stored<'_> {
        Stored { product: self, search_name: doubled(&search_text(&[&self.display_name, &self.number])) }
    }

    /// A standard field as filters and formulas see it.
    pub fn filter_value(&self, path: &str) -> Value<'_> {
        match path {
            "id" => Value::Uuid(self.id),
            "create_time" => Value::Timestamp(self.create_time),
            "update_time" => Value::Timestamp(self.update_time),
            "display_name" => Value::Text(self.display_name.as_str().into()),
            "number" => Value::Text(self.number.as_str().into()),
            "family" => Value::Text(self.family.as_str().into()),
            "unit" => Value::Text(self.unit.as_str().into()),
            "tax_rate_percent" => Value::Text(self.tax_rate_percent.as_str().into()),
            "retired" => Value::Bool(self.retired),
            "description" => Value::Text(self.description.as_str().into()),
            "owner_id" => Value::Uuid(self.owner_id),
            "tags" => Value::TextList(self.tags.as_slice().into()),
            _ => Value::Null,
        }
    }
}
