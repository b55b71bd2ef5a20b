//! Orders that change after their confirmation.

use crm_proto::crm::sales::v1::{
    DeleteOpportunityRequest, DeleteOrderRequest, ListOrderAmendmentsRequest, ListOrderFulfilmentsRequest,
    Order,
    order::{ErpState, State},
};
use crm_testkit::status::{assert_error, metadata, violations};
use tonic::Code;

use crate::{
    opportunity_lines,
    order_rig::{Desk, gross, line, order, progress},
    price::money,
    rig::Rig,
};

#[tokio::test]
async fn amendments_are_numbered_and_kept() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let mut desk = Desk::new(&rig, &me);
    let order = desk.confirmed(vec![line("a", "10", "1"), line("b", "2", "5")]).await;
    desk.fulfil(&order, "D1", &[(0, "10")]).await.unwrap();

    let mut lines = order.lines.clone();
    lines[1].quantity = "1".into();
    lines.push(line("c", "3", "2"));
    let first = desk.amend(&order.id, lines.clone()).await.unwrap();
    assert_eq!((first.amendment_number, gross(&first)), (1, money("CNY", 21, 0)));
    assert_eq!((first.state(), first.erp_state()), (State::PartiallyFulfilled, ErpState::PendingPush));
    assert_eq!(progress(&first), [("10", "0"), ("0", "1"), ("0", "3")]);

    // All that is left is fulfilled: so is the order. More of it, and it is not.
    let second = desk.amend(&order.id, vec![first.lines[0].clone()]).await.unwrap();
    assert_eq!((second.amendment_number, second.state()), (2, State::Fulfilled));
    let mut more = second.lines.clone();
    more[0].quantity = "12".into();
    let third = desk.amend(&order.id, more).await.unwrap();
    assert_eq!((third.state(), progress(&third)), (State::PartiallyFulfilled, vec![("10", "2")]));

    let kept = desk.amendments(&order.id).await.unwrap();
    assert_eq!(kept.iter().map(|amendment| amendment.number).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(kept[0].previous_lines, order.lines);
    assert_eq!(kept[0].lines, first.lines);
    assert_eq!(kept[0].previous_total, Some(money("CNY", 20, 0)));
    assert_eq!(kept[2].total, Some(money("CNY", 12, 0)));
    assert_eq!(
        (kept[0].actor_id.clone(), kept[0].reason.as_str()),
        (me.id.to_string(), "the customer wants it so")
    );
}

#[tokio::test]
async fn amendments_and_fulfilments_come_page_by_page() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let mut desk = Desk::new(&rig, &me);
    let order = desk.confirmed(vec![line("a", "10", "1")]).await;
    for quantity in ["11", "12", "13"] {
        let mut lines = order.lines.clone();
        lines[0].quantity = quantity.into();
        desk.amend(&order.id, lines).await.unwrap();
        desk.fulfil(&order, quantity, &[(0, "1")]).await.unwrap();
    }
    let mut amendments = ListOrderAmendmentsRequest {
        order_id: order.id.clone(),
        page_size: 2,
        ..ListOrderAmendmentsRequest::default()
    };
    let mut fulfilments = ListOrderFulfilmentsRequest {
        order_id: order.id.clone(),
        page_size: 2,
        ..ListOrderFulfilmentsRequest::default()
    };
    for (numbers, references, more) in [(vec![1, 2], vec!["11", "12"], true), (vec![3], vec!["13"], false)] {
        let page = desk.client.list_order_amendments(amendments.clone()).await.unwrap().into_inner();
        assert_eq!(page.amendments.iter().map(|one| one.number).collect::<Vec<_>>(), numbers);
        assert_eq!(!page.next_page_token.is_empty(), more);
        amendments.page_token = page.next_page_token;
        let page = desk.client.list_order_fulfilments(fulfilments.clone()).await.unwrap().into_inner();
        assert_eq!(page.fulfilments.iter().map(|one| one.reference.as_str()).collect::<Vec<_>>(), references);
        if more {
            // A token is good for its own list.
            amendments.page_token.clone_into(&mut fulfilments.page_token);
            let foreign = desk.client.list_order_fulfilments(fulfilments.clone()).await;
            assert_error(foreign, Code::InvalidArgument, "PAGE_TOKEN_INVALID");
        }
        fulfilments.page_token = page.next_page_token;
    }
    amendments.page_size = -1;
    let refused = desk.client.list_order_amendments(amendments).await;
    assert_error(refused, Code::InvalidArgument, "FIELD_INVALID");
}

#[tokio::test]
async fn an_amendment_never_goes_below_what_is_fulfilled() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let mut desk = Desk::new(&rig, &me);
    let order = desk.confirmed(vec![line("a", "10", "1"), line("b", "2", "5")]).await;
    desk.fulfil(&order, "D1", &[(0, "4")]).await.unwrap();
    let mut fewer = order.lines.clone();
    fewer[0].quantity = "3.5".into();
    for (lines, wanted) in [(fewer, "3.5"), (vec![order.lines[1].clone()], "0")] {
        let refused = desk.amend(&order.id, lines).await;
        let status = assert_error(refused, Code::FailedPrecondition, "BELOW_FULFILMENT");
        let told = |key: &str| metadata(&status, key);
        assert_eq!([told("ordered"), told("fulfilled"), told("wanted")], ["10", "4", wanted]);
    }
    let same = desk.amend(&order.id, order.lines.clone()).await;
    assert_error(same, Code::FailedPrecondition, "AMENDMENT_EMPTY");
    let mut broken = order.lines.clone();
    broken[0].discount_percent = "101".into();
    let status = assert_error(desk.amend(&order.id, broken).await, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(violations(&status), [("lines[0].discount_percent".into(), "NUMBER_INVALID".into())]);
    assert!(desk.amendments(&order.id).await.unwrap().is_empty());
}

#[tokio::test]
async fn lines_with_products_are_priced_in_drafts_and_in_amendments() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let (_, _, sheet) = opportunity_lines::shop(&rig, &me).await;
    let mut desk = Desk::new(&rig, &me);
    let made = desk.create(order(vec![opportunity_lines::line(&sheet, "3")])).await.unwrap();
    assert_eq!((made.lines[0].unit_price.as_str(), gross(&made)), ("10", money("CNY", 33, 900_000_000)));
    desk.confirm(&made.id, true).await.unwrap();
    let mut more = made.lines.clone();
    more[0].quantity = "10".into();
    let more = desk.amend(&made.id, more).await.unwrap();
    assert_eq!((more.lines[0].unit_price.as_str(), gross(&more)), ("8", money("CNY", 90, 400_000_000)));
    assert_eq!(more.erp_state(), ErpState::NotNeeded);
}

#[tokio::test]
async fn a_purged_order_takes_its_history_along_and_references_to_what_is_purged_go() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let mut desk = Desk::new(&rig, &me);
    let deal = rig.create(&me, crate::rig::deal("deal")).await.unwrap();
    let named = Order { opportunity_id: deal.id.clone(), ..order(vec![line("a", "10", "1")]) };
    let stays = desk.create(named).await.unwrap();
    let gone = desk.confirmed(vec![line("a", "10", "1")]).await;
    let mut lines = gone.lines.clone();
    lines[0].quantity = "5".into();
    desk.amend(&gone.id, lines).await.unwrap();
    desk.cancel(&gone.id, "no").await.unwrap();
    let delete = DeleteOrderRequest { id: gone.id.clone(), ..DeleteOrderRequest::default() };
    desk.client.delete_order(delete).await.unwrap();
    let delete = DeleteOpportunityRequest { id: deal.id, ..DeleteOpportunityRequest::default() };
    rig.opportunities(&me).delete_opportunity(delete).await.unwrap();
    rig.clock.advance(chrono::TimeDelta::days(31));
    assert_eq!(rig.purge().await, 2);
    assert_error(desk.get(&gone.id).await, Code::NotFound, "NOT_FOUND");
    let mut conn = rig.database.look().await;
    let left: i64 =
        sqlx::query_scalar("SELECT count(*) FROM order_amendment").fetch_one(&mut conn).await.unwrap();
    assert_eq!(left, 0);
    assert_eq!(desk.get(&stays.id).await.unwrap().opportunity_id, "");
}
