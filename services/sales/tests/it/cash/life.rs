//! What plans and receipts have of the life that all records share: bulk, batches, files, recycle bin, events.

use chrono::TimeDelta;
use crm_proto::crm::{
    event::v1::{Event, event::ChangeKind},
    record::v1::{RowResult, row_result::Outcome},
    sales::v1::{
        AllocationEntryCreated, BatchCreatePaymentPlansRequest, BatchDeletePaymentPlansRequest,
        BatchGetPaymentPlansRequest, BulkUpsertPaymentPlansRequest, BulkUpsertReceiptsRequest,
        CreatePaymentPlanRequest, DeletePaymentPlanRequest, PaymentPlan, PaymentPlanPurged,
        PaymentPlanUpdated, Receipt, ReceiptUpdated, UndeletePaymentPlanRequest, payment_plan::State,
        receipt,
    },
};
use crm_testkit::status::{assert_error, reason};
use tonic::Code;

use super::{Till, assert_sums, came, owed, receipt_row};
use crate::rig::{Rig, yuan};

async fn upsert(till: &Till, rows: Vec<BulkUpsertReceiptsRequest>) -> Vec<RowResult> {
    let stream = till.receipts.clone().bulk_upsert_receipts(futures::stream::iter(rows)).await;
    let (mut answers, mut results) = (stream.unwrap().into_inner(), Vec::new());
    while let Some(answer) = answers.message().await.unwrap() {
        results.extend(answer.results);
    }
    results
}

#[tokio::test]
async fn an_erp_sends_receipts_and_plans_again_and_again() {
    let rig = Rig::new().await;
    let till = Till::new(&rig, &rig.administrator());
    let rows = |units: &[i64]| -> Vec<_> {
        (1..).zip(units).map(|(key, units): (i32, _)| receipt_row(&key.to_string(), came(*units))).collect()
    };
    let outcomes =
        |results: &[RowResult]| -> Vec<Outcome> { results.iter().map(RowResult::outcome).collect() };
    let first = upsert(&till, rows(&[100, 200, 300])).await;
    assert_eq!(outcomes(&first), [Outcome::Created; 3]);
    till.confirm(&first[0].id).await.unwrap();
    till.confirm(&first[1].id).await.unwrap();
    // The same again changes nothing; another amount is taken where nobody has confirmed it, and fails alone where somebody has.
    let again = upsert(&till, rows(&[100, 201, 301])).await;
    assert_eq!(outcomes(&again), [Outcome::Unchanged, Outcome::Failed, Outcome::Updated]);
    let failed = again[1].status.as_ref().unwrap();
    assert_eq!(failed.code, i32::from(Code::FailedPrecondition));
    assert_eq!(till.get_receipt(&first[2].id).await.unwrap().amount, Some(yuan(301)));
    assert_eq!(till.get_receipt(&first[0].id).await.unwrap().state(), receipt::State::Confirmed);

    let key = receipt_row("PP-7", Receipt::default()).key;
    for (plan, outcome) in [(owed(100), Outcome::Created), (owed(90), Outcome::Updated)] {
        let row =
            BulkUpsertPaymentPlansRequest { key: key.clone(), payment_plan: Some(plan), update_mask: None };
        let stream = till.plans.clone().bulk_upsert_payment_plans(futures::stream::iter([row])).await;
        let answer = stream.unwrap().into_inner().message().await.unwrap().unwrap();
        assert_eq!(answer.results[0].outcome(), outcome);
    }
    assert_eq!(till.numbers("open_amount == 90").await.unwrap().len(), 1);
}

#[tokio::test]
async fn plans_come_and_go_in_batches() {
    let rig = Rig::new().await;
    let till = Till::new(&rig, &rig.administrator());
    let create = |plan: PaymentPlan| CreatePaymentPlanRequest { payment_plan: Some(plan) };
    let requests = vec![create(owed(1)), create(owed(0))];
    let refused =
        till.plans.clone().batch_create_payment_plans(BatchCreatePaymentPlansRequest { requests }).await;
    assert_error(refused, Code::InvalidArgument, "FIELD_INVALID");
    assert!(till.numbers("").await.unwrap().is_empty());
    let requests = vec![create(owed(1)), create(owed(2))];
    let made =
        till.plans.clone().batch_create_payment_plans(BatchCreatePaymentPlansRequest { requests }).await;
    let made = made.unwrap().into_inner().payment_plans;
    let ids: Vec<String> = made.iter().rev().map(|plan| plan.id.clone()).collect();
    let got =
        till.plans.clone().batch_get_payment_plans(BatchGetPaymentPlansRequest { ids: ids.clone() }).await;
    assert_eq!(got.unwrap().into_inner().payment_plans, made.iter().rev().cloned().collect::<Vec<_>>());

    till.allocate(&till.confirmed(came(1)).await, &[(&made[0], 1)]).await.unwrap();
    let delete = |ids: &[String]| BatchDeletePaymentPlansRequest {
        requests: ids
            .iter()
            .map(|id| DeletePaymentPlanRequest { id: id.clone(), etag: String::new() })
            .collect(),
    };
    let refused = till.plans.clone().batch_delete_payment_plans(delete(&ids)).await.unwrap_err();
    assert_eq!(reason(&refused), "PAYMENT_PLAN_ALLOCATED");
    till.plans.clone().batch_delete_payment_plans(delete(&ids[..1])).await.unwrap();
    assert_eq!(till.numbers("").await.unwrap().len(), 1);
    let undelete = UndeletePaymentPlanRequest { id: ids[0].clone(), etag: String::new() };
    let back = till.plans.clone().undelete_payment_plan(undelete).await.unwrap().into_inner();
    assert_eq!((back.state(), back.open_amount), (State::Pending, Some(yuan(2))));
    assert_sums(&rig).await;
}

#[tokio::test]
async fn a_deleted_plan_goes_for_good_with_its_history() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let till = Till::new(&rig, &me);
    let (plan, stays) = (till.plan(owed(100)).await.unwrap(), till.plan(owed(100)).await.unwrap());
    let receipt = till.confirmed(came(100)).await;
    till.allocate(&receipt, &[(&plan, 40), (&stays, 60)]).await.unwrap();
    till.deallocate(&receipt, &[(&plan, None)]).await.unwrap();
    let delete = DeletePaymentPlanRequest { id: plan.id.clone(), etag: String::new() };
    let deleted = till.plans.clone().delete_payment_plan(delete).await.unwrap().into_inner();
    rig.clock.advance(TimeDelta::days(31));
    assert_eq!(rig.purge().await, 1);
    assert_error(till.get_plan(&plan.id).await, Code::NotFound, "NOT_FOUND");
    assert_sums(&rig).await;
    // Three created, one confirmed, five and three of the allocations, one deleted, one purged.
    let events = rig.told(&me, 14).await;
    let purged: PaymentPlanPurged = read(&events[13]);
    assert_eq!(purged, PaymentPlanPurged { id: plan.id, delete_time: deleted.delete_time });
}

fn read<E: prost::Message + Default>(event: &Event) -> E {
    E::decode(event.payload.as_ref().unwrap().value.as_slice()).unwrap()
}

#[tokio::test]
async fn an_allocation_is_told_by_both_sides_and_by_its_entry() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let till = Till::new(&rig, &me);
    let plan = till.plan(owed(100)).await.unwrap();
    let receipt = till.confirmed(came(100)).await;
    let done = till.allocate(&receipt, &[(&plan, 60)]).await.unwrap();
    // Two created, one confirmed, three of the allocation.
    let events = rig.told(&me, 6).await;
    let collections: Vec<&str> = events.iter().map(|event| event.collection.as_str()).collect();
    assert_eq!(
        collections,
        ["paymentPlans", "receipts", "receipts", "receipts", "paymentPlans", "allocationEntries"]
    );
    let confirmed: ReceiptUpdated = read(&events[2]);
    assert_eq!(confirmed.changed_fields.unwrap().paths, ["state", "confirm_time", "confirmer_id"]);
    let paid: ReceiptUpdated = read(&events[3]);
    assert_eq!(paid.receipt, done.receipt);
    assert_eq!(paid.changed_fields.unwrap().paths, ["allocated_amount", "open_amount"]);
    let pays: PaymentPlanUpdated = read(&events[4]);
    assert_eq!(pays.payment_plan.as_ref(), Some(&done.payment_plans[0]));
    assert_eq!(pays.changed_fields.unwrap().paths, ["allocated_amount", "open_amount", "state"]);
    assert_eq!(events[5].change_kind(), ChangeKind::Create);
    let entry = read::<AllocationEntryCreated>(&events[5]).allocation_entry.unwrap();
    assert_eq!((entry.receipt_id, entry.payment_plan_id), (receipt.id, plan.id));
    assert_eq!((entry.amount, entry.actor_id), (Some(yuan(60)), me.id.to_string()));
}
