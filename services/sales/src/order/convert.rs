//! Orders between the wire and the table. Reading collects every violation; what it returns is what will be stored, but for prices of products that are
//! still open.

use crm_kit_api::{Call, Error, Result, etag, time};
use crm_kit_record::{
    custom_field::Fields,
    external_id::ExternalId,
    field::{Checker, id_text},
    life::purge_time,
};
use crm_kit_value::text::is_blank;
use crm_proto::crm::sales::v1::{Order as Wire, order::State};
use sqlx::types::Json;
use tonic::Code;

use super::{model::Order, place};
use crate::{DOMAIN, document};

/// Fields that a caller may send back but never sets.
pub const FIXED: &[&str] = &[
    "id",
    "create_time",
    "update_time",
    "delete_time",
    "purge_time",
    "etag",
    "totals",
    "progress",
    "confirm_time",
    "close_time",
    "amendment_number",
    "erp_push_time",
    "erp_answer_time",
];

/// Reads an order. `base` keeps what the server sets: the stored one of an update, a fresh one of a creation.
pub fn read(call: &Call, fields: &Fields, mut wire: Wire, base: Order) -> Result<Order> {
    let mut check = Checker::new("order", &call.access.tenant.region_code);
    let moment = call.moment();
    let before = fields.before(&base.custom, &|path| base.filter_value(path), moment);
    let custom = std::mem::take(&mut wire.custom);
    let was = base.clone();
    let stated = place::Stated::of(&mut wire, &mut check);
    let mut order = standard(call, wire, base, &mut check);
    let mut custom = fields.read(custom, &before, &mut check);
    fields.compute(&mut custom, &before, &|path| order.filter_value(path), moment, &mut check);
    order.custom = Json(custom);
    let order = check.into_violations().into_result(order)?;
    refuse_locked(&was, &order)?;
    place::put(call, &was, order, stated)
}

fn standard(call: &Call, wire: Wire, base: Order, check: &mut Checker<'_>) -> Order {
    if is_blank(&wire.account_name) {
        check.refuse("account_name", "REQUIRED", "is required");
    }
    let number = check.line("number", wire.number, 40);
    let number = if number.is_empty() { base.number } else { number };
    let display_name = if is_blank(&wire.display_name) { number.clone() } else { wire.display_name };
    let order_date = check.day("order_date", wire.order_date);
    let is_new = base.state.0 == State::Unspecified;
    let order_date = order_date.or((!is_new).then_some(base.order_date));
    let sheet = document::convert::Wire {
        currency_code: wire.currency_code,
        price_book_id: wire.price_book_id,
        price_includes_tax: wire.price_includes_tax,
        amount_decimals: wire.amount_decimals,
        header_discount_percent: wire.header_discount_percent,
        header_discount: wire.header_discount,
        lines: wire.lines,
    };
    Order {
        sheet: Json(document::convert::read(call, sheet, &base.sheet, check)),
        display_name: check.line("display_name", display_name, 200),
        number,
        account_id: check.reference("account_id", &wire.account_id),
        account_name: check.line("account_name", wire.account_name, 200),
        contact_id: check.reference("contact_id", &wire.contact_id),
        contact_name: check.line("contact_name", wire.contact_name, 200),
        opportunity_id: check.reference("opportunity_id", &wire.opportunity_id),
        quote_id: check.reference("quote_id", &wire.quote_id),
        contract_id: check.reference("contract_id", &wire.contract_id),
        customer_reference: check.line("customer_reference", wire.customer_reference, 100),
        order_date: order_date.unwrap_or_else(|| call.today()),
        description: check.lines("description", wire.description, 20_000),
        owner_id: check.reference("owner_id", &wire.owner_id).unwrap_or(base.owner_id),
        tags: check.tags("tags", wire.tags),
        external_ids: Json(ExternalId::read_all("external_ids", wire.external_ids, check)),
        ..base
    }
}

/// Refuses another content of an order that is no draft.
fn refuse_locked(was: &Order, order: &Order) -> Result<()> {
    if matches!(was.state.0, State::Unspecified | State::Draft) {
        return Ok(());
    }
    let is_same = [
        ("number", was.number == order.number),
        ("account_id", was.account_id == order.account_id),
        ("account_name", was.account_name == order.account_name),
        ("opportunity_id", was.opportunity_id == order.opportunity_id),
        ("quote_id", was.quote_id == order.quote_id),
        ("order_date", was.order_date == order.order_date),
    ];
    let field = is_same.iter().find(|(_, same)| !same).map(|(field, _)| *field);
    let Some(field) = field.or_else(|| was.sheet.difference(&order.sheet)) else { return Ok(()) };
    let message = format!("{field} is locked from confirmation on; lines change by an amendment");
    Err(Error::new(Code::FailedPrecondition, DOMAIN, "ORDER_LOCKED", message)
        .with("field", field)
        .with("state", was.state.0.as_str_name()))
}

/// A fresh order of the caller, before anything is read into it.
pub fn fresh(call: &Call, number: String) -> Order {
    Order {
        tenant_id: call.tenant_id(),
        id: call.new_id(),
        create_time: call.now,
        update_time: call.now,
        revision: 1,
        number,
        owner_id: call.caller_id(),
        ..Order::default()
    }
}

/// The order on the wire, unmasked.
pub fn to_wire(order: &Order, fields: &Fields) -> Wire {
    let sheet = &order.sheet;
    let (header_discount_percent, header_discount) = document::convert::header(sheet);
    Wire {
        id: order.id.to_string(),
        create_time: Some(time::timestamp(order.create_time)),
        update_time: Some(time::timestamp(order.update_time)),
        delete_time: order.delete_time.map(time::timestamp),
        purge_time: purge_time(order.delete_time),
        etag: etag::of(order.revision),
        display_name: order.display_name.clone(),
        number: order.number.clone(),
        account_id: id_text(order.account_id),
        account_name: order.account_name.clone(),
        contact_id: id_text(order.contact_id),
        contact_name: order.contact_name.clone(),
        opportunity_id: id_text(order.opportunity_id),
        quote_id: id_text(order.quote_id),
        contract_id: id_text(order.contract_id),
        customer_reference: order.customer_reference.clone(),
        order_date: Some(time::date(order.order_date)),
        currency_code: sheet.currency.clone(),
        price_book_id: id_text(sheet.price_book_id),
        price_includes_tax: sheet.price_includes_tax,
        amount_decimals: i32::try_from(sheet.decimals).unwrap_or(0),
        header_discount_percent,
        header_discount,
        lines: document::convert::lines(sheet),
        totals: Some(document::convert::totals(sheet)),
        progress: order.fulfilled.progress(sheet),
        state: order.state.number(),
        confirm_time: order.confirm_time.map(time::timestamp),
        close_time: order.close_time.map(time::timestamp),
        cancel_reason: order.cancel_reason.clone(),
        amendment_number: i32::try_from(order.amendment_number).unwrap_or(i32::MAX),
        erp_state: order.erp_state.number(),
        erp_id: order.erp_id.clone(),
        erp_message: order.erp_message.clone(),
        erp_push_time: order.erp_push_time.map(time::timestamp),
        erp_answer_time: order.erp_answer_time.map(time::timestamp),
        description: order.description.clone(),
        owner_id: order.owner_id.to_string(),
        tags: order.tags.clone(),
        external_ids: order.external_ids.iter().map(ExternalId::to_wire).collect(),
        custom: fields.to_wire(&order.custom),
    }
}
