//! Receipts: registering, confirming, reversing.

use crm_kit_api::sensitivity::{Mask, Sensitivity};
use crm_proto::crm::sales::v1::{
    DeleteReceiptRequest, ListReceiptsRequest, Receipt,
    receipt::{Method, State},
};
use crm_testkit::{
    Rights,
    status::{assert_error, metadata},
};
use tonic::Code;

use super::{Till, assert_sums, came, owed};
use crate::rig::{Rig, day, yuan};

#[tokio::test]
async fn what_somebody_registers_finance_confirms() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let rights = Rights::all(boss.tenant_id).with_permissions(&[
        "sales.receipts.create",
        "sales.receipts.read",
        "sales.receipts.update",
    ]);
    let anna = rig.callers.add(&rights);
    let (seller, finance) = (Till::new(&rig, &anna), Till::new(&rig, &boss));
    let wanted = Receipt {
        method: Method::BankAcceptance.into(),
        bank_reference: "2026-000123".into(),
        payer_name: "上海电力股份".into(),
        ..came(500)
    };
    let made = seller.receipt(wanted.clone()).await.unwrap();
    let expected = Receipt {
        id: made.id.clone(),
        create_time: made.create_time,
        update_time: made.create_time,
        etag: made.etag.clone(),
        number: "R000001".into(),
        allocated_amount: Some(yuan(0)),
        open_amount: Some(yuan(500)),
        receive_date: Some(day(2026, 3, 1)),
        state: State::Registered.into(),
        owner_id: anna.id.to_string(),
        ..wanted
    };
    assert_eq!(made, expected);
    assert_error(seller.confirm(&made.id).await, Code::PermissionDenied, "PERMISSION_MISSING");
    assert_error(seller.reverse(&made.id, "x").await, Code::PermissionDenied, "PERMISSION_MISSING");
    let confirmed = finance.confirm(&made.id).await.unwrap();
    assert_eq!((confirmed.state(), confirmed.confirmer_id.clone()), (State::Confirmed, boss.id.to_string()));
    assert_eq!(confirmed.confirm_time, confirmed.update_time);
    let again = finance.confirm(&made.id).await;
    let status = assert_error(again, Code::FailedPrecondition, "RECEIPT_NOT_REGISTERED");
    assert_eq!(metadata(&status, "state"), "STATE_CONFIRMED");
}

#[tokio::test]
async fn what_was_confirmed_is_locked_and_kept() {
    let rig = Rig::new().await;
    let till = Till::new(&rig, &rig.administrator());
    let made = till.receipt(came(500)).await.unwrap();
    let of = |receipt: Receipt| Receipt { id: made.id.clone(), ..receipt };
    till.change_receipt(of(Receipt { amount: Some(yuan(400)), ..Default::default() }), &["amount"])
        .await
        .unwrap();
    till.confirm(&made.id).await.unwrap();
    for (change, field) in [
        (Receipt { amount: Some(yuan(500)), ..Default::default() }, "amount"),
        (Receipt { receive_date: Some(day(2026, 2, 1)), ..Default::default() }, "receive_date"),
        (Receipt { payer_name: "somebody".into(), ..Default::default() }, "payer_name"),
        (Receipt { method: Method::Cash.into(), ..Default::default() }, "method"),
    ] {
        let status = till.change_receipt(of(change), &[field]).await;
        let status = assert_error(status, Code::FailedPrecondition, "RECEIPT_LOCKED");
        assert_eq!(metadata(&status, "field"), field);
    }
    let note = Receipt { description: "found in May".into(), ..Default::default() };
    let noted = till.change_receipt(of(note), &["description"]).await.unwrap();
    assert_eq!((noted.description.as_str(), noted.amount), ("found in May", Some(yuan(400))));
    let delete = DeleteReceiptRequest { id: made.id.clone(), etag: String::new() };
    let deleted = till.receipts.clone().delete_receipt(delete).await;
    assert_error(deleted, Code::FailedPrecondition, "RECEIPT_NOT_REGISTERED");
}

#[tokio::test]
async fn a_reversal_takes_back_what_was_paid_whoever_owns_it() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let rights = Rights::all(boss.tenant_id).with_team(&[]);
    let (all, own) = (Till::new(&rig, &boss), Till::new(&rig, &rig.callers.add(&rights)));
    let (first, second) = (all.plan(owed(300)).await.unwrap(), all.plan(owed(300)).await.unwrap());
    let receipt = own.confirmed(came(500)).await;
    // The caller sees its own records alone and so allocates to none of another's.
    assert_error(own.allocate(&receipt, &[(&first, 1)]).await, Code::NotFound, "NOT_FOUND");
    let done = all.allocate(&receipt, &[(&first, 300), (&second, 200)]).await.unwrap();
    assert_eq!(done.receipt.unwrap().state(), State::Allocated);

    assert_error(own.reverse(&receipt.id, "").await, Code::InvalidArgument, "FIELD_INVALID");
    let reversed = own.reverse(&receipt.id, "bounced").await.unwrap();
    assert_eq!(
        (reversed.state(), reversed.reverse_reason.as_str(), reversed.allocated_amount, reversed.open_amount),
        (State::Reversed, "bounced", Some(yuan(0)), Some(yuan(0)))
    );
    for plan in [&first, &second] {
        assert_eq!(all.get_plan(&plan.id).await.unwrap().open_amount, Some(yuan(300)));
    }
    assert_sums(&rig).await;
    let again = own.reverse(&receipt.id, "again").await;
    assert_error(again, Code::FailedPrecondition, "RECEIPT_REVERSED");
    let refused = all.allocate(&receipt, &[(&first, 1)]).await;
    let status = assert_error(refused, Code::FailedPrecondition, "RECEIPT_NOT_CONFIRMED");
    assert_eq!(metadata(&status, "state"), "STATE_REVERSED");
}

#[tokio::test]
async fn masked_fields_are_neither_shown_nor_filtered_by() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let receipt = Receipt { bank_reference: "62220001".into(), ..came(5) };
    let made = Till::new(&rig, &boss).receipt(receipt).await.unwrap();
    let rights = Rights::all(boss.tenant_id).masking(Sensitivity::Financial, Mask::Hidden);
    let clerk = Till::new(&rig, &rig.callers.add(&rights));
    assert_eq!(clerk.get_receipt(&made.id).await.unwrap().bank_reference, "");
    let filter = ListReceiptsRequest { filter: "bank_reference == '62220001'".into(), ..Default::default() };
    let listed = clerk.receipts.clone().list_receipts(filter).await;
    assert_error(listed, Code::PermissionDenied, "FIELD_MASKED");
    // What it writes back leaves the real value, and so breaks no lock.
    Till::new(&rig, &boss).confirm(&made.id).await.unwrap();
    let mut back = clerk.get_receipt(&made.id).await.unwrap();
    back.description = "x".into();
    clerk.change_receipt(back, &["*"]).await.unwrap();
}
