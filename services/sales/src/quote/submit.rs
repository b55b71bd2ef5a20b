//! Submitting a quote, and what approvers make of it.

use std::collections::BTreeMap;

use crm_kit_api::{Call, Result};
use crm_kit_pg::Tx;
use crm_kit_record::{
    Choice,
    custom_field::Fields,
    field::id_text,
    life::{self as record, Revision},
};
use crm_proto::crm::sales::v1::{
    Quote as Wire,
    quote::{ApprovalState, State},
};
use rust_decimal::Decimal;

use super::{OBJECT_TYPE, Quote, life, ops, settings::Limits};
use crate::{
    approval::{self, Approvable, Decision, Object, Outcome},
    rules,
};

/// Submits a draft: within the limit of discounts it is approved, past it approvers are asked. Earlier revisions are superseded.
pub async fn submit(
    tx: &mut Tx<'_>,
    call: &Call,
    fields: &Fields,
    was: Quote,
    others: Vec<Quote>,
    comment: &str,
) -> Result<Wire> {
    check(&was, &others, call)?;
    let tenant = tx.tenant_id();
    let limits = rules::get::<Limits>(tx.conn(), tenant).await?.1;
    let within = limits.allow(was.sheet.discount_percent);
    let (state, approval_state) = if within {
        (State::Approved, ApprovalState::NotNeeded)
    } else {
        (State::InApproval, ApprovalState::Pending)
    };
    let quote = Quote {
        state: Choice(state),
        approval_state: Choice(approval_state),
        approval_request_id: None,
        approval_comment: String::new(),
        // What the row will have once it is written.
        submitted_revision: if within { 0 } else { was.revision + 1 },
        submit_time: Some(call.now),
        ..was.clone()
    };
    if within {
        ops::watch(tx, &quote).await?;
    } else {
        approval::ask(tx, call, &object(&quote, comment)).await?;
    }
    let number = quote.revision_number;
    let mut revisions = vec![Revision::new(fields, was, quote)];
    let superseded = others
        .into_iter()
        .filter(|other| other.state.0 != State::Superseded && other.revision_number < number);
    revisions.extend(superseded.map(|other| {
        let quote = Quote { state: Choice(State::Superseded), ..other.clone() };
        Revision::new(fields, other, quote)
    }));
    let mut written = record::write(tx, call, fields, revisions).await?;
    Ok(written.swap_remove(0))
}

fn check(quote: &Quote, others: &[Quote], call: &Call) -> Result<()> {
    life::must_be(quote, call.now, &[State::Draft])?;
    if quote.sheet.lines.is_empty() {
        return Err(life::empty());
    }
    if quote.expire_time.is_some_and(|end| end <= call.now) {
        return Err(life::expired(quote));
    }
    life::refuse_revised(quote, others)?;
    match others.iter().find(|other| other.state.0 == State::Accepted) {
        Some(other) => Err(life::accepted(quote, Some(other.id))),
        None => Ok(()),
    }
}

/// What approvers see of a quote, and conditions of flows look at.
fn object(quote: &Quote, comment: &str) -> Object {
    let amount = |ten_thousandths| Decimal::new(ten_thousandths, 4).normalize().to_string();
    let (sheet, totals) = (&quote.sheet, quote.sheet.totals);
    let discount = sheet.discount_percent.map(|percent| percent.to_string()).unwrap_or_default();
    Object {
        object_type: OBJECT_TYPE,
        object_id: quote.id,
        object_revision: quote.submitted_revision,
        display_name: format!("{} {}", quote.number, quote.display_name).chars().take(200).collect(),
        comment: comment.to_owned(),
        values: BTreeMap::from([
            ("number", quote.number.clone()),
            ("revision_number", quote.revision_number.to_string()),
            ("account_id", id_text(quote.account_id)),
            ("account_name", quote.account_name.clone()),
            ("opportunity_id", id_text(quote.opportunity_id)),
            ("owner_id", quote.owner_id.to_string()),
            ("currency_code", sheet.currency.clone()),
            ("discount_percent", discount),
            ("list_amount", amount(totals.list)),
            ("header_discount", amount(totals.header_discount)),
            ("net_amount", amount(totals.net)),
            ("gross_amount", amount(totals.gross)),
            ("valid_until", quote.valid_until.map(|day| day.to_string()).unwrap_or_default()),
        ]),
    }
}

impl Approvable for Quote {
    const OBJECT_TYPE: &'static str = OBJECT_TYPE;

    fn awaiting(&self) -> Option<i64> {
        (self.state.0 == State::InApproval).then_some(self.submitted_revision)
    }

    fn decided(self, decision: Decision) -> Self {
        let (state, approval_state) = match decision.outcome {
            Outcome::Asked => (State::InApproval, ApprovalState::Pending),
            Outcome::Approved => (State::Approved, ApprovalState::Approved),
            Outcome::Rejected => (State::Draft, ApprovalState::Rejected),
            Outcome::Returned => (State::Draft, ApprovalState::Returned),
            Outcome::Failed => (State::Draft, ApprovalState::Failed),
        };
        Self {
            state: Choice(state),
            approval_state: Choice(approval_state),
            approval_request_id: decision.request_id,
            approval_comment: decision.comment,
            ..self
        }
    }

    /// What is approved says when it is expired.
    async fn follow(&self, tx: &mut Tx<'_>) -> Result<()> {
        if self.state.0 == State::Approved { ops::watch(tx, self).await } else { Ok(()) }
    }
}
