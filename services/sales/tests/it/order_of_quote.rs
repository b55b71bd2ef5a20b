//! Orders made of quotes: only of what the customer has accepted, once, and with the quote's totals.

use crm_proto::crm::{
    event::v1::event::ChangeKind,
    sales::v1::{
        CreateOrderFromQuoteRequest, DeleteOrderRequest, DocumentLine, Order, OrderCreated, Quote,
        UndeleteOrderRequest, order::State,
    },
};
use crm_testkit::{
    Caller, Rights,
    status::{assert_error, metadata, violations},
};
use prost::Message as _;
use tonic::{Code, Status};

use crate::{
    opportunity_lines::{line, shop},
    order_rig::{Desk, order, row},
    quote::{create, of},
    quote_life::{Do, act, presented},
    rig::{Rig, deal},
};

async fn from_quote(rig: &Rig, caller: &Caller, quote_id: &str) -> Result<Order, Status> {
    let request = CreateOrderFromQuoteRequest { quote_id: quote_id.to_owned() };
    Desk::new(rig, caller).client.create_order_from_quote(request).await.map(tonic::Response::into_inner)
}

/// A quote that the customer has taken.
async fn accepted(rig: &Rig, me: &Caller, quote: Quote) -> Quote {
    let made = presented(rig, me, quote).await;
    act(rig, me, &made.id, Do::Accept).await.unwrap()
}

fn assert_copied(order: &Order, quote: &Quote) {
    assert_eq!((order.state(), &order.quote_id), (State::Draft, &quote.id));
    assert_eq!((&order.totals, &order.lines), (&quote.totals, &quote.lines));
    assert_eq!(
        (&order.header_discount_percent, &order.header_discount, order.price_includes_tax),
        (&quote.header_discount_percent, &quote.header_discount, quote.price_includes_tax)
    );
    assert_eq!(
        [&order.currency_code, &order.price_book_id, &order.opportunity_id, &order.display_name],
        [&quote.currency_code, &quote.price_book_id, &quote.opportunity_id, &quote.display_name]
    );
    assert_eq!(
        [&order.account_id, &order.account_name, &order.contact_id, &order.contact_name],
        [&quote.account_id, &quote.account_name, &quote.contact_id, &quote.contact_name]
    );
    assert_eq!(order.amount_decimals, quote.amount_decimals);
}

#[tokio::test]
async fn an_accepted_quote_becomes_an_order_with_its_totals() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let (_, book, sheet) = shop(&rig, &me).await;
    let opportunity_id = rig.create(&me, deal("deal")).await.unwrap().id;
    let party = Quote {
        opportunity_id,
        price_book_id: book.id.clone(),
        account_id: me.id.to_string(),
        contact_id: me.tenant_id.to_string(),
        contact_name: "李".into(),
        ..of(&sheet, "7.333")
    };
    let own = DocumentLine {
        product_name: "cut".into(),
        unit: "m".into(),
        quantity: "33.333333".into(),
        unit_price: "0.123457".into(),
        discount_percent: "3.3333".into(),
        tax_rate_percent: "6".into(),
        ..DocumentLine::default()
    };
    let lines = vec![line(&sheet, "7.333"), own, line(&sheet, "12")];
    let percent = Quote { header_discount_percent: "4.4444".into(), lines: lines.clone(), ..party.clone() };
    let taxed = Quote {
        price_includes_tax: true,
        amount_decimals: 4,
        header_discount: Some(crate::price::money("CNY", 1, 10_000_000)),
        lines,
        opportunity_id: String::new(),
        ..party
    };
    for quote in [percent, taxed] {
        let quote = accepted(&rig, &me, quote).await;
        let made = from_quote(&rig, &me, &quote.id).await.unwrap();
        assert_copied(&made, &quote);
        assert_eq!(made.owner_id, me.id.to_string());
        assert_eq!(Desk::new(&rig, &me).get(&made.id).await.unwrap(), made);
        let confirmed = Desk::new(&rig, &me).confirm(&made.id, true).await.unwrap();
        assert_eq!(confirmed.totals, quote.totals);
        // The order that there is, as it is now.
        assert_eq!(from_quote(&rig, &me, &quote.id).await.unwrap(), confirmed);
    }
    // Asking again takes no number.
    let next = Desk::new(&rig, &me).create(order(Vec::new())).await.unwrap();
    assert_eq!(next.number, "SO000003");
}

#[tokio::test]
async fn only_the_accepted_revision_becomes_an_order() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let (_, _, sheet) = shop(&rig, &me).await;
    let assert_state = |outcome, state: &str| {
        let status = assert_error(outcome, Code::FailedPrecondition, "QUOTE_STATE");
        assert_eq!(metadata(&status, "state"), state);
    };
    let first = create(&rig, &me, of(&sheet, "3")).await.unwrap();
    assert_state(from_quote(&rig, &me, &first.id).await, "DRAFT");
    act(&rig, &me, &first.id, Do::Submit).await.unwrap();
    assert_state(from_quote(&rig, &me, &first.id).await, "APPROVED");
    act(&rig, &me, &first.id, Do::Present).await.unwrap();
    assert_state(from_quote(&rig, &me, &first.id).await, "PRESENTED");
    let second = act(&rig, &me, &first.id, Do::Revise).await.unwrap();
    act(&rig, &me, &second.id, Do::Submit).await.unwrap();
    let status = from_quote(&rig, &me, &first.id).await;
    let status = assert_error(status, Code::FailedPrecondition, "QUOTE_REVISED");
    let told = (metadata(&status, "id"), metadata(&status, "revision_number"));
    assert_eq!(told, (second.id.clone(), "2".into()));
    act(&rig, &me, &second.id, Do::Present).await.unwrap();
    act(&rig, &me, &second.id, Do::Reject).await.unwrap();
    assert_state(from_quote(&rig, &me, &second.id).await, "REJECTED");
    // A draft of a later revision is nothing that was offered.
    let other = presented(&rig, &me, of(&sheet, "3")).await;
    act(&rig, &me, &other.id, Do::Revise).await.unwrap();
    let other = act(&rig, &me, &other.id, Do::Accept).await.unwrap();
    assert_copied(&from_quote(&rig, &me, &other.id).await.unwrap(), &other);
    // An order needs a party.
    let nobody = accepted(&rig, &me, Quote { account_name: String::new(), ..of(&sheet, "3") }).await;
    let status = from_quote(&rig, &me, &nobody.id).await;
    let status = assert_error(status, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(violations(&status), [("order.account_name".into(), "REQUIRED".into())]);
    assert_eq!(Desk::new(&rig, &me).list("", "").await.unwrap().len(), 1);
}

#[tokio::test]
async fn of_a_quote_comes_one_order_however_many_ask() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let (_, _, sheet) = shop(&rig, &me).await;
    let before = rig.told(&me, 3).await.len();
    let quote = accepted(&rig, &me, of(&sheet, "3")).await;
    let asked = futures::future::join_all((0..8).map(|_| from_quote(&rig, &me, &quote.id))).await;
    let orders: Vec<Order> = asked.into_iter().map(Result::unwrap).collect();
    assert!(orders.iter().all(|order| order == &orders[0]), "{orders:?}");
    let mut desk = Desk::new(&rig, &me);
    assert_eq!(desk.list("", "").await.unwrap().len(), 1);
    // Four of the quote, and one of the order.
    let told = rig.told(&me, before + 5).await.pop().unwrap();
    assert_eq!(told.change_kind(), ChangeKind::Create);
    let told = OrderCreated::decode(told.payload.unwrap().value.as_slice()).unwrap();
    assert_eq!(told.order.as_ref(), Some(&orders[0]));

    // No other way leads to a second one, while a cancelled or deleted one leaves the quote free.
    let taken = Order { quote_id: quote.id.clone(), ..order(Vec::new()) };
    assert_error(desk.create(taken.clone()).await, Code::AlreadyExists, "QUOTE_ORDERED");
    let rows = vec![row("a", taken), row("b", order(Vec::new()))];
    let results = desk.upsert(rows).await;
    let reason = results[0].status.as_ref().unwrap();
    assert_eq!(reason.code, Code::AlreadyExists as i32, "{reason:?}");
    assert!(results[1].status.is_none(), "{results:?}");
    desk.cancel(&orders[0].id, "changed their mind").await.unwrap();
    let second = from_quote(&rig, &me, &quote.id).await.unwrap();
    assert_ne!(second.id, orders[0].id);
    let delete = DeleteOrderRequest { id: second.id.clone(), etag: String::new() };
    desk.client.delete_order(delete).await.unwrap();
    let third = from_quote(&rig, &me, &quote.id).await.unwrap();
    assert_copied(&third, &quote);
    let undelete = UndeleteOrderRequest { id: second.id, etag: String::new() };
    assert_error(desk.client.undelete_order(undelete).await, Code::AlreadyExists, "QUOTE_ORDERED");
}

#[tokio::test]
async fn quotes_and_orders_outside_the_scope_stay_hidden() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let (_, _, sheet) = shop(&rig, &boss).await;
    let rights = Rights::all(boss.tenant_id).with_team(&[]);
    let (anna, bert, stranger) = (rig.callers.add(&rights), rig.callers.add(&rights), rig.administrator());
    let quote = accepted(&rig, &anna, of(&sheet, "3")).await;
    for caller in [&bert, &stranger] {
        assert_error(from_quote(&rig, caller, &quote.id).await, Code::NotFound, "NOT_FOUND");
    }
    for missing in ["sales.quotes.read", "sales.orders.create"] {
        let held = ["sales.quotes.read", "sales.orders.create"].into_iter().filter(|name| *name != missing);
        let held: Vec<&'static str> = held.collect();
        let caller = rig.callers.add(&Rights::all(boss.tenant_id).with_permissions(&held));
        let refused = from_quote(&rig, &caller, &quote.id).await;
        assert_error(refused, Code::PermissionDenied, "PERMISSION_MISSING");
    }
    // The order is the boss's, and the quote's owner does not see it.
    let made = from_quote(&rig, &boss, &quote.id).await.unwrap();
    assert_eq!(made.owner_id, boss.id.to_string());
    assert_error(from_quote(&rig, &anna, &quote.id).await, Code::AlreadyExists, "QUOTE_ORDERED");
}
