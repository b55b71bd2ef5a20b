//! Quotes between the wire and the table. Reading collects every violation; what it returns is what will be stored, once its lines are priced.

use crm_kit_api::{Call, Result, etag, money::Money, time};
use crm_kit_record::{
    Choice,
    custom_field::Fields,
    external_id::ExternalId,
    field::{Checker, id_text},
    life::purge_time,
};
use crm_kit_value::text::is_blank;
use crm_proto::crm::sales::v1::{Quote as Wire, quote::State};
use sqlx::types::Json;
use uuid::Uuid;

use super::{life, model::Quote};
use crate::document::{self, Sheet};

/// Fields that a caller may send back but never sets.
pub const FIXED: &[&str] = &[
    "id",
    "create_time",
    "update_time",
    "delete_time",
    "purge_time",
    "etag",
    "revision_number",
    "base_number",
    "base_quote_id",
    "state",
    "totals",
    "net_amount",
    "gross_amount",
    "expire_time",
    "approval_state",
    "approval_request_id",
    "approval_comment",
    "submit_time",
    "close_time",
    "close_reason",
];

/// Reads a quote. `base` keeps what the server sets.
pub fn read(call: &Call, fields: &Fields, mut wire: Wire, base: Quote) -> Result<Quote> {
    let mut check = Checker::new("quote", &call.access.tenant.region_code);
    let moment = call.moment();
    let before = fields.before(&base.custom, &|path| base.filter_value(path), moment);
    let custom = std::mem::take(&mut wire.custom);
    let was = base.clone();
    let sheet = sheet(call, &mut wire, &was, &mut check);
    let mut quote = standard(call, wire, Quote { sheet: Json(sheet), ..base }, &mut check);
    let mut custom = fields.read(custom, &before, &mut check);
    fields.compute(&mut custom, &before, &|path| quote.filter_value(path), moment, &mut check);
    quote.custom = Json(custom);
    let quote = check.into_violations().into_result(quote)?;
    match locked(&was, &quote) {
        Some(field) => Err(life::in_state(was.state.0).with("field", field)),
        None => Ok(quote),
    }
}

/// A field of what is offered that would change although the quote is no draft.
fn locked(was: &Quote, quote: &Quote) -> Option<&'static str> {
    let offered = [
        ("display_name", was.display_name != quote.display_name),
        ("number", was.number != quote.number),
        ("opportunity_id", was.opportunity_id != quote.opportunity_id),
        ("account_id", was.account_id != quote.account_id),
        ("account_name", was.account_name != quote.account_name),
        ("contact_id", was.contact_id != quote.contact_id),
        ("contact_name", was.contact_name != quote.contact_name),
        ("lines", was.sheet != quote.sheet),
        ("valid_until", was.valid_until != quote.valid_until),
        ("terms", was.terms != quote.terms),
    ];
    let is_draft = was.state.0 == State::Draft;
    offered.into_iter().find(|(_, differs)| *differs && !is_draft).map(|(field, _)| field)
}

fn sheet(call: &Call, wire: &mut Wire, was: &Quote, check: &mut Checker<'_>) -> Sheet {
    let wire = document::convert::Wire {
        currency_code: std::mem::take(&mut wire.currency_code),
        price_book_id: std::mem::take(&mut wire.price_book_id),
        price_includes_tax: wire.price_includes_tax,
        amount_decimals: wire.amount_decimals,
        header_discount_percent: std::mem::take(&mut wire.header_discount_percent),
        header_discount: wire.header_discount.take(),
        lines: std::mem::take(&mut wire.lines),
    };
    document::convert::read(call, wire, &was.sheet, check)
}

fn standard(call: &Call, wire: Wire, base: Quote, check: &mut Checker<'_>) -> Quote {
    if is_blank(&wire.display_name) {
        check.refuse("display_name", "REQUIRED", "is required");
    }
    let number = check.line("number", wire.number, 40);
    let number = if number.is_empty() { base.number.clone() } else { number };
    let is_first = base.revision_number <= 1;
    if !is_first && number != base.number {
        check.refuse("number", "FIXED", "of a later revision cannot be changed");
    }
    let valid_until = check.day("valid_until", wire.valid_until);
    let is_draft = base.state.0 == State::Draft;
    let expire_time = valid_until.map(|day| call.end_of(day));
    Quote {
        display_name: check.line("display_name", wire.display_name, 200),
        base_number: if is_first { number.clone() } else { base.base_number.clone() },
        number,
        revision_number: base.revision_number.max(1),
        opportunity_id: check.reference("opportunity_id", &wire.opportunity_id),
        account_id: check.reference("account_id", &wire.account_id),
        account_name: check.line("account_name", wire.account_name, 200),
        contact_id: check.reference("contact_id", &wire.contact_id),
        contact_name: check.line("contact_name", wire.contact_name, 200),
        valid_until,
        expire_time: if is_draft { expire_time } else { base.expire_time },
        terms: check.lines("terms", wire.terms, 20_000),
        description: check.lines("description", wire.description, 20_000),
        owner_id: check.reference("owner_id", &wire.owner_id).unwrap_or(base.owner_id),
        tags: check.tags("tags", wire.tags),
        external_ids: Json(ExternalId::read_all("external_ids", wire.external_ids, check)),
        ..base
    }
}

/// A fresh draft of the caller, the first revision of its quote.
pub fn fresh(call: &Call, number: String) -> Quote {
    let id = call.new_id();
    Quote {
        tenant_id: call.tenant_id(),
        id,
        base_quote_id: id,
        create_time: call.now,
        update_time: call.now,
        revision: 1,
        number,
        state: Choice(State::Draft),
        owner_id: call.caller_id(),
        ..Quote::default()
    }
}

/// The quote on the wire, unmasked.
pub fn to_wire(quote: &Quote, fields: &Fields) -> Wire {
    let sheet = &quote.sheet;
    let money = |ten_thousandths| Money { ten_thousandths, currency: sheet.currency.clone() }.to_wire();
    let (header_discount_percent, header_discount) = document::convert::header(sheet);
    Wire {
        id: quote.id.to_string(),
        create_time: Some(time::timestamp(quote.create_time)),
        update_time: Some(time::timestamp(quote.update_time)),
        delete_time: quote.delete_time.map(time::timestamp),
        purge_time: purge_time(quote.delete_time),
        etag: etag::of(quote.revision),
        display_name: quote.display_name.clone(),
        number: quote.number.clone(),
        revision_number: i32::try_from(quote.revision_number).unwrap_or(i32::MAX),
        base_number: quote.base_number.clone(),
        base_quote_id: Some(quote.base_quote_id)
            .filter(|id| !id.is_nil())
            .map_or_else(String::new, |id: Uuid| id.to_string()),
        state: quote.state.number(),
        opportunity_id: id_text(quote.opportunity_id),
        account_id: id_text(quote.account_id),
        account_name: quote.account_name.clone(),
        contact_id: id_text(quote.contact_id),
        contact_name: quote.contact_name.clone(),
        currency_code: sheet.currency.clone(),
        price_book_id: id_text(sheet.price_book_id),
        price_includes_tax: sheet.price_includes_tax,
        amount_decimals: i32::try_from(sheet.decimals).unwrap_or(0),
        header_discount_percent,
        header_discount,
        lines: document::convert::lines(sheet),
        totals: Some(document::convert::totals(sheet)),
        net_amount: Some(money(sheet.totals.net)),
        gross_amount: Some(money(sheet.totals.gross)),
        valid_until: quote.valid_until.map(time::date),
        expire_time: quote.expire_time.map(time::timestamp),
        terms: quote.terms.clone(),
        description: quote.description.clone(),
        approval_state: quote.approval_state.number(),
        approval_request_id: id_text(quote.approval_request_id),
        approval_comment: quote.approval_comment.clone(),
        submit_time: quote.submit_time.map(time::timestamp),
        close_time: quote.close_time.map(time::timestamp),
        close_reason: quote.close_reason.clone(),
        owner_id: quote.owner_id.to_string(),
        tags: quote.tags.clone(),
        external_ids: quote.external_ids.iter().map(ExternalId::to_wire).collect(),
        custom: fields.to_wire(&quote.custom),
    }
}
