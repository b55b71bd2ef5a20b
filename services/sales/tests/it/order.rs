//! The life of an order.

use crm_proto::crm::{
    event::v1::event::ChangeKind,
    sales::v1::{
        ConfirmOrderRequest, DeleteOrderRequest, DocumentLine, Order, OrderUpdated,
        order::{ErpState, State},
    },
};
use crm_testkit::{
    Rights,
    status::{assert_error, metadata, violations},
};
use prost::Message as _;
use tonic::Code;

use crate::{
    order_rig::{Desk, gross, line, order, progress},
    price::money,
    rig::{Rig, day},
};

#[tokio::test]
async fn an_order_goes_from_draft_to_closed() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let mut desk = Desk::new(&rig, &me);
    let taxed = DocumentLine { tax_rate_percent: "13".into(), ..line("screws", "100", "0.105") };
    let made =
        Order { header_discount_percent: "10".into(), ..order(vec![taxed, line("freight", "1", "8")]) };
    let made = desk.create(made).await.unwrap();
    assert_eq!((made.number.as_str(), made.display_name.as_str()), ("SO000001", "SO000001"));
    assert_eq!((made.state(), made.erp_state()), (State::Draft, ErpState::NotNeeded));
    assert_eq!(made.order_date, Some(day(2026, 3, 1)));
    // 10.50 and 8.00 less 10 % are 9.45 and 7.20; 13 % of 9.45 are 1.23.
    assert_eq!(gross(&made), money("CNY", 17, 880_000_000));

    let confirmed = desk.confirm(&made.id, false).await.unwrap();
    assert_eq!((confirmed.state(), confirmed.erp_state()), (State::Confirmed, ErpState::PendingPush));
    assert_error(desk.close(&made.id).await, Code::FailedPrecondition, "ORDER_STATE");
    let part = desk.fulfil(&confirmed, "D1", &[(0, "40.5")]).await.unwrap();
    assert_eq!(part.state(), State::PartiallyFulfilled);
    assert_eq!(progress(&part), [("40.5", "59.5"), ("0", "1")]);
    let full = desk.fulfil(&confirmed, "D2", &[(0, "59.5"), (1, "1")]).await.unwrap();
    assert_eq!(full.state(), State::Fulfilled);
    let closed = desk.close(&made.id).await.unwrap();
    assert_eq!((closed.state(), closed.close_time.is_some()), (State::Closed, true));
    assert_eq!(desk.get(&made.id).await.unwrap(), closed);
    let records = desk.fulfilments(&made.id).await.unwrap();
    assert_eq!(records.iter().map(|record| record.reference.as_str()).collect::<Vec<_>>(), ["D1", "D2"]);

    let events = rig.told(&me, 5).await;
    assert!(events[1..].iter().all(|event| event.change_kind() == ChangeKind::Update));
    let told = OrderUpdated::decode(events[4].payload.as_ref().unwrap().value.as_slice()).unwrap();
    assert_eq!(told.order, Some(closed));
    assert_eq!(told.previous.unwrap().state(), State::Fulfilled);
}

#[tokio::test]
async fn no_more_is_fulfilled_than_is_ordered() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let mut desk = Desk::new(&rig, &me);
    let order = desk.confirmed(vec![line("a", "10", "1"), line("b", "2", "5")]).await;
    desk.fulfil(&order, "D1", &[(0, "7")]).await.unwrap();
    let refused = desk.fulfil(&order, "D2", &[(1, "1"), (0, "3.000001")]).await;
    let status = assert_error(refused, Code::FailedPrecondition, "OVER_FULFILMENT");
    let told = |key: &str| metadata(&status, key);
    assert_eq!([told("ordered"), told("fulfilled"), told("added")], ["10", "7", "3.000001"]);
    assert_eq!(told("line_id"), order.lines[0].id);
    // Nothing of the refused record is kept.
    assert_eq!(progress(&desk.get(&order.id).await.unwrap()), [("7", "3"), ("0", "2")]);

    // A delivery that is told twice counts once, also when the order has gone on; with other quantities it is another one.
    let again = desk.fulfil(&order, "D1", &[(0, "7.0")]).await.unwrap();
    assert_eq!(progress(&again), [("7", "3"), ("0", "2")]);
    let other = desk.fulfil(&order, "D1", &[(0, "1")]).await;
    assert_error(other, Code::AlreadyExists, "FULFILMENT_REFERENCE_TAKEN");
    assert_eq!(desk.fulfilments(&order.id).await.unwrap().len(), 1);

    let full = desk.fulfil(&order, "D3", &[(0, "3"), (1, "2")]).await.unwrap();
    assert_eq!(full.state(), State::Fulfilled);
    assert_eq!(desk.fulfil(&order, "D3", &[(0, "3"), (1, "2")]).await.unwrap(), full);
    let refused = desk.fulfil(&order, "D4", &[(0, "1")]).await;
    assert_error(refused, Code::FailedPrecondition, "OVER_FULFILMENT");
    let mut stranger = order.clone();
    stranger.lines[0].id = me.id.to_string();
    let refused = desk.fulfil(&stranger, "", &[(0, "0"), (1, "1"), (1, "1")]).await;
    let status = assert_error(refused, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(
        violations(&status),
        [
            ("lines[0].quantity".into(), "NUMBER_INVALID".into()),
            ("lines[0].line_id".into(), "LINE_UNKNOWN".into()),
            ("lines[2].line_id".into(), "REPEATED".into())
        ]
    );
}

#[tokio::test]
async fn of_two_deliveries_at_once_the_second_finds_what_the_first_left() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let mut desk = Desk::new(&rig, &me);
    let order = desk.confirmed(vec![line("a", "10", "1")]).await;
    let calls = (0..8).map(|number| {
        let (rig, me, order) = (&rig, &me, &order);
        async move { Desk::new(rig, me).fulfil(order, &format!("D{number}"), &[(0, "3")]).await }
    });
    let outcomes = futures::future::join_all(calls).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 3);
    for refused in outcomes.into_iter().filter(Result::is_err) {
        assert_error(refused, Code::FailedPrecondition, "OVER_FULFILMENT");
    }
    assert_eq!(progress(&desk.get(&order.id).await.unwrap()), [("9", "1")]);
}

#[tokio::test]
async fn content_is_locked_from_confirmation_on() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let mut desk = Desk::new(&rig, &me);
    let order = desk.confirmed(vec![line("a", "10", "1")]).await;
    let mut more = order.clone();
    more.lines[0].quantity = "11".into();
    let status = assert_error(desk.update(more, &["lines"]).await, Code::FailedPrecondition, "ORDER_LOCKED");
    assert_eq!(
        (metadata(&status, "field"), metadata(&status, "state")),
        ("lines".into(), "STATE_CONFIRMED".into())
    );
    for (field, change) in [
        ("account_name", Order { account_name: "Other".into(), ..order.clone() }),
        ("order_date", Order { order_date: Some(day(2026, 1, 1)), ..order.clone() }),
        ("header_discount_percent", Order { header_discount_percent: "5".into(), ..order.clone() }),
        ("amount_decimals", Order { amount_decimals: 4, ..order.clone() }),
    ] {
        let refused = desk.update(change, &[field]).await;
        assert_error(refused, Code::FailedPrecondition, "ORDER_LOCKED");
    }
    // What names and groups it is free, and sending all of it back changes nothing.
    let named = Order { customer_reference: "PO 7".into(), tags: vec!["big".into()], ..order.clone() };
    let named = desk.update(named, &["customer_reference", "tags"]).await.unwrap();
    assert_eq!(named.customer_reference, "PO 7");
    assert_eq!(desk.update(named.clone(), &["*"]).await.unwrap(), named);
    assert_error(desk.confirm(&order.id, false).await, Code::FailedPrecondition, "ORDER_STATE");
    let delete = DeleteOrderRequest { id: order.id.clone(), etag: String::new() };
    assert_error(desk.client.delete_order(delete).await, Code::FailedPrecondition, "ORDER_STATE");
    let stale = ConfirmOrderRequest { id: order.id, etag: order.etag, without_erp: false };
    assert_error(desk.client.confirm_order(stale).await, Code::Aborted, "ETAG_MISMATCH");
}

#[tokio::test]
async fn an_order_is_cancelled_only_while_nothing_is_fulfilled() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let mut desk = Desk::new(&rig, &me);
    let order = desk.confirmed(vec![line("a", "10", "1")]).await;
    assert_error(desk.cancel(&order.id, " ").await, Code::InvalidArgument, "FIELD_INVALID");
    desk.fulfil(&order, "D1", &[(0, "1")]).await.unwrap();
    let refused = desk.cancel(&order.id, "changed their mind").await;
    let status = assert_error(refused, Code::FailedPrecondition, "ORDER_FULFILLED_IN_PART");
    assert_eq!(metadata(&status, "fulfilled"), "1");
    let other = desk.confirmed(vec![line("a", "10", "1")]).await;
    let gone = desk.cancel(&other.id, "changed their mind").await.unwrap();
    assert_eq!((gone.state(), gone.cancel_reason.as_str()), (State::Cancelled, "changed their mind"));
    for outcome in [desk.cancel(&other.id, "again").await, desk.amend(&other.id, other.lines.clone()).await] {
        assert_error(outcome, Code::FailedPrecondition, "ORDER_STATE");
    }
    let empty = desk.create(crate::order_rig::order(Vec::new())).await.unwrap();
    assert_error(desk.confirm(&empty.id, true).await, Code::FailedPrecondition, "ORDER_EMPTY");
}

#[tokio::test]
async fn orders_are_behind_the_walls() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let rights = Rights::all(boss.tenant_id).with_team(&[]);
    let (anna, bert, stranger) = (rig.callers.add(&rights), rig.callers.add(&rights), rig.administrator());
    let clerk =
        rig.callers.add(&rights.clone().with_permissions(&["sales.orders.read", "sales.orders.create"]));
    let mut desk = Desk::new(&rig, &anna);
    let order = desk.confirmed(vec![line("a", "10", "1")]).await;
    assert_eq!(Desk::new(&rig, &boss).list("", "").await.unwrap().len(), 1);
    for caller in [&bert, &stranger] {
        let mut desk = Desk::new(&rig, caller);
        assert!(desk.list("", "").await.unwrap().is_empty());
        assert_error(desk.get(&order.id).await, Code::NotFound, "NOT_FOUND");
        assert_error(desk.fulfil(&order, "", &[(0, "1")]).await, Code::NotFound, "NOT_FOUND");
        assert_error(desk.amend(&order.id, order.lines.clone()).await, Code::NotFound, "NOT_FOUND");
        assert_error(desk.amendments(&order.id).await, Code::NotFound, "NOT_FOUND");
        assert_error(desk.fulfilments(&order.id).await, Code::NotFound, "NOT_FOUND");
    }
    let mut desk = Desk::new(&rig, &clerk);
    assert_error(desk.confirm(&order.id, false).await, Code::PermissionDenied, "PERMISSION_MISSING");
    let stated =
        Order { state: State::Confirmed.into(), ..crate::order_rig::order(vec![line("a", "1", "1")]) };
    assert_error(desk.create(stated).await, Code::PermissionDenied, "PERMISSION_MISSING");
}
