//! How deals move through stages and end.

use chrono::TimeDelta;
use crm_proto::crm::sales::v1::{
    ForecastCategory, InvalidateOpportunityRequest, ListStageEntriesRequest, LoseOpportunityRequest,
    MoveOpportunityStageRequest, Opportunity, ReopenOpportunityRequest, StageEntry, WinOpportunityRequest,
    opportunity::State,
};
use crm_testkit::{
    Caller, Rights,
    status::{assert_error, metadata, violations},
};
use tonic::{Code, Status};

use crate::rig::{Rig, day, deal, filter, pipeline, worth, yuan};

async fn shift(rig: &Rig, caller: &Caller, id: &str, stage: &str) -> Result<Opportunity, Status> {
    let request =
        MoveOpportunityStageRequest { id: id.into(), stage_key: stage.into(), ..Default::default() };
    rig.opportunities(caller).move_opportunity_stage(request).await.map(tonic::Response::into_inner)
}

async fn win(rig: &Rig, caller: &Caller, id: &str) -> Result<Opportunity, Status> {
    let request = WinOpportunityRequest { id: id.into(), ..Default::default() };
    rig.opportunities(caller).win_opportunity(request).await.map(tonic::Response::into_inner)
}

async fn reopen(rig: &Rig, caller: &Caller, id: &str, stage: &str) -> Result<Opportunity, Status> {
    let request = ReopenOpportunityRequest { id: id.into(), stage_key: stage.into(), ..Default::default() };
    rig.opportunities(caller).reopen_opportunity(request).await.map(tonic::Response::into_inner)
}

async fn entries(rig: &Rig, caller: &Caller, id: &str) -> Vec<StageEntry> {
    let request = ListStageEntriesRequest { opportunity_id: id.into() };
    rig.opportunities(caller).list_stage_entries(request).await.unwrap().into_inner().stage_entries
}

#[tokio::test]
async fn a_closed_gate_names_what_is_missing_and_nothing_moves() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let mut pipeline = rig.default_pipeline(&me).await;
    pipeline.stages[0].allowed_next_keys = vec!["needs_analysis".into(), "lost".into()];
    pipeline.stages[1].required_fields = vec!["amount".into(), "next_step".into()];
    rig.update_pipeline(&me, pipeline, &["stages"]).await.unwrap();
    let made = rig.create(&me, deal("x")).await.unwrap();

    let status = shift(&rig, &me, &made.id, "needs_analysis").await;
    let status = assert_error(status, Code::FailedPrecondition, "STAGE_GATE_CLOSED");
    assert_eq!(metadata(&status, "missing"), "amount,next_step");
    let fields: Vec<String> = violations(&status).into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["opportunity.amount", "opportunity.next_step"]);
    let status = win(&rig, &me, &made.id).await;
    let status = assert_error(status, Code::FailedPrecondition, "STAGE_MOVE_NOT_ALLOWED");
    assert_eq!(metadata(&status, "allowed"), "needs_analysis,lost");
    let status = shift(&rig, &me, &made.id, "moon").await;
    assert_error(status, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(rig.get(&me, &made.id).await.unwrap(), made);
    assert_eq!(entries(&rig, &me, &made.id).await.len(), 1);

    // What is missing comes with the move.
    let change = Opportunity {
        id: made.id,
        stage_key: "needs_analysis".into(),
        next_step: "call".into(),
        ..worth("x", 1)
    };
    let moved = rig.update(&me, change, &["stage_key", "next_step", "amount"]).await.unwrap();
    assert_eq!((moved.stage_key.as_str(), moved.probability_percent), ("needs_analysis", 25));
    // A deal is not made in a late stage without what the stage asks for either.
    let late = Opportunity { stage_key: "needs_analysis".into(), ..deal("late") };
    assert_error(rig.create(&me, late).await, Code::FailedPrecondition, "STAGE_GATE_CLOSED");
}

#[tokio::test]
async fn a_won_deal_is_locked_until_somebody_who_may_reopens_it() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let made = rig.create(&me, worth("x", 1000)).await.unwrap();
    let request = WinOpportunityRequest {
        id: made.id.clone(),
        closed_date: Some(day(2026, 3, 4)),
        close_reason: "price".into(),
        ..Default::default()
    };
    let won = rig.opportunities(&me).win_opportunity(request).await.unwrap().into_inner();
    assert_eq!((won.state(), won.stage_key.as_str()), (State::Won, "won"));
    assert_eq!((won.probability_percent, won.forecast_category()), (100, ForecastCategory::Closed));
    assert_eq!((won.closed_date, won.close_reason.as_str()), (Some(day(2026, 3, 4)), "price"));
    assert_eq!((won.expected_revenue.clone(), won.stall_time), (Some(yuan(1000)), None));

    let other = Opportunity { id: made.id.clone(), amount: Some(yuan(1)), ..Default::default() };
    let status = rig.update(&me, other, &["amount"]).await;
    assert_error(status, Code::FailedPrecondition, "OPPORTUNITY_LOCKED");
    let next = Opportunity { id: made.id.clone(), next_step: "deliver".into(), ..Default::default() };
    rig.update(&me, next, &["next_step"]).await.unwrap();
    for status in [
        shift(&rig, &me, &made.id, "proposal").await,
        win(&rig, &me, &made.id).await,
        rig.update(
            &me,
            Opportunity { id: made.id.clone(), stage_key: "lost".into(), ..Default::default() },
            &["stage_key"],
        )
        .await,
    ] {
        let status = assert_error(status, Code::FailedPrecondition, "OPPORTUNITY_CLOSED");
        assert_eq!(metadata(&status, "state"), "WON");
    }
    let rights = Rights::all(me.tenant_id).with_permissions(&["sales.opportunities.update"]);
    let clerk = rig.callers.add(&rights);
    let status = reopen(&rig, &clerk, &made.id, "").await;
    assert_error(status, Code::PermissionDenied, "PERMISSION_MISSING");

    let open = reopen(&rig, &me, &made.id, "").await.unwrap();
    assert_eq!((open.state(), open.stage_key.as_str()), (State::Open, "qualification"));
    assert_eq!((open.closed_date, open.original_closed_date), (None, Some(day(2026, 3, 4))));
    let status = reopen(&rig, &me, &made.id, "").await;
    assert_error(status, Code::FailedPrecondition, "OPPORTUNITY_OPEN");
    let other = Opportunity { id: made.id.clone(), amount: Some(yuan(1)), ..Default::default() };
    rig.update(&me, other, &["amount"]).await.unwrap();
    let again = win(&rig, &me, &made.id).await.unwrap();
    assert_eq!(again.original_closed_date, Some(day(2026, 3, 4)));
    assert_eq!(entries(&rig, &me, &made.id).await.len(), 4);
}

#[tokio::test]
async fn deals_are_lost_or_found_invalid_with_a_reason() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let made = rig.create(&me, worth("x", 1000)).await.unwrap();
    shift(&rig, &me, &made.id, "proposal").await.unwrap();
    let without = LoseOpportunityRequest { id: made.id.clone(), ..Default::default() };
    let status = rig.opportunities(&me).lose_opportunity(without).await;
    assert_error(status, Code::InvalidArgument, "FIELD_INVALID");
    let early = InvalidateOpportunityRequest {
        id: made.id.clone(),
        close_reason: "twice".into(),
        closed_date: Some(day(2026, 1, 1)),
        ..Default::default()
    };
    let status = rig.opportunities(&me).invalidate_opportunity(early).await;
    assert_error(status, Code::InvalidArgument, "FIELD_INVALID");

    let invalid = InvalidateOpportunityRequest {
        id: made.id.clone(),
        close_reason: "twice".into(),
        ..Default::default()
    };
    let invalid = rig.opportunities(&me).invalidate_opportunity(invalid).await.unwrap().into_inner();
    assert_eq!((invalid.state(), invalid.stage_key.as_str()), (State::Invalid, "proposal"));
    assert_eq!(
        (invalid.expected_revenue.clone(), invalid.closed_date),
        (Some(yuan(0)), Some(day(2026, 3, 1)))
    );
    // Its other fields can still be put right.
    let note = Opportunity { id: made.id.clone(), description: "see the other".into(), ..Default::default() };
    assert_eq!(rig.update(&me, note, &["description"]).await.unwrap().state(), State::Invalid);
    let open = reopen(&rig, &me, &made.id, "").await.unwrap();
    assert_eq!(open.stage_key, "proposal");
    let request =
        LoseOpportunityRequest { id: made.id.clone(), close_reason: "price".into(), ..Default::default() };
    let lost = rig.opportunities(&me).lose_opportunity(request).await.unwrap().into_inner();
    assert_eq!(
        (lost.state(), lost.probability_percent, lost.close_reason.as_str()),
        (State::Lost, 0, "price")
    );
    let stood: Vec<State> = entries(&rig, &me, &made.id).await.iter().map(StageEntry::state).collect();
    assert_eq!(stood, [State::Open, State::Open, State::Invalid, State::Open, State::Lost]);
}

#[tokio::test]
async fn the_history_tells_every_stay_with_its_length_and_worth() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let made = rig.create(&me, worth("x", 10)).await.unwrap();
    rig.clock.advance(TimeDelta::hours(36));
    shift(&rig, &me, &made.id, "proposal").await.unwrap();
    let change = Opportunity { id: made.id.clone(), amount: Some(yuan(20)), ..Default::default() };
    rig.update(&me, change, &["amount"]).await.unwrap();
    rig.clock.advance(TimeDelta::hours(12));
    // Back is a move like any other.
    shift(&rig, &me, &made.id, "qualification").await.unwrap();
    rig.clock.advance(TimeDelta::hours(1));
    let told = entries(&rig, &me, &made.id).await;
    let stays: Vec<(&str, &str, i64, i64)> = told
        .iter()
        .map(|entry| {
            let units = entry.amount.as_ref().unwrap().units;
            (entry.from_stage_key.as_str(), entry.stage_key.as_str(), entry.duration_seconds / 3600, units)
        })
        .collect();
    assert_eq!(
        stays,
        [
            ("", "qualification", 36, 10),
            ("qualification", "proposal", 12, 10),
            ("proposal", "qualification", 1, 20)
        ]
    );
    assert!(told.iter().all(|entry| entry.actor_id == me.id.to_string()));
    assert_eq!(told[0].leave_time, told[1].enter_time);
    assert_eq!(told[2].leave_time, None);
}

#[tokio::test]
async fn a_deal_that_stays_too_long_is_found_as_stalled() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let old = rig.create(&me, deal("old")).await.unwrap();
    rig.clock.advance(TimeDelta::days(20));
    rig.create(&me, deal("new")).await.unwrap();
    let stalled = || rig.names(&me, filter("stall_time <= now"));
    assert!(stalled().await.unwrap().is_empty());
    rig.clock.advance(TimeDelta::days(11));
    assert_eq!(stalled().await.unwrap(), ["old"]);
    // Another limit holds for those that stand there already.
    let mut pipeline = rig.default_pipeline(&me).await;
    pipeline.stages[0].max_days = 5;
    let pipeline = rig.update_pipeline(&me, pipeline, &["stages"]).await.unwrap();
    assert_eq!(stalled().await.unwrap(), ["new", "old"]);
    shift(&rig, &me, &old.id, "proposal").await.unwrap();
    assert_eq!(stalled().await.unwrap(), ["new"]);
    let mut pipeline = pipeline;
    pipeline.stages[0].max_days = 0;
    rig.update_pipeline(&me, pipeline, &["stages"]).await.unwrap();
    assert!(stalled().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_deal_goes_to_another_pipeline_with_a_stage_of_it() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let made = rig.create(&me, deal("x")).await.unwrap();
    let other = rig.create_pipeline(&me, pipeline("Partners")).await.unwrap();
    let change = Opportunity {
        id: made.id.clone(),
        pipeline_id: other.id.clone(),
        stage_key: "talk".into(),
        ..Default::default()
    };
    let status = rig.update(&me, change.clone(), &["pipeline_id"]).await;
    assert_error(status, Code::InvalidArgument, "FIELD_INVALID");
    let moved = rig.update(&me, change, &["pipeline_id", "stage_key"]).await.unwrap();
    assert_eq!((moved.pipeline_id, moved.stage_key.as_str()), (other.id.clone(), "talk"));
    let retired = crm_proto::crm::sales::v1::Pipeline { retired: true, ..other };
    rig.update_pipeline(&me, retired.clone(), &["retired"]).await.unwrap();
    // Those in a retired pipeline go on; no other comes in.
    win(&rig, &me, &made.id).await.unwrap();
    let late = Opportunity { pipeline_id: retired.id, ..deal("late") };
    assert_error(rig.create(&me, late).await, Code::InvalidArgument, "FIELD_INVALID");
}

#[tokio::test]
async fn of_two_who_close_a_deal_at_once_one_wins() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let made = rig.create(&me, worth("x", 1)).await.unwrap();
    let outcomes = futures::future::join_all((0..8).map(|_| win(&rig, &me, &made.id))).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    for refused in outcomes.into_iter().filter(Result::is_err) {
        assert_error(refused, Code::FailedPrecondition, "OPPORTUNITY_CLOSED");
    }
    let stale =
        MoveOpportunityStageRequest { id: made.id.clone(), etag: made.etag, stage_key: "proposal".into() };
    let status = rig.opportunities(&me).move_opportunity_stage(stale).await;
    assert_error(status, Code::Aborted, "ETAG_MISMATCH");
    assert_eq!(entries(&rig, &me, &made.id).await.len(), 2);
}
