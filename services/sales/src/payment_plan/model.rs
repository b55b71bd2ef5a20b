//! What a payment plan is, as stored.

use chrono::{DateTime, NaiveDate, Utc};
use crm_kit_api::{Error, Result, filter::Value};
use crm_kit_record::{Choice, custom_field::Values, external_id::ExternalId, search::doubled};
use crm_kit_value::name::search::search_text;
use crm_proto::crm::sales::v1::payment_plan::State;
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use tonic::Code;
use uuid::Uuid;

use crate::{
    DOMAIN,
    payment::{self, Cover},
};

/// A row of `payment_plan`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, sqlx::FromRow)]
pub struct PaymentPlan {
    pub tenant_id: Uuid,
    pub id: Uuid,
    pub create_time: DateTime<Utc>,
    pub update_time: DateTime<Utc>,
    pub delete_time: Option<DateTime<Utc>>,
    pub revision: i64,
    pub number: String,
    pub account_id: Uuid,
    pub account_name: String,
    pub order_id: Option<Uuid>,
    pub contract_id: Option<Uuid>,
    pub sequence: i64,
    pub due_date: NaiveDate,
    /// Ten-thousandths of the currency's unit.
    pub amount: i64,
    /// What of the amount receipts pay: the sum of the allocations.
    pub allocated: i64,
    pub amount_currency: String,
    pub state: Choice<State>,
    pub cancel_reason: String,
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
    plan: &'a PaymentPlan,
    search_name: String,
}

impl PaymentPlan {
    /// The row to write.
    pub fn to_stored(&self) -> Stored<'_> {
        Stored { plan: self, search_name: doubled(&search_text(&[&self.account_name, &self.number])) }
    }

    /// What is still to be paid.
    pub fn open(&self) -> i64 {
        if self.state.0 == State::Cancelled { 0 } else { self.amount - self.allocated }
    }

    /// Lets the state follow from what is allocated.
    pub fn settle(&mut self) {
        if self.state.0 != State::Cancelled {
            self.state = Choice(match Cover::of(self.allocated, self.amount) {
                Cover::None => State::Pending,
                Cover::Part => State::PartiallyPaid,
                Cover::All => State::Paid,
            });
        }
    }

    /// Cancels the instalment.
    pub fn cancel(&mut self, reason: &str) -> Result<()> {
        self.check_live()?;
        self.may_delete()?;
        self.state = Choice(State::Cancelled);
        reason.clone_into(&mut self.cancel_reason);
        Ok(())
    }

    /// Fails for a cancelled instalment.
    pub fn check_live(&self) -> Result<()> {
        if self.state.0 != State::Cancelled {
            return Ok(());
        }
        let message = "the payment plan is cancelled";
        Err(Error::new(Code::FailedPrecondition, DOMAIN, "PAYMENT_PLAN_CANCELLED", message)
            .with("payment_plan_id", self.id))
    }

    /// Fails while receipts pay of the instalment.
    pub fn may_delete(&self) -> Result<()> {
        if self.allocated == 0 { Ok(()) } else { Err(self.is_allocated()) }
    }

    /// Fails when the amount would not cover what `was` has allocated, in its currency.
    pub fn check_covers(&self, was: &Self) -> Result<()> {
        let covers = self.amount >= was.allocated && self.amount_currency == was.amount_currency;
        if was.allocated == 0 || covers { Ok(()) } else { Err(was.is_allocated()) }
    }

    fn is_allocated(&self) -> Error {
        let allocated = payment::units(self.allocated);
        let message = format!("receipts pay {allocated} {} of the payment plan", self.amount_currency);
        Error::new(Code::FailedPrecondition, DOMAIN, "PAYMENT_PLAN_ALLOCATED", message)
            .with("payment_plan_id", self.id)
            .with("allocated", allocated)
            .with("currency_code", &self.amount_currency)
            .about(self.id)
    }

    /// A standard field as filters and formulas see it.
    pub fn filter_value(&self, path: &str) -> Value<'_> {
        match path {
            "id" => Value::Uuid(self.id),
            "create_time" => Value::Timestamp(self.create_time),
            "update_time" => Value::Timestamp(self.update_time),
            "number" => Value::Text(self.number.as_str().into()),
            "account_id" => Value::Uuid(self.account_id),
            "account_name" => Value::Text(self.account_name.as_str().into()),
            "order_id" => self.order_id.map_or(Value::Null, Value::Uuid),
            "contract_id" => self.contract_id.map_or(Value::Null, Value::Uuid),
            "sequence" => Value::Int(self.sequence),
            "due_date" => Value::Date(self.due_date),
            "amount" => payment::filter_value(self.amount),
            "amount.currency_code" => Value::Text(self.amount_currency.as_str().into()),
            "allocated_amount" => payment::filter_value(self.allocated),
            "open_amount" => payment::filter_value(self.open()),
            "state" => Value::Enum(self.state.number()),
            "cancel_reason" => Value::Text(self.cancel_reason.as_str().into()),
            "description" => Value::Text(self.description.as_str().into()),
            "owner_id" => Value::Uuid(self.owner_id),
            "tags" => Value::TextList(self.tags.as_slice().into()),
            _ => Value::Null,
        }
    }
}
