//! What allocations are, as stored.

use chrono::{DateTime, Utc};
use crm_kit_api::Call;
use crm_kit_record::Choice;
use crm_proto::crm::sales::v1::allocation_entry::Kind;
use serde::Serialize;
use uuid::Uuid;

use super::rules::Part;
use crate::receipt::Receipt;

/// A row of `allocation`: what of a receipt pays an instalment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allocation {
    pub receipt_id: Uuid,
    pub payment_plan_id: Uuid,
    pub create_time: DateTime<Utc>,
    pub update_time: DateTime<Utc>,
    /// Ten-thousandths of the currency's unit.
    pub amount: i64,
    pub amount_currency: String,
}

/// A row of `allocation_entry`: one change of that.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Entry {
    pub tenant_id: Uuid,
    pub id: Uuid,
    /// Given by the table; grows with the time of writing.
    pub seq: i64,
    pub create_time: DateTime<Utc>,
    pub receipt_id: Uuid,
    pub payment_plan_id: Uuid,
    /// Ten-thousandths of the currency's unit; negative when it was taken back.
    pub amount: i64,
    pub amount_currency: String,
    pub kind: Choice<Kind>,
    pub actor_id: Uuid,
}

impl Entry {
    /// The entry of a part of a receipt, made by the caller now.
    pub fn new(call: &Call, receipt: &Receipt, part: &Part, kind: Kind) -> Self {
        Self {
            tenant_id: receipt.tenant_id,
            id: call.new_id(),
            seq: 0,
            create_time: call.now,
            receipt_id: receipt.id,
            payment_plan_id: part.plan.id,
            amount: part.amount,
            amount_currency: receipt.amount_currency.clone(),
            kind: Choice(kind),
            actor_id: call.caller_id(),
        }
    }
}
