//! What a quote is, as stored.

use chrono::{DateTime, NaiveDate, Utc};
use crm_kit_api::filter::Value;
use crm_kit_record::{Choice, custom_field::Values, external_id::ExternalId, search::doubled};
use crm_kit_value::name::search::search_text;
use crm_proto::crm::sales::v1::quote::{ApprovalState, State};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use uuid::Uuid;

use crate::document::Sheet;

/// A row of `quote`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, sqlx::FromRow)]
pub struct Quote {
    pub tenant_id: Uuid,
    pub id: Uuid,
    pub create_time: DateTime<Utc>,
    pub update_time: DateTime<Utc>,
    pub delete_time: Option<DateTime<Utc>>,
    /// Of the row, for the etag; not the revision of the quote.
    pub revision: i64,
    pub display_name: String,
    pub number: String,
    /// From 1; 0 until the quote is read for the first time.
    pub revision_number: i64,
    pub base_number: String,
    pub base_quote_id: Uuid,
    pub state: Choice<State>,
    pub opportunity_id: Option<Uuid>,
    pub account_id: Option<Uuid>,
    pub account_name: String,
    pub contact_id: Option<Uuid>,
    pub contact_name: String,
    pub sheet: Json<Sheet>,
    pub valid_until: Option<NaiveDate>,
    pub expire_time: Option<DateTime<Utc>>,
    pub terms: String,
    pub description: String,
    pub approval_state: Choice<ApprovalState>,
    pub approval_request_id: Option<Uuid>,
    pub approval_comment: String,
    /// Revision of the row that was submitted for approval; 0 when none was.
    pub submitted_revision: i64,
    pub submit_time: Option<DateTime<Utc>>,
    pub close_time: Option<DateTime<Utc>>,
    pub close_reason: String,
    pub owner_id: Uuid,
    pub tags: Vec<String>,
    pub external_ids: Json<Vec<ExternalId>>,
    pub custom: Json<Values>,
}

/// A row with everything the table holds, for writing.
#[derive(Debug, Serialize)]
pub struct Stored<'a> {
    #[serde(flatten)]
    quote: &'a Quote,
    currency_code: &'a str,
    net_amount: i64,
    gross_amount: i64,
    search_name: String,
}

impl Quote {
    /// The row to write.
    pub fn to_stored(&self) -> Stored<'_> {
        let names = [self.display_name.as_str(), &self.account_name, &self.number];
        Stored {
            quote: self,
            currency_code: &self.sheet.currency,
            net_amount: self.sheet.totals.net,
            gross_amount: self.sheet.totals.gross,
            search_name: doubled(&search_text(&names)),
        }
    }

    /// How the quote stands at an instant: one whose last day is over is expired, whatever is stored.
    pub fn state_at(&self, now: DateTime<Utc>) -> State {
        let runs_out = matches!(self.state.0, State::Approved | State::Presented);
        if runs_out && self.expire_time.is_some_and(|end| end <= now) { State::Expired } else { self.state.0 }
    }

    /// A standard field as filters and formulas see it.
    pub fn filter_value(&self, path: &str) -> Value<'_> {
        match path {
            "id" => Value::Uuid(self.id),
            "create_time" => Value::Timestamp(self.create_time),
            "update_time" => Value::Timestamp(self.update_time),
            "display_name" => self.display_name.as_str().into(),
            "number" => self.number.as_str().into(),
            "revision_number" => Value::Int(self.revision_number),
            "base_number" => self.base_number.as_str().into(),
            "base_quote_id" => Value::Uuid(self.base_quote_id),
            "state" => Value::Enum(self.state.number()),
            "opportunity_id" => self.opportunity_id.into(),
            "account_id" => self.account_id.into(),
            "account_name" => self.account_name.as_str().into(),
            "contact_id" => self.contact_id.into(),
            "contact_name" => self.contact_name.as_str().into(),
            "currency_code" => self.sheet.currency.as_str().into(),
            "net_amount" => Value::Decimal(Decimal::new(self.sheet.totals.net, 4)),
            "gross_amount" => Value::Decimal(Decimal::new(self.sheet.totals.gross, 4)),
            "valid_until" => self.valid_until.into(),
            "expire_time" => self.expire_time.into(),
            "terms" => self.terms.as_str().into(),
            "description" => self.description.as_str().into(),
            "approval_state" => Value::Enum(self.approval_state.number()),
            "submit_time" => self.submit_time.into(),
            "close_time" => self.close_time.into(),
            "close_reason" => self.close_reason.as_str().into(),
            "owner_id" => Value::Uuid(self.owner_id),
            "tags" => Value::TextList(self.tags.as_slice().into()),
            _ => Value::Null,
        }
    }
}
