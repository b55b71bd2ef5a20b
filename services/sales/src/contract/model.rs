//! What a contract is, as stored.

use chrono::{DateTime, NaiveDate, Utc};
use crm_kit_api::filter::Value;
use crm_kit_record::{Choice, custom_field::Values, external_id::ExternalId, search::doubled};
use crm_kit_value::name::search::search_text;
use crm_proto::crm::sales::v1::contract::{ApprovalState, RenewalRule, State};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use uuid::Uuid;

use crate::document::Sheet;

/// A row of `contract`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, sqlx::FromRow)]
#[serde(default)]
pub struct Contract {
    pub tenant_id: Uuid,
    pub id: Uuid,
    pub create_time: DateTime<Utc>,
    pub update_time: DateTime<Utc>,
    pub delete_time: Option<DateTime<Utc>>,
    pub revision: i64,
    pub display_name: String,
    pub number: String,
    pub contract_type: String,
    pub account_id: Option<Uuid>,
    pub account_name: String,
    pub customer_party: String,
    pub own_party: String,
    pub customer_signer: String,
    pub own_signer: String,
    pub opportunity_id: Option<Uuid>,
    pub quote_id: Option<Uuid>,
    pub start_date: Option<NaiveDate>,
    pub end_date: Option<NaiveDate>,
    pub term_months: i64,
    pub renewal_rule: Choice<RenewalRule>,
    pub notice_days: i64,
    pub notice_date: Option<NaiveDate>,
    pub payment_method: String,
    /// Ten-thousandths of the currency's unit; the total of the lines when there are some.
    pub amount: Option<i64>,
    pub sheet: Json<Sheet>,
    /// Unspecified until the contract is read for the first time.
    pub state: Choice<State>,
    pub version: i64,
    pub amend_reason: String,
    /// Where the contract stood before the amendment that is in work; unspecified without one.
    pub amended_state: Choice<State>,
    pub sign_time: Option<DateTime<Utc>>,
    pub complete_time: Option<DateTime<Utc>>,
    pub void_reason: String,
    pub renewal_of_id: Option<Uuid>,
    pub renewal_id: Option<Uuid>,
    pub approval_state: Choice<ApprovalState>,
    pub approval_request_id: Option<Uuid>,
    pub approval_comment: String,
    /// Revision of the row that was last submitted for approval; 0 when none was.
    pub submitted_revision: i64,
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
    contract: &'a Contract,
    currency_code: &'a str,
    search_name: String,
}

impl Contract {
    /// The row to write.
    pub fn to_stored(&self) -> Stored<'_> {
        let names = [
            self.display_name.as_str(),
            &self.number,
            &self.account_name,
            &self.customer_party,
            &self.own_party,
        ];
        Stored {
            contract: self,
            currency_code: &self.sheet.currency,
            search_name: doubled(&search_text(&names)),
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
            "contract_type" => self.contract_type.as_str().into(),
            "account_id" => self.account_id.into(),
            "account_name" => self.account_name.as_str().into(),
            "customer_party" => self.customer_party.as_str().into(),
            "own_party" => self.own_party.as_str().into(),
            "customer_signer" => self.customer_signer.as_str().into(),
            "own_signer" => self.own_signer.as_str().into(),
            "opportunity_id" => self.opportunity_id.into(),
            "quote_id" => self.quote_id.into(),
            "start_date" => self.start_date.into(),
            "end_date" => self.end_date.into(),
            "term_months" => Value::Int(self.term_months),
            "renewal_rule" => Value::Enum(self.renewal_rule.number()),
            "notice_days" => Value::Int(self.notice_days),
            "notice_date" => self.notice_date.into(),
            "payment_method" => self.payment_method.as_str().into(),
            "amount" => self.amount.map_or(Value::Null, |amount| Value::Decimal(Decimal::new(amount, 4))),
            "amount.currency_code" | "currency_code" => self.sheet.currency.as_str().into(),
            "state" => Value::Enum(self.state.number()),
            "version" => Value::Int(self.version),
            "amend_reason" => self.amend_reason.as_str().into(),
            "sign_time" => self.sign_time.into(),
            "complete_time" => self.complete_time.into(),
            "void_reason" => self.void_reason.as_str().into(),
            "renewal_of_id" => self.renewal_of_id.into(),
            "renewal_id" => self.renewal_id.into(),
            "approval_state" => Value::Enum(self.approval_state.number()),
            "approval_request_id" => self.approval_request_id.into(),
            "approval_comment" => self.approval_comment.as_str().into(),
            "description" => self.description.as_str().into(),
            "owner_id" => Value::Uuid(self.owner_id),
            "tags" => Value::TextList(self.tags.as_slice().into()),
            _ => Value::Null,
        }
    }
}
