//! What a price entry is, as stored.

use chrono::{DateTime, NaiveDate, Utc};
use crm_kit_api::filter::Value;
use crm_kit_record::{Choice, custom_field::Values, external_id::ExternalId};
use crm_proto::crm::sales::v1::price_entry::TierMode;
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use uuid::Uuid;

use super::tier::Tier;

/// A row of `price_entry`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, sqlx::FromRow)]
pub struct PriceEntry {
    pub tenant_id: Uuid,
    pub id: Uuid,
    pub create_time: DateTime<Utc>,
    pub update_time: DateTime<Utc>,
    pub delete_time: Option<DateTime<Utc>>,
    pub revision: i64,
    /// Nil until the entry is read for the first time.
    pub price_book_id: Uuid,
    pub product_id: Uuid,
    pub unit: String,
    pub start_date: Option<NaiveDate>,
    pub end_date: Option<NaiveDate>,
    pub tier_mode: Choice<TierMode>,
    pub tiers: Json<Vec<Tier>>,
    pub owner_id: Uuid,
    pub external_ids: Json<Vec<ExternalId>>,
    pub custom: Json<Values>,
}

/// A row with everything the table holds, for writing.
#[derive(Debug, Serialize)]
pub struct Stored<'a> {
    #[serde(flatten)]
    entry: &'a PriceEntry,
    search_name: &'static str,
}

impl PriceEntry {
    /// The row to write.
    pub fn to_stored(&self) -> Stored<'_> {
        Stored { entry: self, search_name: "" }
    }

    /// A standard field as filters and formulas see it.
    pub fn filter_value(&self, path: &str) -> Value<'_> {
        match path {
            "id" => Value::Uuid(self.id),
            "create_time" => Value::Timestamp(self.create_time),
            "update_time" => Value::Timestamp(self.update_time),
            "price_book_id" => Value::Uuid(self.price_book_id),
            "product_id" => Value::Uuid(self.product_id),
            "unit" => Value::Text(self.unit.as_str().into()),
            "start_date" => self.start_date.map_or(Value::Null, Value::Date),
            "end_date" => self.end_date.map_or(Value::Null, Value::Date),
            "tier_mode" => Value::Enum(self.tier_mode.number()),
            "owner_id" => Value::Uuid(self.owner_id),
            _ => Value::Null,
        }
    }
}
