//! Forecasts: both families, the roll-up along lines of report, adjustments and submissions.

use chrono::TimeDelta;
use crm_proto::crm::sales::v1::{
    AdjustForecastRequest, DeleteForecastAdjustmentRequest, Forecast, ForecastAdjustment, ForecastCategory,
    ForecastFigures, ForecastRow, GetForecastRequest, GetForecastSubmissionRequest,
    ListForecastSubmissionsRequest, Opportunity, PeriodKind, SubmitForecastRequest, WinOpportunityRequest,
    forecast_adjustment::{Column, Kind},
    forecast_service_client::ForecastServiceClient,
};
use crm_proto::google::r#type::{Date, Money};
use crm_testkit::{Caller, Rights, status::assert_error};
use tonic::{Code, Status};
use uuid::Uuid;

use crate::rig::{Rig, Wired, day, deal, worth, yuan};

pub fn client(rig: &Rig, caller: &Caller) -> ForecastServiceClient<Wired> {
    ForecastServiceClient::new(caller.on(&rig.channel))
}

/// Asks for the first quarter of 2026, in which the tests live.
pub fn of(user_id: Uuid) -> GetForecastRequest {
    GetForecastRequest { user_id: user_id.to_string(), ..Default::default() }
}

async fn forecast(rig: &Rig, caller: &Caller, user_id: Uuid) -> Result<Forecast, Status> {
    client(rig, caller).get_forecast(of(user_id)).await.map(tonic::Response::into_inner)
}

/// Lets people report to others, by pairs of person and superior.
async fn report(rig: &Rig, tenant_id: Uuid, lines: &[(Uuid, Uuid)]) {
    let mut conn = rig.database.look().await;
    for (person, superior) in lines {
        let sql = "UPDATE colleague SET superior_id = $3 WHERE tenant_id = $1 AND id = $2";
        sqlx::query(sql).bind(tenant_id).bind(person).bind(superior).execute(&mut conn).await.unwrap();
    }
}

fn expected(units: i64, category: ForecastCategory, percent: i64, close: Date) -> Opportunity {
    Opportunity {
        forecast_category: category.into(),
        forecast_category_overridden: true,
        probability_percent: percent.try_into().unwrap(),
        probability_overridden: true,
        close_date: Some(close),
        ..worth("deal", units)
    }
}

fn units<'m>(money: impl Into<Option<&'m Money>>) -> i64 {
    money.into().unwrap().units
}

fn row(forecast: &Forecast, user_id: Uuid) -> &ForecastRow {
    forecast.rows.iter().find(|row| row.user_id == user_id.to_string()).unwrap()
}

fn only(row: &ForecastRow) -> &ForecastFigures {
    assert_eq!(row.figures.len(), 1);
    &row.figures[0]
}

#[tokio::test]
async fn both_families_count_the_deals_of_the_period_and_stay_apart() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let close = day(2026, 3, 20);
    for (units, category, percent) in [
        (1_000, ForecastCategory::Pipeline, 10),
        (200, ForecastCategory::BestCase, 50),
        (30, ForecastCategory::MostLikely, 33),
        (4, ForecastCategory::Commit, 90),
        (50_000, ForecastCategory::Omitted, 80),
    ] {
        rig.create(&me, expected(units, category, percent, close)).await.unwrap();
    }
    // Of another quarter, without a day, without an amount.
    rig.create(&me, expected(7, ForecastCategory::Commit, 90, day(2026, 4, 1))).await.unwrap();
    rig.create(&me, worth("dayless", 9)).await.unwrap();
    rig.create(&me, Opportunity { close_date: Some(close), ..deal("amountless") }).await.unwrap();
    let won =
        rig.create(&me, expected(600_000, ForecastCategory::Commit, 90, day(2026, 9, 1))).await.unwrap();
    let win = WinOpportunityRequest { id: won.id, ..Default::default() };
    rig.opportunities(&me).win_opportunity(win).await.unwrap();
    let lost =
        Opportunity { stage_key: "lost".into(), closed_date: Some(day(2026, 3, 1)), ..worth("lost", 8) };
    rig.create(&me, Opportunity { open_date: Some(day(2026, 1, 1)), ..lost }).await.unwrap();

    let told = forecast(&rig, &me, me.id).await.unwrap();
    assert_eq!((told.start_date, told.end_date), (Some(day(2026, 1, 1)), Some(day(2026, 3, 31))));
    assert!(told.complete && told.conversion_rates.is_empty());
    let total = told.total.as_ref().unwrap();
    let figures = only(total);
    assert_eq!(units(&figures.open_pipeline), 1_234);
    assert_eq!(units(&figures.best_case_forecast), 600_234);
    assert_eq!(units(&figures.commit_forecast), 600_004);
    assert_eq!((units(&figures.closed), units(&figures.omitted)), (600_000, 50_000));
    // 100 + 100 + 9.90 + 3.60, each rounded by itself; what is omitted is in neither family.
    assert_eq!(figures.weighted_open, Some(Money { nanos: 500_000_000, ..yuan(213) }));
    assert_eq!(units(&figures.weighted_forecast), 600_213);
    assert_eq!((figures.open_count, figures.won_count, total.without_amount_count), (4, 1, 1));
    let april = GetForecastRequest {
        date: Some(day(2026, 4, 9)),
        period_kind: PeriodKind::Month.into(),
        ..of(me.id)
    };
    let april = client(&rig, &me).get_forecast(april).await.unwrap().into_inner();
    assert_eq!(units(&only(&april.total.unwrap()).commit), 7);
    let nobody = forecast(&rig, &me, Uuid::new_v4()).await;
    assert_error(nobody, Code::NotFound, "NOT_FOUND");
}

#[tokio::test]
async fn a_manager_sees_a_row_for_each_direct_report_rolled_up() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let tenant = boss.tenant_id;
    let rights = Rights::all(tenant).with_team(&[]);
    let carl = rig.callers.add(&rights);
    let anna = rig.callers.add(&rights.clone().with_team(&[carl.id]));
    let bert = rig.callers.add(&rights);
    rig.database.knows(tenant, &[boss.id, anna.id, bert.id, carl.id]).await;
    // Carl reports to Anna, Anna and Bert to the boss; and somebody set a circle up elsewhere.
    let circle = [Uuid::new_v4(), Uuid::new_v4()];
    rig.database.knows(tenant, &circle).await;
    let lines = [
        (carl.id, anna.id),
        (anna.id, boss.id),
        (bert.id, boss.id),
        (circle[0], circle[1]),
        (circle[1], circle[0]),
    ];
    report(&rig, tenant, &lines).await;
    let close = day(2026, 3, 20);
    for (owner, units) in [(&boss, 1), (&anna, 20), (&carl, 300), (&bert, 4_000)] {
        rig.create(owner, expected(units, ForecastCategory::Commit, 100, close)).await.unwrap();
    }
    let mut euros = expected(5, ForecastCategory::BestCase, 100, close);
    euros.amount.as_mut().unwrap().currency_code = "EUR".into();
    rig.create(&carl, euros).await.unwrap();
    let told = forecast(&rig, &boss, boss.id).await.unwrap();
    assert_eq!(told.rows.len(), 3);
    assert_eq!(told.rows[0].user_id, boss.id.to_string());
    assert_eq!(units(&only(&told.rows[0]).commit), 1);
    let of_anna = row(&told, anna.id);
    assert_eq!((of_anna.people_count, of_anna.figures.len()), (2, 2));
    assert_eq!((units(&of_anna.figures[0].commit), units(&of_anna.figures[1].best_case)), (320, 5));
    assert_eq!(units(&only(row(&told, bert.id)).commit), 4_000);
    let total = told.total.unwrap();
    assert_eq!((total.people_count, units(&total.figures[0].commit_forecast)), (4, 4_321));
    assert_eq!(total.figures[1].currency_code, "EUR");
    // Anna sees her own and Carl's; Bert is not hers to see. Those of the circle end where they meet themselves.
    let told = forecast(&rig, &anna, anna.id).await.unwrap();
    assert!(told.complete && told.rows.len() == 2);
    assert_error(forecast(&rig, &anna, bert.id).await, Code::NotFound, "NOT_FOUND");
    let told = forecast(&rig, &boss, circle[0]).await.unwrap();
    assert_eq!(told.total.unwrap().people_count, 2);
    // Whoever sees nothing of those below is told that it is not all.
    let told = forecast(&rig, &bert, bert.id).await.unwrap();
    assert!(told.complete);
    report(&rig, tenant, &[(anna.id, bert.id)]).await;
    let told = forecast(&rig, &bert, bert.id).await.unwrap();
    assert!(!told.complete && told.rows.len() == 1);
    let stranger = rig.administrator();
    assert_error(forecast(&rig, &stranger, boss.id).await, Code::NotFound, "NOT_FOUND");
    let blind = rig.callers.add(&Rights::all(tenant).with_permissions(&["sales.opportunities.read"]));
    assert_error(forecast(&rig, &blind, blind.id).await, Code::PermissionDenied, "PERMISSION_MISSING");
}

#[tokio::test]
async fn deals_that_slip_or_are_pushed_out_are_counted() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let commit = |close| expected(1, ForecastCategory::Commit, 100, close);
    let pushed = rig.create(&me, commit(day(2026, 3, 5))).await.unwrap();
    rig.create(&me, commit(day(2026, 3, 6))).await.unwrap();
    let back = rig.create(&me, commit(day(2026, 3, 7))).await.unwrap();
    let shift =
        |id: &str, close| Opportunity { id: id.to_owned(), close_date: Some(close), ..Default::default() };
    for (id, close) in [
        (&pushed.id, day(2026, 3, 25)),
        (&pushed.id, day(2026, 5, 1)),
        (&pushed.id, day(2026, 6, 1)),
        (&back.id, day(2026, 5, 1)),
        (&back.id, day(2026, 3, 31)),
    ] {
        rig.update(&me, shift(id, close), &["close_date"]).await.unwrap();
    }
    rig.clock.advance(TimeDelta::days(14));
    let total = forecast(&rig, &me, me.id).await.unwrap().total.unwrap();
    assert_eq!((total.pushed_count, total.slipped_count, only(&total).open_count), (1, 1, 2));
}

fn adjustment(user_id: Uuid, units: i64, note: &str) -> AdjustForecastRequest {
    AdjustForecastRequest {
        user_id: user_id.to_string(),
        column: Column::CommitForecast.into(),
        amount: Some(yuan(units)),
        note: note.to_owned(),
        ..Default::default()
    }
}

#[tokio::test]
async fn owner_and_manager_adjust_side_by_side_and_submissions_never_change() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let rights = Rights::all(boss.tenant_id).with_team(&[]);
    let (anna, bert) = (rig.callers.add(&rights), rig.callers.add(&rights));
    rig.database.knows(boss.tenant_id, &[boss.id, anna.id, bert.id]).await;
    report(&rig, boss.tenant_id, &[(anna.id, boss.id)]).await;
    let made =
        rig.create(&anna, expected(100, ForecastCategory::Commit, 50, day(2026, 3, 20))).await.unwrap();
    let adjust = |caller: &Caller, request| {
        let mut client = client(&rig, caller);
        async move { client.adjust_forecast(request).await.map(tonic::Response::into_inner) }
    };
    let own = adjust(&anna, adjustment(anna.id, 120, "one more")).await.unwrap();
    assert_eq!(
        (own.kind(), own.original.clone(), own.amount.clone()),
        (Kind::Owner, Some(yuan(100)), Some(yuan(120)))
    );
    let above = adjust(&boss, adjustment(anna.id, 90, "I know her")).await.unwrap();
    assert_eq!((above.kind(), above.author_id.clone()), (Kind::Manager, boss.id.to_string()));
    let request = SubmitForecastRequest { note: "mine".into(), ..Default::default() };
    let submitted = client(&rig, &anna).submit_forecast(request).await.unwrap().into_inner();
    // The figure moves, the adjustments and what was handed in stay.
    let more = Opportunity { id: made.id, amount: Some(yuan(150)), ..Default::default() };
    rig.update(&anna, more, &["amount"]).await.unwrap();
    let again = adjust(&anna, adjustment(anna.id, 160, "")).await.unwrap();
    assert_eq!((again.id, again.original), (own.id.clone(), Some(yuan(150))));
    let told = forecast(&rig, &boss, boss.id).await.unwrap();
    let seen = row(&told, anna.id);
    assert_eq!(units(&only(seen).commit_forecast), 150);
    let amounts = |all: &[ForecastAdjustment]| {
        all.iter().map(|one| (one.kind(), units(&one.amount))).collect::<Vec<_>>()
    };
    assert_eq!(amounts(&seen.adjustments), [(Kind::Owner, 160), (Kind::Manager, 90)]);
    let get = GetForecastSubmissionRequest { id: submitted.id.clone() };
    let kept = client(&rig, &boss).get_forecast_submission(get.clone()).await.unwrap().into_inner();
    assert_eq!(kept, submitted);
    let frozen = kept.forecast.unwrap().total.unwrap();
    assert_eq!(units(&only(&frozen).commit_forecast), 100);
    assert_eq!(amounts(&frozen.adjustments), [(Kind::Owner, 120), (Kind::Manager, 90)]);
    // Walls.
    assert_error(adjust(&bert, adjustment(anna.id, 1, "")).await, Code::NotFound, "NOT_FOUND");
    let refused = adjust(&boss, adjustment(bert.id, 1, "")).await;
    assert_error(refused, Code::PermissionDenied, "FORECAST_NOT_YOURS");
    assert_error(adjust(&anna, adjustment(anna.id, -1, "")).await, Code::InvalidArgument, "FIELD_INVALID");
    assert_error(client(&rig, &bert).get_forecast_submission(get).await, Code::NotFound, "NOT_FOUND");
    let list = ListForecastSubmissionsRequest::default;
    assert!(
        client(&rig, &bert)
            .list_forecast_submissions(list())
            .await
            .unwrap()
            .into_inner()
            .forecast_submissions
            .is_empty()
    );
    let listed = client(&rig, &boss).list_forecast_submissions(list()).await.unwrap().into_inner();
    assert_eq!(
        (listed.forecast_submissions.len(), listed.forecast_submissions[0].forecast.is_none()),
        (1, true)
    );
    let take = |id: &str| DeleteForecastAdjustmentRequest { id: id.to_owned() };
    let others = client(&rig, &boss).delete_forecast_adjustment(take(&own.id)).await;
    assert_error(others, Code::NotFound, "NOT_FOUND");
    client(&rig, &anna).delete_forecast_adjustment(take(&own.id)).await.unwrap();
    let told = forecast(&rig, &anna, anna.id).await.unwrap();
    assert_eq!(amounts(&told.total.unwrap().adjustments), [(Kind::Manager, 90)]);
    // Events: the pipeline, the deal, three adjustments with the submission among them, the deal, one taken back.
    let told = rig.told(&boss, 8).await;
    let kinds: Vec<&str> = told
        .iter()
        .map(|event| event.payload.as_ref().unwrap().type_url.rsplit('.').next().unwrap())
        .collect();
    assert_eq!(
        kinds[2..],
        [
            "ForecastAdjusted",
            "ForecastAdjusted",
            "ForecastSubmitted",
            "OpportunityUpdated",
            "ForecastAdjusted",
            "ForecastAdjustmentDeleted"
        ]
    );
}
