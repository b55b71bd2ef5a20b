//! Use cases of payment plans beyond the life that all records share: cancelling one, and splitting a total into instalments.

use crm_kit_api::{Call, Error, Result, error::Violations};
use crm_kit_record::field::Checker;
use crm_kit_value::text::is_blank;
use crm_proto::crm::sales::v1::{
    Instalment, PaymentPlan as Wire, SplitPaymentPlanRequest, SplitPaymentPlanResponse,
};

use rust_decimal::{Decimal, prelude::ToPrimitive as _};

use super::{
    PaymentPlan, PaymentPlans, convert,
    split::{self, ALL, PARTS_PER_PERCENT},
};
use crate::{decimal, payment};

/// Cancels an instalment.
pub async fn cancel(plans: &PaymentPlans, call: &Call, named: (&str, &str), reason: &str) -> Result<Wire> {
    let reason = read_reason(reason)?;
    plans.act(call, "cancel", named, |plan: &mut PaymentPlan| plan.cancel(&reason)).await
}

/// Reads why something is done, which must be said.
pub fn read_reason(reason: &str) -> Result<String> {
    let mut violations = Violations::default();
    if is_blank(reason) {
        violations.add("reason", "REQUIRED", "is required");
    } else if reason.contains('\n') || reason.contains('\r') {
        violations.add("reason", "NOT_ONE_LINE", "must stand on one line");
    }
    violations.into_result(reason.trim().to_owned())
}

/// Splits a total into instalments, and creates them unless they are only to be shown.
pub async fn split(
    plans: &PaymentPlans,
    call: &Call,
    request: SplitPaymentPlanRequest,
) -> Result<SplitPaymentPlanResponse> {
    let parts = parts(request.payment_plan.unwrap_or_default(), request.instalments)?;
    let answer = |payment_plans| SplitPaymentPlanResponse { payment_plans };
    if !request.validate_only {
        return plans.create(call, parts, instalment, answer).await;
    }
    let fields = plans.fields(call).await?;
    let mut shown = Vec::with_capacity(parts.len());
    for (index, part) in parts.into_iter().enumerate() {
        let plan = convert::read(call, &fields, part, convert::fresh(call, String::new()));
        let plan = plan.map_err(|error| error.within(&instalment(index)))?;
        let wire = convert::to_wire(&plan, &fields);
        let (id, etag) = (String::new(), String::new());
        shown.push(Wire { id, etag, create_time: None, update_time: None, ..wire });
    }
    Ok(answer(shown))
}

fn instalment(index: usize) -> String {
    format!("instalments[{index}]")
}

/// The instalments as payment plans to create.
fn parts(whole: Wire, instalments: Vec<Instalment>) -> Result<Vec<Wire>> {
    let mut check = Checker::new("payment_plan", "");
    let total = payment::read_amount("amount", whole.amount.as_ref(), &mut check);
    let weights = weights(&instalments, check.violations());
    let total = check.into_violations().into_result(total)?;
    let total = total.ok_or_else(|| Error::bug("an amount was refused without a violation"))?;
    let shares = split::shares(total.ten_thousandths, &weights, &total.currency);
    let mut violations = Violations::default();
    let mut parts = Vec::with_capacity(shares.len());
    for (index, (share, part)) in shares.into_iter().zip(instalments).enumerate() {
        if share == 0 {
            violations.add(instalment(index), "NOTHING_LEFT", "comes to nothing: the total is too small");
        }
        let description =
            if part.description.is_empty() { whole.description.clone() } else { part.description };
        parts.push(Wire {
            number: String::new(),
            external_ids: Vec::new(),
            sequence: i32::try_from(index + 1).unwrap_or(0),
            due_date: part.due_date,
            amount: payment::to_wire(share, &total.currency),
            description,
            ..whole.clone()
        });
    }
    violations.into_result(parts)
}

/// What the instalments weigh: their percentages, or all alike.
fn weights(instalments: &[Instalment], violations: &mut Violations) -> Vec<i64> {
    if instalments.iter().all(|part| part.percent.is_empty()) {
        return vec![1; instalments.len()];
    }
    let mut weights = Vec::with_capacity(instalments.len());
    for (index, part) in instalments.iter().enumerate() {
        let percent = decimal::read(&part.percent, 6);
        let percent = percent.filter(|percent| !percent.is_zero() && *percent <= Decimal::ONE_HUNDRED);
        let weight = percent.and_then(|percent| (percent * Decimal::from(PARTS_PER_PERCENT)).to_i64());
        if weight.is_none() {
            let message = "is not a decimal number above 0 and up to 100 with at most six decimals";
            violations.add(format!("{}.percent", instalment(index)), "NUMBER_INVALID", message);
        }
        weights.push(weight.unwrap_or_default());
    }
    if violations.is_empty() && weights.iter().sum::<i64>() != ALL {
        violations.add("instalments", "PERCENT_SUM", "have percentages that do not add up to 100");
    }
    weights
}
