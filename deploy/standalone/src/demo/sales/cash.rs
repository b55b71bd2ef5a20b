//! What customers are to pay for their orders, what came in, and what it pays.

use std::collections::BTreeMap;

use crm_proto::{
    crm::sales::v1::{
        AllocateReceiptRequest, AllocationLine, BulkUpsertReceiptsRequest, ConfirmReceiptRequest, Instalment,
        ListPaymentPlansRequest, ListReceiptsRequest, Order, PaymentPlan, Receipt, SplitPaymentPlanRequest,
        allocation_service_client::AllocationServiceClient,
        order,
        payment_plan_service_client::PaymentPlanServiceClient,
        receipt::{self, Method},
        receipt_service_client::ReceiptServiceClient,
    },
    google::r#type::Money,
};
use futures::{TryStreamExt as _, stream};

use super::{Desk, EVERYTHING, by_key, key, money};
use crate::{client::Authorised, demo::fill::collect, failure::Result};

/// What came in: for which order, which of its instalments, how much of that in percent, and how many days ago.
const PAID: [(usize, usize, i64, i64); 6] =
    [(0, 0, 100, 40), (0, 1, 100, 12), (1, 0, 100, 33), (1, 1, 50, 5), (2, 0, 100, 9), (3, 0, 100, 2)];
/// What a customer paid ahead, in yuan; it waits to be allocated.
const AHEAD: i64 = 20_000;

/// The instalments of orders, by the order's id.
type Plans = BTreeMap<String, Vec<PaymentPlan>>;

/// Makes instalments and receipts that are missing, and allocates what is confirmed and not allocated.
pub async fn ensure(desk: &Desk, orders: &[Order]) -> Result<()> {
    let owed: Vec<&Order> = orders.iter().filter(|order| order.state() != order::State::Draft).collect();
    split(desk, &owed).await?;
    let plans = plans(desk).await?;
    let mut client = ReceiptServiceClient::new(desk.sales.clone());
    let known = receipts(&mut client).await?;
    let rows = planned(desk, &owed, &plans).into_iter().filter(|(name, ..)| !known.contains_key(name));
    let rows = rows.map(|(name, receipt, _)| BulkUpsertReceiptsRequest {
        key: Some(key(&name)),
        receipt: Some(receipt),
        update_mask: None,
    });
    let rows: Vec<_> = rows.collect();
    let answers = client.bulk_upsert_receipts(stream::iter(rows)).await?.into_inner();
    collect(answers.map_ok(|answer| answer.results)).await?;
    let known = receipts(&mut client).await?;
    for (name, _, plan) in planned(desk, &owed, &plans) {
        if let Some(receipt) = known.get(&name) {
            settle(desk, &mut client, receipt, plan).await?;
        }
    }
    Ok(())
}

/// Splits what orders come to into two instalments each.
async fn split(desk: &Desk, orders: &[&Order]) -> Result<()> {
    let known = plans(desk).await?;
    let mut client = PaymentPlanServiceClient::new(desk.sales.clone());
    for (index, order) in orders.iter().enumerate().filter(|(_, order)| !known.contains_key(&order.id)) {
        let total = order.totals.clone().unwrap_or_default().gross_amount;
        let instalment = |days: i64, percent: &str, description: &str| Instalment {
            due_date: Some(desk.day(days)),
            percent: percent.to_owned(),
            description: description.to_owned(),
        };
        // The first instalments are due, the last ones partly overdue and partly to come.
        let late = i64::try_from(index).unwrap_or(0) * 12 - 20;
        let request = SplitPaymentPlanRequest {
            payment_plan: Some(PaymentPlan {
                account_id: order.account_id.clone(),
                account_name: order.account_name.clone(),
                order_id: order.id.clone(),
                amount: total,
                owner_id: order.owner_id.clone(),
                ..PaymentPlan::default()
            }),
            instalments: vec![
                instalment(late - 25, "30", "预付款 In advance"),
                instalment(late + 20, "70", "验收款 On acceptance"),
            ],
            validate_only: false,
        };
        client.split_payment_plan(request).await?;
    }
    Ok(())
}

async fn plans(desk: &Desk) -> Result<Plans> {
    let mut client = PaymentPlanServiceClient::new(desk.sales.clone());
    let request = ListPaymentPlansRequest { page_size: EVERYTHING, ..ListPaymentPlansRequest::default() };
    let mut plans = Plans::new();
    for plan in client.list_payment_plans(request).await?.into_inner().payment_plans {
        plans.entry(plan.order_id.clone()).or_default().push(plan);
    }
    for plans in plans.values_mut() {
        plans.sort_by_key(|plan| plan.sequence);
    }
    Ok(plans)
}

async fn receipts(client: &mut ReceiptServiceClient<Authorised>) -> Result<BTreeMap<String, Receipt>> {
    let request = ListReceiptsRequest { page_size: EVERYTHING, ..ListReceiptsRequest::default() };
    let found = client.list_receipts(request).await?.into_inner().receipts;
    Ok(by_key(found, |receipt| &receipt.external_ids))
}

/// Receipts as they shall be, with their keys, and the instalments they pay.
fn planned<'p>(
    desk: &Desk,
    orders: &[&Order],
    plans: &'p Plans,
) -> Vec<(String, Receipt, Option<&'p PaymentPlan>)> {
    let mut planned = Vec::new();
    for (index, (order, instalment, percent, days)) in PAID.iter().enumerate() {
        let Some(order) = orders.get(*order) else { continue };
        let Some(plan) = plans.get(&order.id).and_then(|plans| plans.get(*instalment)) else { continue };
        let whole = plan.amount.clone().unwrap_or_default();
        let amount = match percent {
            100 => whole,
            percent => money(&whole.currency_code, whole.units * percent / 100),
        };
        planned.push((
            format!("receipt-{}", index + 1),
            receipt(desk, order, amount, *days, index),
            Some(plan),
        ));
    }
    if let Some(order) = orders.iter().find(|order| order.currency_code == "CNY") {
        let ahead = receipt(desk, order, money("CNY", AHEAD), 1, PAID.len());
        planned.push((format!("receipt-{}", PAID.len() + 1), ahead, None));
    }
    planned
}

fn receipt(desk: &Desk, order: &Order, amount: Money, days: i64, index: usize) -> Receipt {
    Receipt {
        account_id: order.account_id.clone(),
        account_name: order.account_name.clone(),
        amount: Some(amount),
        receive_date: Some(desk.day(-days)),
        method: Method::BankTransfer.into(),
        bank_reference: format!("MH{:08}", 20_417 + index * 131),
        payer_name: order.account_name.clone(),
        owner_id: order.owner_id.clone(),
        ..Receipt::default()
    }
}

/// Confirms a receipt that is registered, and allocates one that is confirmed.
async fn settle(
    desk: &Desk,
    client: &mut ReceiptServiceClient<Authorised>,
    receipt: &Receipt,
    plan: Option<&PaymentPlan>,
) -> Result<()> {
    let mut receipt = receipt.clone();
    if receipt.state() == receipt::State::Registered {
        let request = ConfirmReceiptRequest { id: receipt.id.clone(), etag: String::new() };
        receipt = client.confirm_receipt(request).await?.into_inner();
    }
    let Some(plan) = plan.filter(|_| receipt.state() == receipt::State::Confirmed) else { return Ok(()) };
    let amount = receipt.open_amount.clone();
    let request = AllocateReceiptRequest {
        id: receipt.id,
        etag: String::new(),
        lines: vec![AllocationLine { payment_plan_id: plan.id.clone(), amount }],
    };
    AllocationServiceClient::new(desk.sales.clone()).allocate_receipt(request).await?;
    Ok(())
}
