//! Payment plans between the wire and the table. Reading collects every violation.

use crm_kit_api::{Call, Result, etag, time};
use crm_kit_record::{
    custom_field::Fields,
    external_id::ExternalId,
    field::{Checker, id_text},
    life::purge_time,
};
use crm_proto::crm::sales::v1::PaymentPlan as Wire;
use sqlx::types::Json;

use super::model::PaymentPlan;
use crate::payment;

/// Fields that a caller may send back but never sets.
pub const FIXED: &[&str] = &[
    "id",
    "create_time",
    "update_time",
    "delete_time",
    "purge_time",
    "etag",
    "allocated_amount",
    "open_amount",
    "state",
    "cancel_reason",
];

/// Reads a payment plan. `base` keeps what the server sets.
pub fn read(call: &Call, fields: &Fields, mut wire: Wire, base: PaymentPlan) -> Result<PaymentPlan> {
    let mut check = Checker::new("payment_plan", &call.access.tenant.region_code);
    let moment = call.moment();
    let before = fields.before(&base.custom, &|path| base.filter_value(path), moment);
    let custom = std::mem::take(&mut wire.custom);
    let mut plan = standard(wire, base.clone(), &mut check);
    plan.settle();
    let mut custom = fields.read(custom, &before, &mut check);
    fields.compute(&mut custom, &before, &|path| plan.filter_value(path), moment, &mut check);
    plan.custom = Json(custom);
    let plan = check.into_violations().into_result(plan)?;
    plan.check_covers(&base).map(|()| plan)
}

fn standard(wire: Wire, base: PaymentPlan, check: &mut Checker<'_>) -> PaymentPlan {
    if wire.account_id.is_empty() {
        check.refuse("account_id", "REQUIRED", "is required");
    }
    if wire.due_date.is_none() {
        check.refuse("due_date", "REQUIRED", "is required");
    }
    let amount = payment::read_amount("amount", wire.amount.as_ref(), check);
    let (amount, amount_currency) =
        amount.map(|money| (money.ten_thousandths, money.currency)).unwrap_or_default();
    let number = check.line("number", wire.number, 40);
    PaymentPlan {
        number: if number.is_empty() { base.number } else { number },
        account_id: check.reference("account_id", &wire.account_id).unwrap_or_default(),
        account_name: check.line("account_name", wire.account_name, 200),
        order_id: check.reference("order_id", &wire.order_id),
        contract_id: check.reference("contract_id", &wire.contract_id),
        sequence: wire.sequence.into(),
        due_date: check.day("due_date", wire.due_date).unwrap_or_default(),
        amount,
        amount_currency,
        description: check.lines("description", wire.description, 2000),
        owner_id: check.reference("owner_id", &wire.owner_id).unwrap_or(base.owner_id),
        tags: check.tags("tags", wire.tags),
        external_ids: Json(ExternalId::read_all("external_ids", wire.external_ids, check)),
        ..base
    }
}

/// A fresh payment plan of the caller, before anything is read into it.
pub fn fresh(call: &Call, number: String) -> PaymentPlan {
    PaymentPlan {
        tenant_id: call.tenant_id(),
        id: call.new_id(),
        create_time: call.now,
        update_time: call.now,
        revision: 1,
        number,
        owner_id: call.caller_id(),
        ..PaymentPlan::default()
    }
}

/// The payment plan on the wire, unmasked.
pub fn to_wire(plan: &PaymentPlan, fields: &Fields) -> Wire {
    let money = |amount: i64| payment::to_wire(amount, &plan.amount_currency);
    Wire {
        id: plan.id.to_string(),
        create_time: Some(time::timestamp(plan.create_time)),
        update_time: Some(time::timestamp(plan.update_time)),
        delete_time: plan.delete_time.map(time::timestamp),
        purge_time: purge_time(plan.delete_time),
        etag: etag::of(plan.revision),
        number: plan.number.clone(),
        account_id: plan.account_id.to_string(),
        account_name: plan.account_name.clone(),
        order_id: id_text(plan.order_id),
        contract_id: id_text(plan.contract_id),
        sequence: i32::try_from(plan.sequence).unwrap_or(0),
        due_date: Some(time::date(plan.due_date)),
        amount: money(plan.amount),
        allocated_amount: money(plan.allocated),
        open_amount: money(plan.open()),
        state: plan.state.number(),
        cancel_reason: plan.cancel_reason.clone(),
        description: plan.description.clone(),
        owner_id: plan.owner_id.to_string(),
        tags: plan.tags.clone(),
        external_ids: plan.external_ids.iter().map(ExternalId::to_wire).collect(),
        custom: fields.to_wire(&plan.custom),
    }
}
