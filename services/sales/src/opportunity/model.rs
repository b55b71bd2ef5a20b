//! What an opportunity is, as stored.

use chrono::{DateTime, NaiveDate, Utc};
use crm_kit_api::filter::Value;
use crm_kit_record::{Choice, custom_field::Values, external_id::ExternalId, search::doubled};
use crm_kit_value::name::search::search_text;
use crm_proto::crm::sales::v1::{ForecastCategory, opportunity::State};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use uuid::Uuid;

use super::part::{Competitor, Participant};
use crate::document::Sheet;

/// A row of `opportunity`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, sqlx::FromRow)]
pub struct Opportunity {
    pub tenant_id: Uuid,
    pub id: Uuid,
    pub create_time: DateTime<Utc>,
    pub update_time: DateTime<Utc>,
    pub delete_time: Option<DateTime<Utc>>,
    pub revision: i64,
    pub display_name: String,
    pub number: String,
    pub account_id: Option<Uuid>,
    pub account_name: String,
    pub contacts: Json<Vec<Participant>>,
    pub competitors: Json<Vec<Competitor>>,
    /// Nil until the deal is read for the first time.
    pub pipeline_id: Uuid,
    pub stage_key: String,
    pub stage_enter_time: DateTime<Utc>,
    /// Who moved the deal to where it stands.
    pub stage_actor_id: Uuid,
    pub stall_time: Option<DateTime<Utc>>,
    pub state: Choice<State>,
    pub probability_percent: i64,
    pub probability_overridden: bool,
    pub forecast_category: Choice<ForecastCategory>,
    pub forecast_category_overridden: bool,
    /// Ten-thousandths of the currency's unit.
    pub amount: Option<i64>,
    pub amount_currency: String,
    /// Ten-thousandths of the currency's unit.
    pub expected_revenue: Option<i64>,
    pub close_date: Option<NaiveDate>,
    pub open_date: NaiveDate,
    pub closed_date: Option<NaiveDate>,
    pub original_closed_date: Option<NaiveDate>,
    pub close_reason: String,
    pub next_step: String,
    pub source: String,
    pub region: String,
    pub campaign_id: Option<Uuid>,
    pub description: String,
    pub owner_id: Uuid,
    pub tags: Vec<String>,
    pub external_ids: Json<Vec<ExternalId>>,
    pub custom: Json<Values>,
    /// What the deal is about, with prices without tax. Empty but for the price book when the deal has no lines.
    pub sheet: Json<Sheet>,
}

/// A row with everything the table holds, for writing.
#[derive(Debug, Serialize)]
pub struct Stored<'a> {
    #[serde(flatten)]
    opportunity: &'a Opportunity,
    search_name: String,
}

impl Opportunity {
    /// The row to write.
    pub fn to_stored(&self) -> Stored<'_> {
        let names = [self.display_name.as_str(), &self.account_name, &self.number];
        Stored { opportunity: self, search_name: doubled(&search_text(&names)) }
    }

    /// A standard field as filters and formulas see it.
    pub fn filter_value(&self, path: &str) -> Value<'_> {
        match path {
            "id" => Value::Uuid(self.id),
            "create_time" => Value::Timestamp(self.create_time),
            "update_time" => Value::Timestamp(self.update_time),
            "display_name" => text(&self.display_name),
            "number" => text(&self.number),
            "account_id" => self.account_id.map_or(Value::Null, Value::Uuid),
            "account_name" => text(&self.account_name),
            "pipeline_id" => Value::Uuid(self.pipeline_id),
            "stage_key" => text(&self.stage_key),
            "stage_enter_time" => Value::Timestamp(self.stage_enter_time),
            "stall_time" => self.stall_time.map_or(Value::Null, Value::Timestamp),
            "state" => Value::Enum(self.state.number()),
            "probability_percent" => Value::Int(self.probability_percent),
            "probability_overridden" => Value::Bool(self.probability_overridden),
            "forecast_category" => Value::Enum(self.forecast_category.number()),
            "forecast_category_overridden" => Value::Bool(self.forecast_category_overridden),
            "amount" => amount(self.amount),
            "amount.currency_code" => text(&self.amount_currency),
            "expected_revenue" => amount(self.expected_revenue),
            "close_date" => self.close_date.map_or(Value::Null, Value::Date),
            "open_date" => Value::Date(self.open_date),
            "closed_date" => self.closed_date.map_or(Value::Null, Value::Date),
            "original_closed_date" => self.original_closed_date.map_or(Value::Null, Value::Date),
            "close_reason" => text(&self.close_reason),
            "next_step" => text(&self.next_step),
            "source" => text(&self.source),
            "region" => text(&self.region),
            "campaign_id" => self.campaign_id.map_or(Value::Null, Value::Uuid),
            "description" => text(&self.description),
            "owner_id" => Value::Uuid(self.owner_id),
            "tags" => Value::TextList(self.tags.as_slice().into()),
            _ => Value::Null,
        }
    }

    /// Whether the deal has a value in a field that a stage can require.
    pub fn has(&self, field: &str) -> bool {
        match field {
            "account_id" => self.account_id.is_some(),
            "amount" => self.amount.is_some() || !self.sheet.lines.is_empty(),
            "close_date" => self.close_date.is_some(),
            "contacts" => !self.contacts.is_empty(),
            "competitors" => !self.competitors.is_empty(),
            "next_step" => !self.next_step.is_empty(),
            "source" => !self.source.is_empty(),
            "region" => !self.region.is_empty(),
            "campaign_id" => self.campaign_id.is_some(),
            "description" => !self.description.is_empty(),
            "close_reason" => !self.close_reason.is_empty(),
            _ => field.strip_prefix("custom.").is_some_and(|key| self.custom.get(key).is_some()),
        }
    }
}

fn text(text: &str) -> Value<'_> {
    Value::Text(text.into())
}

fn amount(ten_thousandths: Option<i64>) -> Value<'static> {
    ten_thousandths.map_or(Value::Null, |amount| Value::Decimal(Decimal::new(amount, 4)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::model::REQUIRABLE;

    #[test]
    fn every_field_that_a_stage_can_require_is_known() {
        let nothing = Opportunity::default();
        let something = Opportunity {
            account_id: Some(Uuid::max()),
            amount: Some(1),
            close_date: Some(NaiveDate::MIN),
            contacts: Json(vec![Participant::default()]),
            competitors: Json(vec![Competitor::default()]),
            next_step: "x".into(),
            source: "x".into(),
            region: "x".into(),
            campaign_id: Some(Uuid::max()),
            description: "x".into(),
            close_reason: "x".into(),
            ..Opportunity::default()
        };
        for field in REQUIRABLE {
            assert!(!nothing.has(field) && something.has(field), "{field}");
        }
        assert!(!something.has("custom.score"));
    }
}
