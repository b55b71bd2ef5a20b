//! What may be allocated and taken back: pure rules over a receipt and instalments that are held.

use std::collections::BTreeMap;

use crm_kit_api::{Error, Result, money::Money};
use tonic::Code;
use uuid::Uuid;

use crate::{DOMAIN, payment::units, payment_plan::PaymentPlan, receipt::Receipt};

/// Most instalments that one receipt pays.
pub const MOST: usize = 1000;

/// What a caller asks for of an instalment.
#[derive(Clone, Debug)]
pub struct Line<A> {
    /// The instalment.
    pub plan_id: Uuid,
    /// How much.
    pub amount: A,
}

/// What changes for an instalment.
#[derive(Clone, Debug)]
pub struct Part {
    /// The instalment before it.
    pub plan: PaymentPlan,
    /// Ten-thousandths of the currency's unit that are allocated; negative for those taken back.
    pub amount: i64,
}

/// What a receipt pays, by instalment.
pub type Paid = BTreeMap<Uuid, i64>;

/// Allocates a confirmed receipt to the instalments, which stand in the order of the lines.
pub fn allocate(receipt: &Receipt, plans: Vec<PaymentPlan>, lines: &[Line<Money>]) -> Result<Vec<Part>> {
    let (mut left, mut parts) = (receipt.open(), Vec::with_capacity(plans.len()));
    for (plan, line) in plans.into_iter().zip(lines) {
        plan.check_live()?;
        check_currency(receipt, &plan, &line.amount.currency)?;
        let amount = line.amount.ten_thousandths;
        if amount > left.min(plan.open()) {
            return Err(over_allocated(receipt, left, &plan, amount));
        }
        left -= amount;
        parts.push(Part { plan, amount });
    }
    Ok(parts)
}

/// Allocates what a confirmed receipt has open to instalments, those due first first, as far as it goes.
pub fn due_first(receipt: &Receipt, mut plans: Vec<PaymentPlan>) -> Vec<Part> {
    plans.sort_by_key(|plan| (plan.due_date, plan.id));
    let (mut left, mut parts) = (receipt.open(), Vec::new());
    for plan in plans {
        let amount = left.min(plan.open());
        if amount > 0 {
            left -= amount;
            parts.push(Part { plan, amount });
        }
    }
    parts
}

/// Takes back what lines say of what a receipt pays; the instalments stand in the order of the lines.
pub fn deallocate(
    receipt: &Receipt,
    plans: Vec<PaymentPlan>,
    paid: &Paid,
    lines: &[Line<Option<Money>>],
) -> Result<Vec<Part>> {
    let mut parts = Vec::with_capacity(plans.len());
    for (plan, line) in plans.into_iter().zip(lines) {
        let held = paid.get(&plan.id).copied().unwrap_or_default();
        let asked = line.amount.as_ref();
        if let Some(asked) = asked {
            check_currency(receipt, &plan, &asked.currency)?;
        }
        let amount = asked.map_or(held, |asked| asked.ten_thousandths);
        if held == 0 || amount > held {
            let error =
                refusal("NOT_ALLOCATED", "less of the receipt is allocated to the payment plan", receipt)
                    .with("payment_plan_id", plan.id)
                    .with("allocated", units(held))
                    .with("currency_code", &receipt.amount_currency);
            return Err(match asked {
                Some(asked) => error.with("asked", units(asked.ten_thousandths)),
                None => error,
            });
        }
        parts.push(Part { plan, amount: -amount });
    }
    Ok(parts)
}

/// Takes back all that a receipt pays.
pub fn take_back(plans: Vec<PaymentPlan>, paid: &Paid) -> Vec<Part> {
    let held = |plan: &PaymentPlan| paid.get(&plan.id).copied().unwrap_or_default();
    plans.into_iter().map(|plan| Part { amount: -held(&plan), plan }).collect()
}

/// Fails when the receipt would pay more instalments than one may.
pub fn check_limit(receipt: &Receipt, paid: &Paid, parts: &[Part]) -> Result<()> {
    let new = parts.iter().filter(|part| !paid.contains_key(&part.plan.id)).count();
    if new == 0 || paid.len() + new <= MOST {
        return Ok(());
    }
    let message = format!("a receipt pays at most {MOST} payment plans");
    Err(refusal("ALLOCATION_LIMIT", message, receipt).with("limit", MOST))
}

fn check_currency(receipt: &Receipt, plan: &PaymentPlan, asked: &str) -> Result<()> {
    let (ours, theirs) = (receipt.amount_currency.as_str(), plan.amount_currency.as_str());
    if ours == theirs && ours == asked {
        return Ok(());
    }
    let message = format!("the receipt is in {ours}, the payment plan in {theirs}, the amount in {asked}");
    Err(refusal("ALLOCATION_CURRENCY_MISMATCH", message, receipt)
        .with("receipt_currency", ours)
        .with("payment_plan_id", plan.id)
        .with("payment_plan_currency", theirs)
        .with("asked_currency", asked))
}

fn over_allocated(receipt: &Receipt, left: i64, plan: &PaymentPlan, asked: i64) -> Error {
    let (left, open, asked) = (units(left), units(plan.open()), units(asked));
    let message = format!("{asked} is more than is open: {left} of the receipt, {open} of the payment plan");
    refusal("OVER_ALLOCATED", message, receipt)
        .with("receipt_open", left)
        .with("payment_plan_id", plan.id)
        .with("payment_plan_open", open)
        .with("asked", asked)
        .with("currency_code", &receipt.amount_currency)
}

fn refusal(reason: &'static str, message: impl Into<String>, receipt: &Receipt) -> Error {
    Error::new(Code::FailedPrecondition, DOMAIN, reason, message).with("receipt_id", receipt.id)
}

#[cfg(test)]
mod tests {
    use chrono::{Days, NaiveDate};
    use proptest::prelude::*;

    use super::*;

    fn plan(number: u128, amount: i64, allocated: i64, days: u64) -> PaymentPlan {
        let due_date = NaiveDate::default() + Days::new(days);
        PaymentPlan { id: Uuid::from_u128(number), amount, allocated, due_date, ..PaymentPlan::default() }
    }

    proptest! {
        #[test]
        fn what_is_due_first_is_filled_before_the_next(
            amount in 1_i64..1000,
            plans in prop::collection::vec((1_i64..200, 0_i64..200, 0_u64..50), 0..20),
        ) {
            let receipt = Receipt { amount, ..Receipt::default() };
            let plans: Vec<_> = (1..)
                .zip(&plans)
                .map(|(number, (amount, paid, days))| plan(number, *amount, *paid.min(amount), *days))
                .collect();
            let owed: i64 = plans.iter().map(PaymentPlan::open).sum();
            let parts = due_first(&receipt, plans);
            prop_assert_eq!(parts.iter().map(|part| part.amount).sum::<i64>(), amount.min(owed));
            prop_assert!(parts.is_sorted_by_key(|part| part.plan.due_date));
            let full = parts.iter().take(parts.len().saturating_sub(1));
            prop_assert!(full.into_iter().all(|part| part.amount == part.plan.open()));
            prop_assert!(parts.iter().all(|part| 0 < part.amount && part.amount <= part.plan.open()));
        }
    }

    #[test]
    fn a_receipt_pays_no_more_instalments_than_it_may() {
        let receipt = Receipt::default();
        let paid: Paid = (0..1000).map(|number| (Uuid::from_u128(number), 1)).collect();
        let part = |number| [Part { plan: plan(number, 5, 0, 0), amount: 1 }];
        assert!(check_limit(&receipt, &paid, &part(999)).is_ok());
        let error = check_limit(&receipt, &paid, &part(1000)).unwrap_err();
        assert_eq!((error.reason(), error.metadata("limit")), ("ALLOCATION_LIMIT", Some("1000")));
    }
}
