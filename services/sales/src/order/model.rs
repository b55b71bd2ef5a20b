//! What an order is, as stored.

use chrono::{DateTime, NaiveDate, Utc};
use crm_kit_api::filter::Value;
use crm_kit_record::{Choice, custom_field::Values, external_id::ExternalId, search::doubled};
use crm_kit_value::name::search::search_text;
use crm_proto::crm::sales::v1::order::{ErpState, State};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use uuid::Uuid;

use super::{erp, fulfilment::Quantities};
use crate::document::Sheet;

/// A row of `sales_order`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, sqlx::FromRow)]
pub struct Order {
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
    pub contact_id: Option<Uuid>,
    pub contact_name: String,
    pub opportunity_id: Option<Uuid>,
    pub quote_id: Option<Uuid>,
    pub contract_id: Option<Uuid>,
    pub customer_reference: String,
    pub order_date: NaiveDate,
    pub sheet: Json<Sheet>,
    /// Unspecified until the order is read for the first time.
    pub state: Choice<State>,
    pub fulfilled: Json<Quantities>,
    pub confirm_time: Option<DateTime<Utc>>,
    pub close_time: Option<DateTime<Utc>>,
    pub cancel_reason: String,
    pub amendment_number: i64,
    pub erp_state: Choice<ErpState>,
    pub erp_id: String,
    pub erp_message: String,
    pub erp_push_time: Option<DateTime<Utc>>,
    pub erp_answer_time: Option<DateTime<Utc>>,
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
    order: &'a Order,
    currency_code: &'a str,
    price_book_id: Option<Uuid>,
    net_amount: i64,
    gross_amount: i64,
    search_name: String,
}

impl Order {
    /// The row to write.
    pub fn to_stored(&self) -> Stored<'_> {
        let names = [self.display_name.as_str(), &self.number, &self.customer_reference, &self.account_name];
        Stored {
            order: self,
            currency_code: &self.sheet.currency,
            price_book_id: self.sheet.price_book_id,
            net_amount: self.sheet.totals.net,
            gross_amount: self.sheet.totals.gross,
            search_name: doubled(&search_text(&names)),
        }
    }

    /// What is known of it in the ERP system.
    pub fn erp(&self) -> erp::Standing {
        erp::Standing {
            state: self.erp_state,
            id: self.erp_id.clone(),
            message: self.erp_message.clone(),
            push_time: self.erp_push_time,
            answer_time: self.erp_answer_time,
        }
    }

    /// The order with what is known of it in the ERP system.
    #[must_use]
    pub fn with_erp(self, standing: erp::Standing) -> Self {
        let erp::Standing { state, id, message, push_time, answer_time } = standing;
        Self {
            erp_state: state,
            erp_id: id,
            erp_message: message,
            erp_push_time: push_time,
            erp_answer_time: answer_time,
            ..self
        }
    }

    /// A standard field as filters and formulas see it.
    pub fn filter_value(&self, path: &str) -> Value<'_> {
        match path {
            "id" => Value::Uuid(self.id),
            "create_time" => Value::Timestamp(self.create_time),
            "update_time" => Value::Timestamp(self.update_time),
            "display_name" => self.display_name.as_str().into(),
            "number" => self.number.as_str().into(),
            "account_id" => self.account_id.into(),
            "account_name" => self.account_name.as_str().into(),
            "contact_id" => self.contact_id.into(),
            "contact_name" => self.contact_name.as_str().into(),
            "opportunity_id" => self.opportunity_id.into(),
            "quote_id" => self.quote_id.into(),
            "contract_id" => self.contract_id.into(),
            "customer_reference" => self.customer_reference.as_str().into(),
            "order_date" => Value::Date(self.order_date),
            "currency_code" => self.sheet.currency.as_str().into(),
            "price_book_id" => self.sheet.price_book_id.into(),
            "totals.net_amount" => Value::Decimal(Decimal::new(self.sheet.totals.net, 4)),
            "totals.gross_amount" => Value::Decimal(Decimal::new(self.sheet.totals.gross, 4)),
            "state" => Value::Enum(self.state.number()),
            "confirm_time" => self.confirm_time.into(),
            "close_time" => self.close_time.into(),
            "cancel_reason" => self.cancel_reason.as_str().into(),
            "amendment_number" => Value::Int(self.amendment_number),
            "erp_state" => Value::Enum(self.erp_state.number()),
            "erp_id" => self.erp_id.as_str().into(),
            "erp_message" => self.erp_message.as_str().into(),
            "erp_push_time" => self.erp_push_time.into(),
            "erp_answer_time" => self.erp_answer_time.into(),
            "description" => self.description.as_str().into(),
            "owner_id" => Value::Uuid(self.owner_id),
            "tags" => Value::TextList(self.tags.as_slice().into()),
            _ => Value::Null,
        }
    }
}
