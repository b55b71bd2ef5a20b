//! Allocations: what may be allocated and taken back, with the figures of what may not.

use crm_proto::crm::sales::v1::{
    AllocationEntry, AllocationResult, ListAllocationEntriesRequest, ListAllocationsRequest, PaymentPlan,
    Receipt, allocation_entry::Kind, payment_plan::State as PlanState, receipt::State,
};
use crm_proto::google::r#type::Money;
use crm_testkit::{
    Rights,
    status::{assert_error, metadata, violations},
};
use tonic::{Code, Request, Status};
use uuid::Uuid;

use super::{Till, allocation, assert_sums, came, due, owed};
use crate::rig::{Rig, day, yuan};

/// What a refusal says: receipt, plan and asked.
fn figures(status: &Status) -> [String; 3] {
    ["receipt_open", "payment_plan_open", "asked"].map(|key| metadata(status, key))
}

fn states(done: &AllocationResult) -> (State, Vec<PlanState>) {
    let plans = done.payment_plans.iter().map(PaymentPlan::state).collect();
    (done.receipt.as_ref().unwrap().state(), plans)
}

#[tokio::test]
async fn a_receipt_pays_several_instalments_and_is_taken_back() {
    let rig = Rig::new().await;
    let till = Till::new(&rig, &rig.administrator());
    let (first, second) = (till.plan(owed(300)).await.unwrap(), till.plan(owed(400)).await.unwrap());
    let receipt = till.confirmed(came(500)).await;
    let done = till.allocate(&receipt, &[(&second, 100), (&first, 300)]).await.unwrap();
    assert_eq!(states(&done), (State::Confirmed, vec![PlanState::PartiallyPaid, PlanState::Paid]));
    assert_eq!(done.receipt.as_ref().unwrap().open_amount, Some(yuan(100)));
    assert_eq!(done.payment_plans[0].id, second.id);
    let done = till.allocate(&receipt, &[(&second, 100)]).await.unwrap();
    assert_eq!(states(&done), (State::Allocated, vec![PlanState::PartiallyPaid]));
    assert_eq!(done.payment_plans[0], till.get_plan(&second.id).await.unwrap());
    assert_sums(&rig).await;

    let done = till.deallocate(&receipt, &[(&second, Some(50)), (&first, None)]).await.unwrap();
    assert_eq!(states(&done), (State::Confirmed, vec![PlanState::PartiallyPaid, PlanState::Pending]));
    assert_eq!(done.receipt.unwrap().allocated_amount, Some(yuan(150)));
    assert_sums(&rig).await;
    let more = till.deallocate(&receipt, &[(&second, Some(151))]).await;
    let status = assert_error(more, Code::FailedPrecondition, "NOT_ALLOCATED");
    assert_eq!((metadata(&status, "allocated"), metadata(&status, "asked")), ("150".into(), "151".into()));
    let nothing = till.deallocate(&receipt, &[(&first, None)]).await;
    assert_error(nothing, Code::FailedPrecondition, "NOT_ALLOCATED");
    assert_sums(&rig).await;
}

#[tokio::test]
async fn nothing_goes_beyond_what_is_open() {
    let rig = Rig::new().await;
    let till = Till::new(&rig, &rig.administrator());
    let (small, large) = (till.plan(owed(100)).await.unwrap(), till.plan(owed(1000)).await.unwrap());
    let receipt = till.confirmed(came(500)).await;
    let refused = till.allocate(&receipt, &[(&large, 10), (&small, 101)]).await;
    let status = assert_error(refused, Code::FailedPrecondition, "OVER_ALLOCATED");
    assert_eq!(figures(&status), ["490", "100", "101"]);
    let refused = till.allocate(&receipt, &[(&small, 100), (&large, 401)]).await;
    let status = assert_error(refused, Code::FailedPrecondition, "OVER_ALLOCATED");
    assert_eq!(figures(&status), ["400", "1000", "401"]);
    assert_eq!(metadata(&status, "payment_plan_id"), large.id);
    // Nothing of what was refused is there.
    assert_eq!(till.get_receipt(&receipt.id).await.unwrap(), receipt);
    assert_eq!(till.get_plan(&small.id).await.unwrap(), small);

    let twice = till.allocate(&receipt, &[(&small, 1), (&small, 1)]).await;
    let status = assert_error(twice, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(violations(&status), [("lines[1].payment_plan_id".to_owned(), "REPEATED".to_owned())]);
    let none = till.allocate(&receipt, &[(&small, 0)]).await;
    assert_error(none, Code::InvalidArgument, "FIELD_INVALID");
}

#[tokio::test]
async fn only_confirmed_receipts_of_the_same_currency_are_allocated() {
    let rig = Rig::new().await;
    let till = Till::new(&rig, &rig.administrator());
    let plan = till.plan(owed(100)).await.unwrap();
    let registered = till.receipt(came(100)).await.unwrap();
    for refused in [till.allocate(&registered, &[(&plan, 1)]).await, till.auto(&registered).await] {
        let status = assert_error(refused, Code::FailedPrecondition, "RECEIPT_NOT_CONFIRMED");
        assert_eq!(metadata(&status, "state"), "STATE_REGISTERED");
    }
    let dollars = Money { currency_code: "USD".into(), ..yuan(100) };
    let foreign = till.confirmed(Receipt { amount: Some(dollars.clone()), ..came(1) }).await;
    let mut request = allocation(&foreign, &[(&plan, 1)]);
    request.lines[0].amount = Some(dollars);
    let refused = till.allocations.clone().allocate_receipt(request).await;
    let status = assert_error(refused, Code::FailedPrecondition, "ALLOCATION_CURRENCY_MISMATCH");
    let codes = ["receipt_currency", "payment_plan_currency", "asked_currency"];
    assert_eq!(codes.map(|key| metadata(&status, key)), ["USD", "CNY", "USD"]);
    assert_eq!(till.auto(&foreign).await.unwrap().payment_plans, []);
    assert_sums(&rig).await;
}

#[tokio::test]
async fn the_same_idempotency_key_allocates_once() {
    let rig = Rig::new().await;
    let till = Till::new(&rig, &rig.administrator());
    let plan = till.plan(owed(100)).await.unwrap();
    let receipt = till.confirmed(came(100)).await;
    let once = (0..6).map(|_| {
        let mut client = till.allocations.clone();
        let mut request = Request::new(allocation(&receipt, &[(&plan, 30)]));
        request.metadata_mut().insert("idempotency-key", "pay-1".parse().unwrap());
        async move { client.allocate_receipt(request).await.unwrap().into_inner() }
    });
    let answers = futures::future::join_all(once).await;
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(till.get_plan(&plan.id).await.unwrap().allocated_amount, Some(yuan(30)));
    assert_sums(&rig).await;
}

#[tokio::test]
async fn what_is_due_first_is_paid_first() {
    let rig = Rig::new().await;
    let till = Till::new(&rig, &rig.administrator());
    let account = Uuid::from_u128(1);
    let mut made = Vec::new();
    for (units, month) in [(100, 5), (100, 2), (100, 3)] {
        made.push(till.plan(due(account, units, day(2026, month, 1))).await.unwrap());
    }
    let other = till.plan(due(Uuid::new_v4(), 100, day(2026, 1, 1))).await.unwrap();
    let dollars = Money { currency_code: "USD".into(), ..yuan(100) };
    till.plan(PaymentPlan { amount: Some(dollars), ..due(account, 1, day(2026, 1, 1)) }).await.unwrap();
    let done = till.auto(&till.confirmed(came(150)).await).await.unwrap();
    assert_eq!(states(&done), (State::Allocated, vec![PlanState::Paid, PlanState::PartiallyPaid]));
    let ids: Vec<&str> = done.payment_plans.iter().map(|plan| plan.id.as_str()).collect();
    assert_eq!(ids, [made[1].id.as_str(), made[2].id.as_str()]);
    // More than is owed stays on the receipt.
    let rest = till.auto(&till.confirmed(came(1000)).await).await.unwrap();
    assert_eq!(rest.receipt.unwrap().open_amount, Some(yuan(850)));
    assert_eq!(till.get_plan(&other.id).await.unwrap(), other);
    assert_sums(&rig).await;
}

async fn history(till: &Till, receipt_id: &str, page_size: i32) -> Vec<AllocationEntry> {
    let (mut entries, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListAllocationEntriesRequest {
            receipt_id: receipt_id.into(),
            page_size,
            page_token,
            ..Default::default()
        };
        let page = till.allocations.clone().list_allocation_entries(request).await.unwrap().into_inner();
        entries.extend(page.allocation_entries);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return entries;
        }
    }
}

#[tokio::test]
async fn the_history_is_kept_and_read_page_by_page() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let till = Till::new(&rig, &boss);
    let (first, second) = (till.plan(owed(300)).await.unwrap(), till.plan(owed(400)).await.unwrap());
    let receipt = till.confirmed(came(500)).await;
    till.allocate(&receipt, &[(&first, 100), (&second, 50)]).await.unwrap();
    till.deallocate(&receipt, &[(&first, Some(40))]).await.unwrap();
    till.auto(&receipt).await.unwrap();
    let list = |receipt_id: &str, plan_id: &str| {
        let (receipt_id, payment_plan_id) = (receipt_id.to_owned(), plan_id.to_owned());
        let request = ListAllocationsRequest { receipt_id, payment_plan_id, ..Default::default() };
        let mut client = till.allocations.clone();
        async move { client.list_allocations(request).await }
    };
    let amounts: Vec<_> = list(&receipt.id, "").await.unwrap().into_inner().allocations;
    assert_eq!(amounts.len(), 2);
    let of_plan = list("", &first.id).await.unwrap().into_inner().allocations;
    assert_eq!((of_plan.len(), of_plan[0].amount.clone()), (1, Some(yuan(300))));
    till.reverse(&receipt.id, "bounced").await.unwrap();
    assert!(list(&receipt.id, "").await.unwrap().into_inner().allocations.is_empty());

    let told = history(&till, &receipt.id, 2).await;
    assert_eq!(told, history(&till, &receipt.id, 0).await);
    let kinds: Vec<Kind> = told.iter().map(AllocationEntry::kind).collect();
    let (by_hand, alone, back, bounced) =
        (Kind::Allocated, Kind::AutoAllocated, Kind::Deallocated, Kind::Reversed);
    assert_eq!(kinds, [by_hand, by_hand, back, alone, alone, bounced, bounced]);
    assert_eq!(told.iter().map(|entry| entry.amount.as_ref().unwrap().units).sum::<i64>(), 0);
    assert!(told.iter().all(|entry| entry.actor_id == boss.id.to_string()));

    let both = list(&receipt.id, &first.id).await;
    assert_error(both, Code::InvalidArgument, "FIELD_INVALID");
    let rights = Rights::all(boss.tenant_id).with_team(&[]);
    let outside = Till::new(&rig, &rig.callers.add(&rights));
    let request = ListAllocationsRequest { receipt_id: receipt.id.clone(), ..Default::default() };
    assert_error(outside.allocations.clone().list_allocations(request).await, Code::NotFound, "NOT_FOUND");
    assert_error(outside.auto(&receipt).await, Code::NotFound, "NOT_FOUND");
    let rights = Rights::all(boss.tenant_id).with_permissions(&["sales.receipts.confirm"]);
    let clerk = Till::new(&rig, &rig.callers.add(&rights));
    assert_error(clerk.auto(&receipt).await, Code::PermissionDenied, "PERMISSION_MISSING");
}
