//! What a receipt is, as stored.

use chrono::{DateTime, NaiveDate, Utc};
use crm_kit_api::{Call, Error, Result, filter::Value};
use crm_kit_record::{Choice, custom_field::Values, external_id::ExternalId, search::doubled};
use crm_kit_value::name::search::search_text;
use crm_proto::crm::sales::v1::receipt::{Method, State};
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use tonic::Code;
use uuid::Uuid;

use crate::{
    DOMAIN,
    payment::{self, Cover},
};

/// A row of `receipt`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, sqlx::FromRow)]
pub struct Receipt {
    pub tenant_id: Uuid,
    pub id: Uuid,
    pub create_time: DateTime<Utc>,
    pub update_time: DateTime<Utc>,
    pub delete_time: Option<DateTime<Utc>>,
    pub revision: i64,
    pub number: String,
    pub account_id: Uuid,
    pub account_name: String,
    /// Ten-thousandths of the currency's unit.
    pub amount: i64,
    /// What of the amount pays instalments: the sum of the allocations.
    pub allocated: i64,
    pub amount_currency: String,
    pub receive_date: NaiveDate,
    pub method: Choice<Method>,
    pub bank_reference: String,
    pub payer_name: String,
    pub state: Choice<State>,
    pub confirm_time: Option<DateTime<Utc>>,
    pub confirmer_id: Option<Uuid>,
    pub reverse_time: Option<DateTime<Utc>>,
    pub reverse_reason: String,
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
    receipt: &'a Receipt,
    search_name: String,
}

impl Receipt {
    /// The row to write.
    pub fn to_stored(&self) -> Stored<'_> {
        Stored { receipt: self, search_name: doubled(&search_text(&[&self.account_name, &self.number])) }
    }

    /// What can still be allocated, or could once it is confirmed.
    pub fn open(&self) -> i64 {
        if self.state.0 == State::Reversed { 0 } else { self.amount - self.allocated }
    }

    /// Lets the state of a confirmed receipt follow from what is allocated.
    pub fn settle(&mut self) {
        if self.is_confirmed() {
            let all = Cover::of(self.allocated, self.amount) == Cover::All;
            self.state = Choice(if all { State::Allocated } else { State::Confirmed });
        }
    }

    /// Confirms that the money is there.
    pub fn confirm(&mut self, call: &Call) -> Result<()> {
        self.may_delete()?;
        self.state = Choice(State::Confirmed);
        self.confirm_time = Some(call.now);
        self.confirmer_id = Some(call.caller_id());
        Ok(())
    }

    /// Reverses the receipt, of which nothing may be allocated any more when it is stored.
    pub fn reverse(&mut self, call: &Call, reason: &str) -> Result<()> {
        if self.state.0 == State::Reversed {
            let message = "the receipt is reversed";
            return Err(self.refusal("RECEIPT_REVERSED", message));
        }
        self.state = Choice(State::Reversed);
        self.reverse_time = Some(call.now);
        reason.clone_into(&mut self.reverse_reason);
        Ok(())
    }

    /// Fails for a receipt that cannot be allocated.
    pub fn check_confirmed(&self) -> Result<()> {
        if self.is_confirmed() {
            return Ok(());
        }
        let message = "only a confirmed receipt is allocated";
        Err(self.refusal("RECEIPT_NOT_CONFIRMED", message).with("state", self.state.0.as_str_name()))
    }

    /// Fails for a receipt that was confirmed or reversed, which is kept.
    pub fn may_delete(&self) -> Result<()> {
        if self.state.0 == State::Registered {
            return Ok(());
        }
        let message = "the receipt was confirmed or reversed";
        Err(self.refusal("RECEIPT_NOT_REGISTERED", message).with("state", self.state.0.as_str_name()))
    }

    /// Fails when something differs from `was` that was confirmed there.
    pub fn check_lock(&self, was: &Self) -> Result<()> {
        if was.state.0 == State::Registered {
            return Ok(());
        }
        let confirmed = [
            ("account_id", self.account_id != was.account_id),
            ("amount", (self.amount, &self.amount_currency) != (was.amount, &was.amount_currency)),
            ("receive_date", self.receive_date != was.receive_date),
            ("method", self.method != was.method),
            ("bank_reference", self.bank_reference != was.bank_reference),
            ("payer_name", self.payer_name != was.payer_name),
        ];
        match confirmed.into_iter().find(|(_, differs)| *differs) {
            None => Ok(()),
            Some((field, _)) => {
                let message = format!("{field} is locked since the receipt was confirmed or reversed");
                Err(self.refusal("RECEIPT_LOCKED", message).with("field", field))
            }
        }
    }

    fn is_confirmed(&self) -> bool {
        matches!(self.state.0, State::Confirmed | State::Allocated)
    }

    fn refusal(&self, reason: &'static str, message: impl Into<String>) -> Error {
        Error::new(Code::FailedPrecondition, DOMAIN, reason, message)
            .with("receipt_id", self.id)
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
            "amount" => payment::filter_value(self.amount),
            "amount.currency_code" => Value::Text(self.amount_currency.as_str().into()),
            "allocated_amount" => payment::filter_value(self.allocated),
            "open_amount" => payment::filter_value(self.open()),
            "receive_date" => Value::Date(self.receive_date),
            "method" => Value::Enum(self.method.number()),
            "bank_reference" => Value::Text(self.bank_reference.as_str().into()),
            "payer_name" => Value::Text(self.payer_name.as_str().into()),
            "state" => Value::Enum(self.state.number()),
            "confirm_time" => self.confirm_time.map_or(Value::Null, Value::Timestamp),
            "confirmer_id" => self.confirmer_id.map_or(Value::Null, Value::Uuid),
            "reverse_time" => self.reverse_time.map_or(Value::Null, Value::Timestamp),
            "reverse_reason" => Value::Text(self.reverse_reason.as_str().into()),
            "description" => Value::Text(self.description.as_str().into()),
            "owner_id" => Value::Uuid(self.owner_id),
            "tags" => Value::TextList(self.tags.as_slice().into()),
            _ => Value::Null,
        }
    }
}
