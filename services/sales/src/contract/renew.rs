//! Renewing a contract: the one that follows is created and both know of each other, in one transaction.

use crm_kit_api::{Call, Error, Result, etag, id, time};
use crm_kit_pg::Tx;
use crm_kit_record::{
    Record as _,
    custom_field::Fields,
    field::{Checker, id_text},
    life::{self, Revision},
    single,
};
use crm_proto::crm::sales::v1::{
    Contract as Wire, DocumentLine, RenewContractRequest,
    contract::{RenewalRule, State},
};
use tonic::Code;
use uuid::Uuid;

use super::{COLLECTION, Contract, Contracts, convert, machine, term};
use crate::DOMAIN;

impl Contracts {
    /// Creates the contract that follows one; returns the new contract.
    pub async fn renew(&self, call: &Call, request: &RenewContractRequest) -> Result<Wire> {
        // The new contract shows what the old one says.
        call.require("sales.contracts.read")?;
        let (fields, id) = (&self.slice.fields(call).await?, id::parse("id", &request.id)?);
        let was = self.found(call, id).await?;
        etag::check(&request.etag, was.revision)?;
        let wire = following(&was, request)?;
        // The number is taken before the transaction; what was read is checked in it.
        let mut new = self.slice.read_new(call, fields, vec![wire], single).await?;
        for contract in &mut new {
            contract.renewal_of_id = Some(id);
        }
        let (was, new) = (&was, &new);
        self.slice
            .db
            .write(call, "renew", move |tx| {
                Box::pin(async move { store_both(tx, call, fields, was, new).await })
            })
            .await
    }

    /// The live contract with an id.
    async fn found(&self, call: &Call, id: Uuid) -> Result<Contract> {
        let (tenant, owners) = (call.tenant_id(), call.access.scope.owners());
        let found = self
            .slice
            .db
            .read(call, move |tx| {
                Box::pin(async move { Contract::get(tx.conn(), tenant, &[id], owners).await })
            })
            .await?;
        let found = found.into_iter().find(|contract| contract.delete_time.is_none());
        found.ok_or_else(|| Error::not_found(COLLECTION, id))
    }
}

async fn store_both(
    tx: &mut Tx<'_>,
    call: &Call,
    fields: &Fields,
    was: &Contract,
    new: &[Contract],
) -> Result<Wire> {
    let held = life::hold_one::<Contract>(tx, call, was.id, "").await?;
    if let Some(renewal_id) = held.renewal_id {
        refuse_renewed(tx, &held, renewal_id).await?;
    }
    if held.revision != was.revision {
        return Err(Error::concurrent_change());
    }
    let written = life::insert(tx, call, fields, new).await?;
    let renewed = Contract { renewal_id: new.first().map(|contract| contract.id), ..held.clone() };
    life::write_one(tx, call, fields, Revision::made(call, fields, held, renewed)).await?;
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

/// What the contract that follows says.
fn following(was: &Contract, request: &RenewContractRequest) -> Result<Wire> {
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
    Ok(Wire {
        start_date: first.map(time::date),
        end_date: last.map(time::date),
        term_months: if by_term { i32::try_from(was.term_months).unwrap_or(0) } else { 0 },
        ..content(was)
    })
}

/// The content of a contract as a new one begins with it.
fn content(was: &Contract) -> Wire {
    let wire = convert::to_wire(was, &Fields::default());
    let lines = wire.lines.into_iter();
    Wire {
        display_name: wire.display_name,
        contract_type: wire.contract_type,
        account_id: wire.account_id,
        account_name: wire.account_name,
        customer_party: wire.customer_party,
        own_party: wire.own_party,
        customer_signer: wire.customer_signer,
        own_signer: wire.own_signer,
        opportunity_id: id_text(was.opportunity_id),
        renewal_rule: wire.renewal_rule,
        notice_days: wire.notice_days,
        payment_method: wire.payment_method,
        amount: wire.amount,
        currency_code: wire.currency_code,
        price_book_id: wire.price_book_id,
        price_includes_tax: wire.price_includes_tax,
        amount_decimals: wire.amount_decimals,
        header_discount_percent: wire.header_discount_percent,
        header_discount: wire.header_discount,
        lines: lines.map(|line| DocumentLine { id: String::new(), ..line }).collect(),
        owner_id: wire.owner_id,
        tags: wire.tags,
        ..Wire::default()
    }
}
