//! Renewing a contract: the one that follows is made and both know of each other, in one transaction.

use chrono::NaiveDate;
use crm_kit_api::{Call, Error, Result, etag, id, time};
use crm_kit_pg::Tx;
use crm_kit_record::{
    Choice, Record as _,
    custom_field::{Fields, refresh},
    field::Checker,
    life::{self, Revision},
};
use crm_proto::crm::sales::v1::{
    Contract as Wire, RenewContractRequest,
    contract::{RenewalRule, State},
};
use sqlx::types::Json;
use tonic::Code;
use uuid::Uuid;

use super::{Contract, Contracts, machine, term};
use crate::DOMAIN;

impl Contracts {
    /// Creates the contract that follows one; returns the new contract.
    pub async fn renew(&self, call: &Call, request: &RenewContractRequest) -> Result<Wire> {
        // The new contract shows what the old one says.
        call.require("sales.contracts.read")?;
        let (fields, id) = (&self.slice.fields(call).await?, id::parse("id", &request.id)?);
        let was = &self.slice.found(call, id).await?;
        etag::check(&request.etag, was.revision)?;
        let term = next_term(was, request)?;
        let blank = Wire::default();
        // The number is taken before the transaction; what was read is checked in it.
        let work = self.slice.make(call, fields, &blank, move |fresh| {
            Box::pin(async move {
                let new = &following(call, fields, was, term, fresh);
                self.slice
                    .db
                    .write(call, "renew", move |tx| {
                        Box::pin(async move { store_both(tx, call, fields, was, new).await })
                    })
                    .await
            })
        });
        work.await
    }
}

async fn store_both(
    tx: &mut Tx<'_>,
    call: &Call,
    fields: &Fields,
    was: &Contract,
    new: &Contract,
) -> Result<Wire> {
    let held = life::hold_one::<Contract>(tx, call, was.id, "").await?;
    if let Some(renewal_id) = held.renewal_id {
        refuse_renewed(tx, &held, renewal_id).await?;
    }
    if held.revision != was.revision {
        return Err(Error::concurrent_change());
    }
    let written = life::insert(tx, call, fields, std::slice::from_ref(new)).await?;
    let renewed = Contract { renewal_id: Some(new.id), ..held.clone() };
    life::write_one(tx, call, fields, Revision::new(fields, held, renewed)).await?;
    Ok(crm_kit_record::only(written))
}

/// Refuses a second renewal as long as the first one is there.
async fn refuse_renewed(tx: &mut Tx<'_>, was: &Contract, renewal_id: Uuid) -> Result<()> {
    let found = Contract::get(tx.conn(), was.tenant_id, &[renewal_id], None).await?;
    if !found.iter().any(|contract| contract.delete_time.is_none()) {
        return Ok(());
    }
    let message = "the contract was renewed";
    Err(Error::new(Code::AlreadyExists, DOMAIN, "CONTRACT_RENEWED", message).with("id", renewal_id))
}

/// How long the contract that follows holds.
#[derive(Clone, Copy, Debug)]
struct Term {
    first: NaiveDate,
    last: NaiveDate,
    /// 0 when it is not stated in months.
    months: i64,
}

/// The term of the contract that follows one, when that may be renewed.
fn next_term(was: &Contract, request: &RenewContractRequest) -> Result<Term> {
    if !machine::is_in_force(was.state.0) && was.state.0 != State::Completed {
        return Err(machine::refuse(was.state.0));
    }
    let rule = was.renewal_rule.0;
    let end = was.end_date.filter(|_| matches!(rule, RenewalRule::Manual | RenewalRule::Automatic));
    let end = end.ok_or_else(|| {
        let message = "the contract is not to be renewed, or has no end";
        Error::new(Code::FailedPrecondition, DOMAIN, "CONTRACT_NOT_RENEWABLE", message)
            .with("renewal_rule", rule.as_str_name())
    })?;
    let mut check = Checker::new("", "");
    let mut day = |field: &str, wire: Option<&_>| {
        wire.and_then(|wire| time::naive_date(field, wire, check.violations()))
    };
    let (start, last) =
        (day("start_date", request.start_date.as_ref()), day("end_date", request.end_date.as_ref()));
    let days = term::following((was.start_date, end), was.term_months, start);
    let first = start.or(days.map(|(first, _)| first)).or_else(|| end.succ_opt());
    if first.is_some_and(|first| first <= end) {
        check.refuse("start_date", "DATE_ORDER", format!("lies before the end of the contract, {end}"));
    }
    let by_term = last.is_none();
    let last = last.or(days.map(|(_, last)| last));
    if first.zip(last).is_some_and(|(first, last)| last < first) {
        check.refuse("end_date", "DATE_ORDER", "lies before the first day");
    }
    if last.is_none() {
        check.refuse("end_date", "REQUIRED", "is required: how long the contract lasted is not known");
    }
    check.into_violations().into_result(())?;
    let unknown = || Error::invalid_field("start_date", "DATE_INVALID", "lies beyond the calendar");
    let (first, last) = first.zip(last).ok_or_else(unknown)?;
    Ok(Term { first, last, months: if by_term { was.term_months } else { 0 } })
}

/// The contract that follows one, with its content and its prices as they are. `fresh` has its numbers.
fn following(call: &Call, fields: &Fields, was: &Contract, term: Term, fresh: Contract) -> Contract {
    let rule = was.renewal_rule;
    let mut contract = Contract {
        display_name: was.display_name.clone(),
        contract_type: was.contract_type.clone(),
        account_id: was.account_id,
        account_name: was.account_name.clone(),
        customer_party: was.customer_party.clone(),
        own_party: was.own_party.clone(),
        customer_signer: was.customer_signer.clone(),
        own_signer: was.own_signer.clone(),
        opportunity_id: was.opportunity_id,
        start_date: Some(term.first),
        end_date: Some(term.last),
        term_months: term.months,
        renewal_rule: rule,
        notice_days: was.notice_days,
        notice_date: term::notice_date(rule.0, Some(term.last), was.notice_days),
        payment_method: was.payment_method.clone(),
        amount: was.amount,
        sheet: was.sheet.clone(),
        state: Choice(State::Draft),
        version: 1,
        renewal_of_id: Some(was.id),
        owner_id: was.owner_id,
        tags: was.tags.clone(),
        custom: Json(fields.continued(&was.custom, &fresh.custom)),
        ..fresh
    };
    refresh::evaluate(fields, &mut contract, call.moment());
    contract
}
