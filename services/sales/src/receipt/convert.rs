//! Receipts between the wire and the table. Reading collects every violation.

use crm_kit_api::{Call, Result, etag, time};
use crm_kit_record::{
    Choice,
    custom_field::Fields,
    external_id::ExternalId,
    field::{Checker, id_text},
    life::purge_time,
};
use crm_proto::crm::sales::v1::{Receipt as Wire, receipt::State};
use sqlx::types::Json;

use super::model::Receipt;
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
    "confirm_time",
    "confirmer_id",
    "reverse_time",
    "reverse_reason",
];

/// Reads a receipt. `base` keeps what the server sets.
pub fn read(call: &Call, fields: &Fields, mut wire: Wire, base: Receipt) -> Result<Receipt> {
    let mut check = Checker::new("receipt", &call.access.tenant.region_code);
    let moment = call.moment();
    let before = fields.before(&base.custom, &|path| base.filter_value(path), moment);
    let custom = std::mem::take(&mut wire.custom);
    let mut receipt = standard(wire, base.clone(), &mut check);
    let mut custom = fields.read(custom, &before, &mut check);
    fields.compute(&mut custom, &before, &|path| receipt.filter_value(path), moment, &mut check);
    receipt.custom = Json(custom);
    let receipt = check.into_violations().into_result(receipt)?;
    receipt.check_lock(&base).map(|()| receipt)
}

fn standard(wire: Wire, base: Receipt, check: &mut Checker<'_>) -> Receipt {
    if wire.account_id.is_empty() {
        check.refuse("account_id", "REQUIRED", "is required");
    }
    let amount = payment::read_amount("amount", wire.amount.as_ref(), check);
    let (amount, amount_currency) =
        amount.map(|money| (money.ten_thousandths, money.currency)).unwrap_or_default();
    let (method, number) = (wire.method(), check.line("number", wire.number, 40));
    Receipt {
        number: if number.is_empty() { base.number } else { number },
        account_id: check.reference("account_id", &wire.account_id).unwrap_or_default(),
        account_name: check.line("account_name", wire.account_name, 200),
        amount,
        amount_currency,
        receive_date: check.day("receive_date", wire.receive_date).unwrap_or(base.receive_date),
        method: Choice(method),
        bank_reference: check.line("bank_reference", wire.bank_reference, 100),
        payer_name: check.line("payer_name", wire.payer_name, 200),
        description: check.lines("description", wire.description, 2000),
        owner_id: check.reference("owner_id", &wire.owner_id).unwrap_or(base.owner_id),
        tags: check.tags("tags", wire.tags),
        external_ids: Json(ExternalId::read_all("external_ids", wire.external_ids, check)),
        ..base
    }
}

/// A fresh receipt of the caller, before anything is read into it.
pub fn fresh(call: &Call, number: String) -> Receipt {
    Receipt {
        tenant_id: call.tenant_id(),
        id: call.new_id(),
        create_time: call.now,
        update_time: call.now,
        revision: 1,
        number,
        receive_date: call.today(),
        state: Choice(State::Registered),
        owner_id: call.caller_id(),
        ..Receipt::default()
    }
}

/// The receipt on the wire, unmasked.
pub fn to_wire(receipt: &Receipt, fields: &Fields) -> Wire {
    let money = |amount: i64| payment::to_wire(amount, &receipt.amount_currency);
    Wire {
        id: receipt.id.to_string(),
        create_time: Some(time::timestamp(receipt.create_time)),
        update_time: Some(time::timestamp(receipt.update_time)),
        delete_time: receipt.delete_time.map(time::timestamp),
        purge_time: purge_time(receipt.delete_time),
        etag: etag::of(receipt.revision),
        number: receipt.number.clone(),
        account_id: receipt.account_id.to_string(),
        account_name: receipt.account_name.clone(),
        amount: money(receipt.amount),
        allocated_amount: money(receipt.allocated),
        open_amount: money(receipt.open()),
        receive_date: Some(time::date(receipt.receive_date)),
        method: receipt.method.number(),
        bank_reference: receipt.bank_reference.clone(),
        payer_name: receipt.payer_name.clone(),
        state: receipt.state.number(),
        confirm_time: receipt.confirm_time.map(time::timestamp),
        confirmer_id: id_text(receipt.confirmer_id),
        reverse_time: receipt.reverse_time.map(time::timestamp),
        reverse_reason: receipt.reverse_reason.clone(),
        description: receipt.description.clone(),
        owner_id: receipt.owner_id.to_string(),
        tags: receipt.tags.clone(),
        external_ids: receipt.external_ids.iter().map(ExternalId::to_wire).collect(),
        custom: fields.to_wire(&receipt.custom),
    }
}
