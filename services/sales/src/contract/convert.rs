//! Contracts between the wire and the table. Reading collects every violation; what it returns is what will be stored.

use chrono::{DateTime, NaiveDate, Utc};
use crm_kit_api::{Call, Error, Result, etag, money::Money, time};
use crm_kit_record::{
    Choice,
    custom_field::Fields,
    external_id::ExternalId,
    field::{Checker, id_text},
    life::purge_time,
};
use crm_kit_value::text::is_blank;
use crm_proto::{
    crm::sales::v1::{
        Contract as Wire,
        contract::{RenewalRule, State},
    },
    google::r#type::{Date, Money as WireMoney},
};
use sqlx::types::Json;
use tonic::Code;

use super::{model::Contract, term};
use crate::{
    DOMAIN,
    document::{self, Sheet, arithmetic::MAX_AMOUNT},
};

/// Fields that a caller may send back but never sets.
pub const FIXED: &[&str] = &[
    "id",
    "create_time",
    "update_time",
    "delete_time",
    "purge_time",
    "etag",
    "notice_date",
    "totals",
    "version",
    "amend_reason",
    "complete_time",
    "renewal_of_id",
    "renewal_id",
    "approval_state",
    "approval_request_id",
    "approval_comment",
];

/// Permission to state where new contracts stand.
const IMPORT: &str = "sales.contracts.import";

/// Reads a contract. `base` keeps what the server sets: the stored one of an update, a fresh one of a creation.
pub fn read(call: &Call, fields: &Fields, mut wire: Wire, base: Contract) -> Result<Contract> {
    let mut check = Checker::new("contract", &call.access.tenant.region_code);
    let moment = call.moment();
    let before = fields.before(&base.custom, &|path| base.filter_value(path), moment);
    let custom = std::mem::take(&mut wire.custom);
    let was = base.clone();
    let stated = Stated::of(&mut wire, &mut check);
    let mut contract = standard(call, wire, base, &mut check);
    let mut custom = fields.read(custom, &before, &mut check);
    fields.compute(&mut custom, &before, &|path| contract.filter_value(path), moment, &mut check);
    contract.custom = Json(custom);
    let contract = check.into_violations().into_result(contract)?;
    refuse_locked(&was, &contract)?;
    put(call, &was, contract, stated)
}

fn standard(call: &Call, wire: Wire, base: Contract, check: &mut Checker<'_>) -> Contract {
    for (field, text) in [("display_name", &wire.display_name), ("account_name", &wire.account_name)] {
        if is_blank(text) {
            check.refuse(field, "REQUIRED", "is required");
        }
    }
    let renewal_rule = match wire.renewal_rule() {
        RenewalRule::Unspecified => RenewalRule::None,
        rule => rule,
    };
    let number = check.line("number", wire.number, 40);
    let (start_date, end_date) = days(wire.start_date, wire.end_date, wire.term_months, check);
    let notice_days = i64::from(wire.notice_days);
    let mut currency_code = wire.currency_code;
    if let Some(amount) = wire.amount.as_ref().filter(|_| currency_code.is_empty()) {
        currency_code.clone_from(&amount.currency_code);
    }
    let sheet = document::convert::Wire {
        currency_code,
        price_book_id: wire.price_book_id,
        price_includes_tax: wire.price_includes_tax,
        amount_decimals: wire.amount_decimals,
        header_discount_percent: wire.header_discount_percent,
        header_discount: wire.header_discount,
        lines: wire.lines,
    };
    let sheet = document::convert::read(call, sheet, &base.sheet, check);
    Contract {
        amount: amount(wire.amount.as_ref(), &sheet, check),
        sheet: Json(sheet),
        display_name: check.line("display_name", wire.display_name, 200),
        number: if number.is_empty() { base.number } else { number },
        contract_type: check.line("contract_type", wire.contract_type, 100),
        account_id: check.reference("account_id", &wire.account_id),
        account_name: check.line("account_name", wire.account_name, 200),
        customer_party: check.line("customer_party", wire.customer_party, 200),
        own_party: check.line("own_party", wire.own_party, 200),
        customer_signer: check.line("customer_signer", wire.customer_signer, 200),
        own_signer: check.line("own_signer", wire.own_signer, 200),
        opportunity_id: check.reference("opportunity_id", &wire.opportunity_id),
        quote_id: check.reference("quote_id", &wire.quote_id),
        start_date,
        end_date,
        term_months: i64::from(wire.term_months),
        renewal_rule: Choice(renewal_rule),
        notice_days,
        notice_date: term::notice_date(renewal_rule, end_date, notice_days),
        payment_method: check.line("payment_method", wire.payment_method, 200),
        description: check.lines("description", wire.description, 20_000),
        owner_id: check.reference("owner_id", &wire.owner_id).unwrap_or(base.owner_id),
        tags: check.tags("tags", wire.tags),
        external_ids: Json(ExternalId::read_all("external_ids", wire.external_ids, check)),
        ..base
    }
}

/// First and last day, which the term fills in or must agree with.
fn days(
    start: Option<Date>,
    end: Option<Date>,
    months: i32,
    check: &mut Checker<'_>,
) -> (Option<NaiveDate>, Option<NaiveDate>) {
    let (start, end) = (check.day("start_date", start), check.day("end_date", end));
    if start.zip(end).is_some_and(|(start, end)| end < start) {
        check.refuse("end_date", "DATE_ORDER", "lies before the first day");
    }
    let months = u32::try_from(months).ok().filter(|months| *months > 0);
    let by_term = start.zip(months).and_then(|(start, months)| term::last_day(start, months));
    if let (Some(by_term), Some(end)) = (by_term, end)
        && by_term != end
    {
        check.refuse("term_months", "TERM_MISMATCH", format!("ends on {by_term} and not on {end}"));
    }
    (start, end.or(by_term))
}

/// What the contract is worth: the total of its lines, or what is stated when it has none.
fn amount(wire: Option<&WireMoney>, sheet: &Sheet, check: &mut Checker<'_>) -> Option<i64> {
    if !sheet.lines.is_empty() {
        return Some(sheet.totals.gross);
    }
    let path = check.at("amount");
    let money = Money::from_wire(&path, wire?, check.violations())?;
    if money.currency != sheet.currency {
        let message = format!("must be in {} as the contract is", sheet.currency);
        check.refuse("amount.currency_code", "CURRENCY_DIFFERS", message);
    }
    if money.ten_thousandths < 0 {
        check.refuse("amount", "NEGATIVE", "must not be negative");
    } else if money.ten_thousandths > MAX_AMOUNT {
        check.refuse("amount", "MONEY_TOO_LARGE", "is larger than 10,000,000,000,000");
    }
    Some(money.ten_thousandths)
}

/// Where a caller states that a contract stands.
struct Stated {
    state: State,
    sign_time: Option<DateTime<Utc>>,
    void_reason: String,
}

impl Stated {
    fn of(wire: &mut Wire, check: &mut Checker<'_>) -> Self {
        let void_reason = std::mem::take(&mut wire.void_reason);
        Self {
            state: wire.state(),
            sign_time: check.instant("sign_time", wire.sign_time.take()),
            void_reason: check.line("void_reason", void_reason, 200),
        }
    }
}

/// The contract where it is stated to stand, which is for new ones only.
fn put(call: &Call, was: &Contract, contract: Contract, stated: Stated) -> Result<Contract> {
    let Stated { state, sign_time, void_reason } = stated;
    let is_new = was.state.0 == State::Unspecified;
    let from = if is_new { State::Draft } else { was.state.0 };
    let to = if state == State::Unspecified { from } else { state };
    let says_more = sign_time.is_some_and(|time| was.sign_time != Some(time))
        || (!void_reason.is_empty() && void_reason != was.void_reason);
    if !is_new {
        if to != from || says_more {
            return Err(super::machine::refuse(from).with("wanted", to.as_str_name()));
        }
        return Ok(contract);
    }
    if to == State::Draft && !says_more {
        return Ok(Contract { state: Choice(to), version: 1, ..contract });
    }
    call.require(IMPORT)?;
    let is_complete = matches!(to, State::Completed | State::Archived);
    let complete_time = is_complete.then_some(call.now);
    if (to == State::Voided) == is_blank(&void_reason) || to == State::InApproval {
        let message =
            "a voided contract has a reason and no other has; nobody can state that a decision is due";
        return Err(Error::invalid_field("contract.state", "STATE_INVALID", message));
    }
    Ok(Contract { state: Choice(to), version: 1, sign_time, complete_time, void_reason, ..contract })
}

/// Refuses another content of a contract that is no draft.
fn refuse_locked(was: &Contract, contract: &Contract) -> Result<()> {
    if matches!(was.state.0, State::Unspecified | State::Draft) {
        return Ok(());
    }
    let is_same = [
        ("display_name", was.display_name == contract.display_name),
        ("number", was.number == contract.number),
        ("account_id", was.account_id == contract.account_id),
        ("account_name", was.account_name == contract.account_name),
        ("customer_party", was.customer_party == contract.customer_party),
        ("own_party", was.own_party == contract.own_party),
        ("customer_signer", was.customer_signer == contract.customer_signer),
        ("own_signer", was.own_signer == contract.own_signer),
        ("opportunity_id", was.opportunity_id == contract.opportunity_id),
        ("quote_id", was.quote_id == contract.quote_id),
        ("start_date", was.start_date == contract.start_date),
        ("end_date", was.end_date == contract.end_date),
        ("term_months", was.term_months == contract.term_months),
        ("renewal_rule", was.renewal_rule == contract.renewal_rule),
        ("notice_days", was.notice_days == contract.notice_days),
        ("payment_method", was.payment_method == contract.payment_method),
        ("amount", was.amount == contract.amount),
    ];
    let field = is_same.iter().find(|(_, same)| !same).map(|(field, _)| *field);
    let Some(field) = field.or_else(|| was.sheet.difference(&contract.sheet)) else { return Ok(()) };
    let message = format!("{field} is locked in a contract that is no draft");
    Err(Error::new(Code::FailedPrecondition, DOMAIN, "CONTRACT_LOCKED", message)
        .with("field", field)
        .with("state", was.state.0.as_str_name()))
}

/// A fresh contract of the caller, before anything is read into it.
pub fn fresh(call: &Call, number: String) -> Contract {
    Contract {
        tenant_id: call.tenant_id(),
        id: call.new_id(),
        create_time: call.now,
        update_time: call.now,
        revision: 1,
        number,
        owner_id: call.caller_id(),
        ..Contract::default()
    }
}

/// The contract on the wire, unmasked.
pub fn to_wire(contract: &Contract, fields: &Fields) -> Wire {
    let sheet = &contract.sheet;
    let money = |ten_thousandths| Money { ten_thousandths, currency: sheet.currency.clone() }.to_wire();
    let (header_discount_percent, header_discount) = document::convert::header(sheet);
    let number = |value: i64| i32::try_from(value).unwrap_or(i32::MAX);
    Wire {
        id: contract.id.to_string(),
        create_time: Some(time::timestamp(contract.create_time)),
        update_time: Some(time::timestamp(contract.update_time)),
        delete_time: contract.delete_time.map(time::timestamp),
        purge_time: purge_time(contract.delete_time),
        etag: etag::of(contract.revision),
        display_name: contract.display_name.clone(),
        number: contract.number.clone(),
        contract_type: contract.contract_type.clone(),
        account_id: id_text(contract.account_id),
        account_name: contract.account_name.clone(),
        customer_party: contract.customer_party.clone(),
        own_party: contract.own_party.clone(),
        customer_signer: contract.customer_signer.clone(),
        own_signer: contract.own_signer.clone(),
        opportunity_id: id_text(contract.opportunity_id),
        quote_id: id_text(contract.quote_id),
        start_date: contract.start_date.map(time::date),
        end_date: contract.end_date.map(time::date),
        term_months: number(contract.term_months),
        renewal_rule: contract.renewal_rule.number(),
        notice_days: number(contract.notice_days),
        notice_date: contract.notice_date.map(time::date),
        payment_method: contract.payment_method.clone(),
        amount: contract.amount.map(money),
        currency_code: sheet.currency.clone(),
        price_book_id: id_text(sheet.price_book_id),
        price_includes_tax: sheet.price_includes_tax,
        amount_decimals: i32::try_from(sheet.decimals).unwrap_or(0),
        header_discount_percent,
        header_discount,
        lines: document::convert::lines(sheet),
        totals: Some(document::convert::totals(sheet)),
        state: contract.state.number(),
        version: number(contract.version),
        amend_reason: contract.amend_reason.clone(),
        sign_time: contract.sign_time.map(time::timestamp),
        complete_time: contract.complete_time.map(time::timestamp),
        void_reason: contract.void_reason.clone(),
        renewal_of_id: id_text(contract.renewal_of_id),
        renewal_id: id_text(contract.renewal_id),
        approval_state: contract.approval_state.number(),
        approval_request_id: id_text(contract.approval_request_id),
        approval_comment: contract.approval_comment.clone(),
        description: contract.description.clone(),
        owner_id: contract.owner_id.to_string(),
        tags: contract.tags.clone(),
        external_ids: contract.external_ids.iter().map(ExternalId::to_wire).collect(),
        custom: fields.to_wire(&contract.custom),
    }
}
