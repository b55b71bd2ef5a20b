//! Deals of one person going to others.

use std::time::Duration;

use chrono::TimeDelta;
use crm_proto::crm::{
    record::v1::{
        CreateHandOverRequest, GetHandOverRequest, HandOver,
        hand_over::{Count, Rule, State},
        hand_over_service_client::HandOverServiceClient,
    },
    sales::v1::{ListStageEntriesRequest, MoveOpportunityStageRequest, WinOpportunityRequest},
};
use crm_testkit::Rights;
use uuid::Uuid;

use crate::{
    rig::{Rig, deal, worth},
    statistics::kept_and_scanned,
};

#[tokio::test]
async fn open_deals_go_in_their_stage_and_closed_ones_stay_with_who_closed_them() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let heirs = [1, 2].map(Uuid::from_u128);
    rig.database.knows(boss.tenant_id, &heirs).await;
    let seller = rig.callers.add(&Rights::all(boss.tenant_id).with_team(&[]));
    let moved = rig.create(&seller, worth("a", 100)).await.unwrap();
    let request = MoveOpportunityStageRequest {
        id: moved.id.clone(),
        stage_key: "proposal".into(),
        ..MoveOpportunityStageRequest::default()
    };
    let moved = rig.opportunities(&seller).move_opportunity_stage(request).await.unwrap().into_inner();
    // Turns go by id, and ids of one instant have no order.
    rig.clock.advance(TimeDelta::milliseconds(1));
    rig.create(&seller, worth("b", 200)).await.unwrap();
    let won = rig.create(&seller, worth("c", 400)).await.unwrap();
    let request = WinOpportunityRequest { id: won.id.clone(), ..WinOpportunityRequest::default() };
    rig.opportunities(&seller).win_opportunity(request).await.unwrap();
    rig.create(&boss, deal("d")).await.unwrap();

    let rule = Rule { to_user_ids: heirs.map(|user| user.to_string()).into(), ..Rule::default() };
    let wanted = HandOver { from_user_id: seller.id.to_string(), rules: vec![rule], ..HandOver::default() };
    let mut client = HandOverServiceClient::new(boss.on(&rig.channel));
    let request =
        |dry_run| CreateHandOverRequest { hand_over: Some(wanted.clone()), dry_run, service: String::new() };
    let rehearsed = client.create_hand_over(request(true)).await.unwrap().into_inner();
    let mut job = client.create_hand_over(request(false)).await.unwrap().into_inner();
    for _ in 0..1000 {
        if job.state() != State::Running {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        let request = GetHandOverRequest { id: job.id, service: String::new() };
        job = client.get_hand_over(request).await.unwrap().into_inner();
    }
    assert_eq!((job.state(), job.failure.as_str()), (State::Done, ""));
    assert_eq!(job.rules[0].collection, "opportunities");
    let count = |user: Option<Uuid>| Count {
        collection: "opportunities".into(),
        to_user_id: user.map(|user| user.to_string()).unwrap_or_default(),
        records: 1,
    };
    let expected = [count(Some(heirs[0])), count(Some(heirs[1])), count(None)];
    assert_eq!((job.counts.as_slice(), rehearsed.counts.as_slice()), (&expected[..], &expected[..]));
    let given = rig.get(&boss, &moved.id).await.unwrap();
    assert_eq!((given.owner_id, given.stage_key), (heirs[0].to_string(), "proposal".to_owned()));
    assert_eq!(given.stage_enter_time, moved.stage_enter_time);
    let request = ListStageEntriesRequest { opportunity_id: moved.id };
    let entries =
        rig.opportunities(&boss).list_stage_entries(request).await.unwrap().into_inner().stage_entries;
    assert_eq!(entries.len(), 2, "the history is as it was");
    assert_eq!(rig.get(&boss, &won.id).await.unwrap().owner_id, seller.id.to_string());
    let (kept, scanned) = kept_and_scanned(&rig).await;
    assert_eq!(kept, scanned, "sums go with the deals");
}
