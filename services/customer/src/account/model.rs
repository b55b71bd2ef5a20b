//! What an account is, as stored, and what follows from its fields.

use chrono::{DateTime, Utc};
use crm_kit_api::filter::Value;
use crm_proto::crm::customer::v1::{
    LifeCycleStage,
    account::{CreditStatus, Kind, Level},
};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use uuid::Uuid;

use crm_kit_record::{
    Choice, address::Address, custom_field::Values, external_id::ExternalId, search::doubled,
};
use crm_kit_value::{name::search::search_text, phone};

/// A row of `account`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, sqlx::FromRow)]
pub struct Account {
    pub tenant_id: Uuid,
    pub id: Uuid,
    pub create_time: DateTime<Utc>,
    pub update_time: DateTime<Utc>,
    pub delete_time: Option<DateTime<Utc>>,
    pub revision: i64,
    pub display_name: String,
    pub number: String,
    pub legal_name: String,
    pub unified_social_credit_code: String,
    pub tax_id: String,
    pub parent_id: Option<Uuid>,
    pub kind: Choice<Kind>,
    pub industry: String,
    pub employee_count: i64,
    pub region: String,
    pub website: String,
    pub website_domain: String,
    pub phone: String,
    pub email: String,
    pub billing_address: Option<Json<Address>>,
    pub shipping_address: Option<Json<Address>>,
    pub level: Choice<Level>,
    pub life_cycle_stage: Choice<LifeCycleStage>,
    pub source: String,
    /// Ten-thousandths of the currency's unit.
    pub annual_revenue: Option<i64>,
    pub annual_revenue_currency: String,
    pub credit_status: Choice<CreditStatus>,
    /// Ten-thousandths of the currency's unit.
    pub credit_limit: Option<i64>,
    pub credit_limit_currency: String,
    pub owner_id: Option<Uuid>,
    pub pool_id: Option<Uuid>,
    pub claim_time: Option<DateTime<Utc>>,
    pub last_activity_time: Option<DateTime<Utc>>,
    pub last_deal_time: Option<DateTime<Utc>>,
    pub blocked: bool,
    pub tags: Vec<String>,
    pub description: String,
    pub external_ids: Json<Vec<ExternalId>>,
    pub custom: Json<Values>,
}

/// What `q` searches, derived from an account's other fields and stored beside them.
#[derive(Debug, Serialize)]
pub struct SearchKeys {
    #[serde(rename = "search_name")]
    name: String,
    #[serde(rename = "search_phone")]
    phone: String,
    #[serde(rename = "search_email")]
    email: String,
    #[serde(rename = "search_identity")]
    identity: String,
}

/// A row with everything the table holds, for writing.
#[derive(Debug, Serialize)]
pub struct Stored<'a> {
    #[serde(flatten)]
    account: &'a Account,
    #[serde(flatten)]
    keys: SearchKeys,
}

impl Account {
    /// The row to write.
    pub fn to_stored(&self) -> Stored<'_> {
        let identity = format!("{} {}", self.unified_social_credit_code, self.tax_id).to_lowercase();
        Stored {
            account: self,
            keys: SearchKeys {
                name: doubled(&search_text(&[&self.display_name, &self.legal_name, &self.number])),
                phone: phone::digits(&self.phone),
                email: self.email.to_lowercase(),
                identity: identity.trim().to_owned(),
            },
        }
    }

    /// A standard field as filters and formulas see it.
    pub fn filter_value(&self, path: &str) -> Value<'_> {
        match path {
            "id" => Value::Uuid(self.id),
            "create_time" => Value::Timestamp(self.create_time),
            "update_time" => Value::Timestamp(self.update_time),
            "display_name" => Value::Text(self.display_name.as_str().into()),
            "number" => Value::Text(self.number.as_str().into()),
            "legal_name" => Value::Text(self.legal_name.as_str().into()),
            "unified_social_credit_code" => Value::Text(self.unified_social_credit_code.as_str().into()),
            "tax_id" => Value::Text(self.tax_id.as_str().into()),
            "parent_id" => self.parent_id.map_or(Value::Null, Value::Uuid),
            "kind" => Value::Enum(self.kind.number()),
            "industry" => Value::Text(self.industry.as_str().into()),
            "employee_count" => Value::Int(self.employee_count),
            "region" => Value::Text(self.region.as_str().into()),
            "website" => Value::Text(self.website.as_str().into()),
            "website_domain" => Value::Text(self.website_domain.as_str().into()),
            "phone" => Value::Text(self.phone.as_str().into()),
            "email" => Value::Text(self.email.as_str().into()),
            "level" => Value::Enum(self.level.number()),
            "life_cycle_stage" => Value::Enum(self.life_cycle_stage.number()),
            "source" => Value::Text(self.source.as_str().into()),
            "annual_revenue" => amount(self.annual_revenue),
            "annual_revenue.currency_code" => Value::Text(self.annual_revenue_currency.as_str().into()),
            "credit_status" => Value::Enum(self.credit_status.number()),
            "credit_limit" => amount(self.credit_limit),
            "credit_limit.currency_code" => Value::Text(self.credit_limit_currency.as_str().into()),
            "owner_id" => self.owner_id.map_or(Value::Null, Value::Uuid),
            "pool_id" => self.pool_id.map_or(Value::Null, Value::Uuid),
            "claim_time" => self.claim_time.map_or(Value::Null, Value::Timestamp),
            "last_activity_time" => self.last_activity_time.map_or(Value::Null, Value::Timestamp),
            "last_deal_time" => self.last_deal_time.map_or(Value::Null, Value::Timestamp),
            "blocked" => Value::Bool(self.blocked),
            "tags" => Value::TextList(self.tags.as_slice().into()),
            "description" => Value::Text(self.description.as_str().into()),
            _ => match path.split_once('.') {
                Some(("billing_address", part)) => {
                    Address::filter_value(self.billing_address.as_deref(), part)
                }
                Some(("shipping_address", part)) => {
                    Address::filter_value(self.shipping_address.as_deref(), part)
                }
                _ => Value::Null,
            },
        }
    }
}

fn amount(ten_thousandths: Option<i64>) -> Value<'static> {
    ten_thousandths.map_or(Value::Null, |amount| Value::Decimal(Decimal::new(amount, 4)))
}
