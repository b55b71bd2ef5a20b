//! Orders and the ERP system: they go out by the event stream, answers come in by reports and by bulk upsert.

use crm_proto::crm::{
    record::v1::{ExternalId, RowResult, row_result::Outcome},
    sales::v1::{
        AcknowledgeOrderRequest, Order, OrderUpdated,
        order::{ErpState, State},
    },
};
use crm_testkit::{
    Rights,
    status::{assert_error, metadata},
};
use prost::Message as _;
use tonic::Code;

use crate::{
    order_rig::{Desk, line, order, progress, row},
    rig::Rig,
};

#[tokio::test]
async fn an_order_goes_out_and_its_acknowledgement_comes_in() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let mut desk = Desk::new(&rig, &me);
    let order = desk.confirmed(vec![line("a", "10", "1")]).await;
    // What an ERP process waits for, with all it needs.
    let events = rig.told(&me, 2).await;
    let told = OrderUpdated::decode(events[1].payload.as_ref().unwrap().value.as_slice()).unwrap();
    assert!(told.changed_fields.unwrap().paths.contains(&"erp_state".to_owned()));
    assert_eq!(told.order, Some(order.clone()));

    let pushed = desk.report(&order, ErpState::Pushed, "", "").await.unwrap();
    assert_eq!((pushed.erp_state(), pushed.erp_push_time.is_some()), (ErpState::Pushed, true));
    let failed = desk.report(&order, ErpState::Failed, "", "credit limit").await.unwrap();
    assert_eq!((failed.erp_state(), failed.erp_message.as_str()), (ErpState::Failed, "credit limit"));
    let taken = desk.report(&order, ErpState::Acknowledged, "4711", "").await.unwrap();
    assert_eq!((taken.erp_state(), taken.erp_id.as_str()), (ErpState::Acknowledged, "4711"));
    // The same again, and what comes late, change nothing.
    assert_eq!(desk.report(&order, ErpState::Acknowledged, "4711", "").await.unwrap(), taken);
    assert_eq!(desk.report(&order, ErpState::Pushed, "", "").await.unwrap(), taken);
    let refused = desk.report(&order, ErpState::Failed, "", "late").await;
    let status = assert_error(refused, Code::FailedPrecondition, "ERP_STATE");
    assert_eq!(metadata(&status, "wanted"), "ERP_STATE_FAILED");
    let refused = desk.report(&order, ErpState::Acknowledged, "4712", "").await;
    let status = assert_error(refused, Code::FailedPrecondition, "ERP_ID_MISMATCH");
    assert_eq!(metadata(&status, "erp_id"), "4711");
}

#[tokio::test]
async fn an_amended_order_goes_out_again_and_old_answers_do_not_count() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let mut desk = Desk::new(&rig, &me);
    let order = desk.confirmed(vec![line("a", "10", "1")]).await;
    desk.report(&order, ErpState::Acknowledged, "4711", "").await.unwrap();
    let mut lines = order.lines.clone();
    lines[0].quantity = "12".into();
    let amended = desk.amend(&order.id, lines).await.unwrap();
    assert_eq!((amended.erp_state(), amended.erp_id.as_str()), (ErpState::PendingPush, "4711"));
    // An answer to what was sent before the amendment.
    assert_eq!(desk.report(&order, ErpState::Acknowledged, "4711", "").await.unwrap(), amended);
    let taken = desk.report(&amended, ErpState::Acknowledged, "4711", "").await.unwrap();
    assert_eq!(taken.erp_state(), ErpState::Acknowledged);
    let unknown = AcknowledgeOrderRequest {
        id: order.id.clone(),
        erp_state: ErpState::Acknowledged.into(),
        amendment_number: 2,
        ..AcknowledgeOrderRequest::default()
    };
    let refused = desk.client.acknowledge_order(unknown).await;
    assert_error(refused, Code::InvalidArgument, "FIELD_INVALID");
    let draft = desk.create(crate::order_rig::order(vec![line("a", "1", "1")])).await.unwrap();
    let refused = desk.report(&draft, ErpState::Pushed, "", "").await;
    assert_error(refused, Code::FailedPrecondition, "ORDER_STATE");
    let clerk = rig.callers.add(&Rights::all(me.tenant_id).with_permissions(&["sales.orders.update"]));
    let refused = Desk::new(&rig, &clerk).report(&taken, ErpState::Pushed, "", "").await;
    assert_error(refused, Code::PermissionDenied, "PERMISSION_MISSING");
}

fn outcomes(results: &[RowResult]) -> Vec<Outcome> {
    results.iter().map(RowResult::outcome).collect()
}

#[tokio::test]
async fn answers_come_in_by_bulk_upsert_as_often_as_they_like() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let mut desk = Desk::new(&rig, &me);
    let key = ExternalId { system: "erp".into(), value: "1".into() };
    let sent = Order { external_ids: vec![key], ..order(vec![line("a", "10", "1")]) };
    let made = desk.create(sent).await.unwrap();
    let made = desk.confirm(&made.id, false).await.unwrap();
    let answer =
        Order { erp_state: ErpState::Acknowledged.into(), erp_id: "4711".into(), ..Order::default() };
    assert_eq!(outcomes(&desk.upsert(vec![row("1", answer.clone())]).await), [Outcome::Updated]);
    assert_eq!(outcomes(&desk.upsert(vec![row("1", answer)]).await), [Outcome::Unchanged]);
    let taken = desk.get(&made.id).await.unwrap();
    assert_eq!((taken.erp_state(), taken.erp_id.as_str()), (ErpState::Acknowledged, "4711"));
    let other = Order { erp_id: "4712".into(), ..Order::default() };
    assert_eq!(outcomes(&desk.upsert(vec![row("1", other)]).await), [Outcome::Failed]);
    // The ERP system also tells how far it is; a step back is refused, and so is other content.
    let done = Order { state: State::Fulfilled.into(), ..Order::default() };
    assert_eq!(outcomes(&desk.upsert(vec![row("1", done)]).await), [Outcome::Updated]);
    assert_eq!(progress(&desk.get(&made.id).await.unwrap()), [("10", "0")]);
    for back in [
        Order { state: State::Confirmed.into(), ..Order::default() },
        Order { state: State::Cancelled.into(), cancel_reason: "x".into(), ..Order::default() },
        Order { lines: vec![line("b", "1", "1")], ..Order::default() },
    ] {
        assert_eq!(outcomes(&desk.upsert(vec![row("1", back)]).await), [Outcome::Failed]);
    }
}

#[tokio::test]
async fn orders_of_an_erp_system_come_in_where_they_stand() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let mut desk = Desk::new(&rig, &me);
    let stand = |state: State| Order { state: state.into(), ..order(vec![line("a", "10", "1")]) };
    let rows = vec![
        row("draft", stand(State::Draft)),
        row("confirmed", stand(State::Confirmed)),
        row("closed", stand(State::Closed)),
        row("cancelled", Order { cancel_reason: "not in stock".into(), ..stand(State::Cancelled) }),
        row("why", stand(State::Cancelled)),
        row("part", stand(State::PartiallyFulfilled)),
        row("empty", Order { lines: Vec::new(), ..stand(State::Confirmed) }),
    ];
    let results = desk.upsert(rows.clone()).await;
    let (created, failed) = (Outcome::Created, Outcome::Failed);
    assert_eq!(outcomes(&results), [created, created, created, created, failed, failed, failed]);
    let again = desk.upsert(rows[..4].to_vec()).await;
    assert_eq!(outcomes(&again), [Outcome::Unchanged; 4]);
    let closed = desk.get(&results[2].id).await.unwrap();
    assert_eq!((closed.state(), progress(&closed)), (State::Closed, vec![("10", "0")]));
    assert_eq!(closed.erp_state(), ErpState::NotNeeded);
}
