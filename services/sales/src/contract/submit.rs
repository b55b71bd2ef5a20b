//! Submitting a contract, taking it back, and what approvers make of it.

use std::collections::BTreeMap;

use crm_kit_api::{Call, Error, Result};
use crm_kit_pg::Tx;
use crm_kit_record::{Choice, field::id_text};
use crm_proto::crm::sales::v1::contract::{ApprovalState, State};
use rust_decimal::Decimal;
use tonic::Code;

use super::{
    Contract, OBJECT_TYPE,
    machine::{self, Act},
    settings::Limits,
};
use crate::{
    DOMAIN,
    approval::{self, Approvable, Decision, Object, Outcome},
    rules,
};

/// Submits a draft: within the limits it may be signed, past one of them approvers are asked.
pub async fn submit(tx: &mut Tx<'_>, call: &Call, was: &Contract, comment: &str) -> Result<Contract> {
    check(was)?;
    let tenant = tx.tenant_id();
    let within = rules::get::<Limits>(tx.conn(), tenant).await?.1.allow(was);
    let (act, approval_state) =
        if within { (Act::Pass, ApprovalState::NotNeeded) } else { (Act::Ask, ApprovalState::Pending) };
    let contract = Contract {
        state: Choice(act.done(was.state.0)?),
        approval_state: Choice(approval_state),
        approval_request_id: None,
        approval_comment: String::new(),
        // What the row will have once it is written.
        submitted_revision: if within { 0 } else { was.revision + 1 },
        ..was.clone()
    };
    if !within {
        approval::ask(tx, call, &object(&contract, comment)).await?;
    }
    Ok(contract)
}

/// Takes a contract back from approval.
pub async fn withdraw(tx: &mut Tx<'_>, call: &Call, was: &Contract, comment: &str) -> Result<Contract> {
    let state = Act::Return.done(was.state.0)?;
    approval::take_back(tx, call, OBJECT_TYPE, (was.id, was.submitted_revision)).await?;
    Ok(Contract {
        state: Choice(state),
        approval_state: Choice(ApprovalState::Withdrawn),
        approval_comment: comment.to_owned(),
        ..was.clone()
    })
}

fn check(was: &Contract) -> Result<()> {
    if was.state.0 != State::Draft {
        return Err(machine::refuse(was.state.0));
    }
    let has = [("amount", was.amount.is_some()), ("start_date", was.start_date.is_some())];
    let missing: Vec<&str> = has.iter().filter(|(_, has)| !has).map(|(field, _)| *field).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let message = format!("the contract lacks {}", missing.join(", "));
    Err(Error::new(Code::FailedPrecondition, DOMAIN, "CONTRACT_INCOMPLETE", message)
        .with("missing", missing.join(",")))
}

/// What approvers see of a contract, and conditions of flows look at.
fn object(contract: &Contract, comment: &str) -> Object {
    let day = |day: Option<chrono::NaiveDate>| day.map(|day| day.to_string()).unwrap_or_default();
    let number = |ten_thousandths| Decimal::new(ten_thousandths, 4).normalize().to_string();
    let discount = contract.sheet.discount_percent.map(|percent| percent.to_string());
    Object {
        object_type: OBJECT_TYPE,
        object_id: contract.id,
        object_revision: contract.submitted_revision,
        display_name: format!("{} {}", contract.number, contract.display_name).chars().take(200).collect(),
        comment: comment.to_owned(),
        values: BTreeMap::from([
            ("number", contract.number.clone()),
            ("contract_type", contract.contract_type.clone()),
            ("version", contract.version.to_string()),
            ("account_id", id_text(contract.account_id)),
            ("account_name", contract.account_name.clone()),
            ("opportunity_id", id_text(contract.opportunity_id)),
            ("quote_id", id_text(contract.quote_id)),
            ("owner_id", contract.owner_id.to_string()),
            ("currency_code", contract.sheet.currency.clone()),
            ("amount", contract.amount.map(number).unwrap_or_default()),
            ("discount_percent", discount.unwrap_or_default()),
            ("start_date", day(contract.start_date)),
            ("end_date", day(contract.end_date)),
            ("term_months", contract.term_months.to_string()),
            ("renewal_rule", contract.renewal_rule.0.as_str_name().to_owned()),
        ]),
    }
}

impl Approvable for Contract {
    const OBJECT_TYPE: &'static str = OBJECT_TYPE;

    fn awaiting(&self) -> Option<i64> {
        (self.state.0 == State::InApproval).then_some(self.submitted_revision)
    }

    fn decided(self, decision: Decision) -> Self {
        let (act, approval_state) = match decision.outcome {
            Outcome::Asked => (None, ApprovalState::Pending),
            Outcome::Approved => (Some(Act::Pass), ApprovalState::Approved),
            Outcome::Rejected => (Some(Act::Return), ApprovalState::Rejected),
            Outcome::Returned => (Some(Act::Return), ApprovalState::Returned),
            Outcome::Failed => (Some(Act::Return), ApprovalState::Failed),
        };
        Self {
            state: Choice(act.and_then(|act| act.from(self.state.0)).unwrap_or(self.state.0)),
            approval_state: Choice(approval_state),
            approval_request_id: decision.request_id,
            approval_comment: decision.comment,
            ..self
        }
    }
}
