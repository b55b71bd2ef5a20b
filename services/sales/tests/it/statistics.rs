//! Figures about deals: kept sums against the scan, funnels, outcomes.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use crm_kit_api::sensitivity::{Mask, Sensitivity};
use crm_proto::crm::{
    record::v1::{CreateCustomFieldRequest, CustomField, custom_field::Type},
    sales::v1::{
        DealOutcome, DeleteOpportunityRequest, GetFunnelRequest, GetPipelineSummaryRequest,
        ListDealOutcomesRequest, LoseOpportunityRequest, MoveOpportunityStageRequest, Opportunity,
        PipelineSummary, UndeleteOpportunityRequest, WinOpportunityRequest,
        list_deal_outcomes_request::GroupBy, opportunity::State,
    },
};
use crm_sales::statistics::fold;
use crm_testkit::{Caller, Rights, status::assert_error};
use tonic::Code;
use uuid::Uuid;

use crate::rig::{Rig, day, deal, worth, yuan};

async fn summary(rig: &Rig, caller: &Caller, pipeline_id: &str) -> PipelineSummary {
    let request = GetPipelineSummaryRequest { id: pipeline_id.to_owned() };
    rig.statistics(caller).get_pipeline_summary(request).await.unwrap().into_inner()
}

async fn outcomes(rig: &Rig, caller: &Caller, request: ListDealOutcomesRequest) -> Vec<DealOutcome> {
    rig.statistics(caller).list_deal_outcomes(request).await.unwrap().into_inner().outcomes
}

pub type Sums = BTreeMap<(Uuid, String, String, i16, String), (i64, String, String)>;

/// A row of sums as read.
type Row = (Uuid, String, String, i16, String, i64, String, String);

/// What the sums that are kept say, and what the deals themselves say.
pub async fn kept_and_scanned(rig: &Rig) -> (Sums, Sums) {
    let mut conn = rig.database.look().await;
    let kept = "SELECT owner_id, pipeline_id::text, stage_key, state, amount_currency, sum(opportunities)::bigint, \
                sum(amount)::text, sum(expected_revenue)::text FROM stage_sum GROUP BY 1, 2, 3, 4, 5 \
                HAVING sum(opportunities) <> 0 OR sum(amount) <> 0 OR sum(expected_revenue) <> 0";
    let scanned = "SELECT owner_id, pipeline_id::text, stage_key, state, amount_currency, count(*), \
                   COALESCE(sum(amount), 0)::text, COALESCE(sum(expected_revenue), 0)::text FROM opportunity \
                   WHERE delete_time IS NULL GROUP BY 1, 2, 3, 4, 5";
    let read = |rows: Vec<Row>| -> Sums {
        rows.into_iter().map(|(a, b, c, d, e, n, x, y)| ((a, b, c, d, e), (n, x, y))).collect()
    };
    let kept = read(sqlx::query_as(kept).fetch_all(&mut conn).await.unwrap());
    let scanned = read(sqlx::query_as(scanned).fetch_all(&mut conn).await.unwrap());
    (kept, scanned)
}

#[tokio::test]
async fn the_summary_tells_what_stands_in_each_stage_within_the_scope() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let rights = Rights::all(boss.tenant_id).with_team(&[]);
    let (anna, bert) = (rig.callers.add(&rights), rig.callers.add(&rights));
    let first = rig.create(&anna, worth("a", 100)).await.unwrap();
    rig.create(&anna, worth("b", 50)).await.unwrap();
    rig.create(&bert, Opportunity { stage_key: "proposal".into(), ..worth("c", 10) }).await.unwrap();
    rig.create(&bert, deal("without amount")).await.unwrap();
    let win = WinOpportunityRequest { id: first.id.clone(), ..Default::default() };
    rig.opportunities(&anna).win_opportunity(win).await.unwrap();
    let told = |summary: PipelineSummary| -> Vec<(String, State, i64, i64, i64)> {
        let units =
            |money: &Option<crm_proto::google::r#type::Money>| money.as_ref().map_or(-1, |money| money.units);
        let sums = summary.sums.iter();
        sums.map(|sum| {
            let figures = (units(&sum.amount), units(&sum.expected_revenue));
            (sum.stage_key.clone(), sum.state(), sum.opportunity_count, figures.0, figures.1)
        })
        .collect()
    };
    let id = &first.pipeline_id;
    assert_eq!(
        told(summary(&rig, &boss, id).await),
        [
            ("qualification".to_owned(), State::Open, 1, -1, -1),
            ("qualification".to_owned(), State::Open, 1, 50, 5),
            ("proposal".to_owned(), State::Open, 1, 10, 5),
            ("won".to_owned(), State::Won, 1, 100, 100),
        ]
    );
    assert_eq!(
        told(summary(&rig, &bert, id).await),
        [
            ("qualification".to_owned(), State::Open, 1, -1, -1),
            ("proposal".to_owned(), State::Open, 1, 10, 5),
        ]
    );
    let request = GetPipelineSummaryRequest { id: Uuid::max().to_string() };
    let missing = rig.statistics(&boss).get_pipeline_summary(request).await;
    assert_error(missing, Code::NotFound, "NOT_FOUND");
}

/// One of the things that happen to deals, chosen by `step`.
async fn disturb(rig: &Rig, caller: &Caller, ids: &[String], step: usize) {
    let id = ids[step * 7 % ids.len()].clone();
    let stages = ["qualification", "needs_analysis", "proposal", "negotiation"];
    let mut client = rig.opportunities(caller);
    // Some of it is refused, because the deal is closed or gone; then nothing may change either.
    match step % 8 {
        0 => {
            let amount = Some(yuan(i64::try_from(step).unwrap()));
            rig.update(caller, Opportunity { id, amount, ..Default::default() }, &["amount"]).await.ok();
        }
        1 => {
            client.win_opportunity(WinOpportunityRequest { id, ..Default::default() }).await.ok();
        }
        2 => {
            let close_reason = "price".to_owned();
            client
                .lose_opportunity(LoseOpportunityRequest { id, close_reason, ..Default::default() })
                .await
                .ok();
        }
        3 => {
            client.delete_opportunity(DeleteOpportunityRequest { id, etag: String::new() }).await.ok();
        }
        4 => {
            client.undelete_opportunity(UndeleteOpportunityRequest { id, etag: String::new() }).await.ok();
        }
        5 => {
            let request = crm_proto::crm::sales::v1::ReopenOpportunityRequest { id, ..Default::default() };
            client.reopen_opportunity(request).await.ok();
        }
        6 => {
            let owner_id = Uuid::from_u128(u128::try_from(step % 3).unwrap() + 1).to_string();
            rig.update(caller, Opportunity { id, owner_id, ..Default::default() }, &["owner_id"]).await.ok();
        }
        _ => {
            let stage_key = stages[step / 8 % 4].to_owned();
            client
                .move_opportunity_stage(MoveOpportunityStageRequest { id, stage_key, ..Default::default() })
                .await
                .ok();
        }
    }
}

#[tokio::test]
async fn kept_sums_equal_the_scan_whatever_happens_at_once() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let owners: Vec<Uuid> = (1..4).map(Uuid::from_u128).collect();
    rig.database.knows(me.tenant_id, &owners).await;
    let mut ids = Vec::new();
    for index in 0..12 {
        ids.push(rig.create(&me, worth(&format!("d{index}"), 100 + index)).await.unwrap().id);
    }
    let pipeline = rig.default_pipeline(&me).await;
    let pipeline_id: Uuid = pipeline.id.parse().unwrap();
    let db = rig.database.db();
    let workers = (0..8_usize).map(|worker| {
        let (rig, me, ids, db) = (&rig, &me, &ids, &db);
        async move {
            for step in 0..40 {
                disturb(rig, me, ids, worker * 41 + step * 3).await;
                if step % 10 == worker % 10 {
                    fold::run(db, me.tenant_id, pipeline_id).await.unwrap();
                }
            }
        }
    });
    futures::future::join_all(workers).await;
    let (kept, scanned) = kept_and_scanned(&rig).await;
    assert!(!scanned.is_empty());
    assert_eq!(kept, scanned);
    // Folding changes the number of rows and nothing else; a second time there is nothing to fold.
    fold::run(&db, me.tenant_id, pipeline_id).await.unwrap();
    let (folded, _) = kept_and_scanned(&rig).await;
    assert_eq!(folded, scanned);
    let rows = fold::run(&db, me.tenant_id, pipeline_id).await.unwrap();
    assert_eq!(usize::try_from(rows).unwrap(), scanned.len());
}

#[tokio::test]
async fn sums_of_many_rows_are_folded_by_themselves() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let made = rig.create(&me, worth("x", 1)).await.unwrap();
    for units in 0..230 {
        let change = Opportunity { id: made.id.clone(), amount: Some(yuan(units)), ..Default::default() };
        rig.update(&me, change, &["amount"]).await.unwrap();
    }
    let before = summary(&rig, &me, &made.pipeline_id).await;
    let mut conn = rig.database.look().await;
    let rows = "SELECT count(*) FROM stage_sum";
    for _ in 0..200 {
        let left: i64 = sqlx::query_scalar(rows).fetch_one(&mut conn).await.unwrap();
        if left == 1 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(sqlx::query_scalar::<_, i64>(rows).fetch_one(&mut conn).await.unwrap(), 1);
    assert_eq!(summary(&rig, &me, &made.pipeline_id).await, before);
    assert_eq!(before.sums[0].amount, Some(yuan(229)));
}

#[tokio::test]
async fn a_stage_keeps_its_sums_apart_by_currency() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let made = rig.create(&me, worth("x", 7)).await.unwrap();
    let mut euros = worth("y", 9);
    euros.amount.as_mut().unwrap().currency_code = "EUR".into();
    rig.create(&me, euros).await.unwrap();
    let sums = summary(&rig, &me, &made.pipeline_id).await.sums;
    let codes: Vec<String> =
        sums.iter().map(|sum| sum.amount.as_ref().unwrap().currency_code.clone()).collect();
    assert_eq!(codes, ["CNY", "EUR"]);
}

#[tokio::test]
async fn the_funnel_tells_cohorts_and_flows_apart() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let mut ids = Vec::new();
    for name in ["a", "b", "c"] {
        ids.push(rig.create(&me, worth(name, 1)).await.unwrap().id);
    }
    rig.clock.advance(TimeDelta::days(2));
    let shift = |id: &str, stage: &str| MoveOpportunityStageRequest {
        id: id.to_owned(),
        stage_key: stage.to_owned(),
        ..Default::default()
    };
    let mut client = rig.opportunities(&me);
    client.move_opportunity_stage(shift(&ids[0], "proposal")).await.unwrap();
    client.move_opportunity_stage(shift(&ids[1], "proposal")).await.unwrap();
    rig.clock.advance(TimeDelta::days(1));
    // Back and forth counts as one deal in the cohort, and as two moves in the flow.
    client.move_opportunity_stage(shift(&ids[1], "qualification")).await.unwrap();
    client.move_opportunity_stage(shift(&ids[1], "proposal")).await.unwrap();
    client.win_opportunity(WinOpportunityRequest { id: ids[0].clone(), ..Default::default() }).await.unwrap();
    let pipeline = rig.default_pipeline(&me).await;
    let ask = |start, end| GetFunnelRequest { id: pipeline.id.clone(), start_date: start, end_date: end };
    let funnel = rig.statistics(&me).get_funnel(ask(None, None)).await.unwrap().into_inner();
    let stage = |key: &str| funnel.stages.iter().find(|stage| stage.stage_key == key).unwrap();
    let first = stage("qualification");
    assert_eq!((first.entered_count, first.advanced_count, first.won_count), (3, 2, 1));
    assert_eq!((first.cohort_conversion.as_str(), first.exit_count), ("0.666667", 3));
    // Two stays of two days and one of none.
    assert_eq!(first.mean_days, "1.333333");
    let second = stage("proposal");
    assert_eq!((second.entered_count, second.advanced_count, second.exit_count), (2, 1, 2));
    let moves: Vec<(&str, &str, i64, &str)> = funnel
        .moves
        .iter()
        .map(|flow| {
            let ends = (flow.from_stage_key.as_str(), flow.to_stage_key.as_str());
            (ends.0, ends.1, flow.move_count, flow.flow_conversion.as_str())
        })
        .collect();
    assert_eq!(
        moves,
        [
            ("proposal", "qualification", 1, "0.500000"),
            ("proposal", "won", 1, "0.500000"),
            ("qualification", "proposal", 3, "1.000000"),
        ]
    );
    // Only what happened on the last day.
    let last = Some(day(2026, 3, 4));
    let funnel = rig.statistics(&me).get_funnel(ask(last, last)).await.unwrap().into_inner();
    assert_eq!(funnel.moves.iter().map(|flow| flow.move_count).sum::<i64>(), 3);
    let wrong = rig.statistics(&me).get_funnel(ask(last, Some(day(2026, 3, 3)))).await;
    assert_error(wrong, Code::InvalidArgument, "FIELD_INVALID");
}

#[tokio::test]
async fn outcomes_count_what_is_closed_in_the_period_and_what_is_open() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let closed = |name: &str, stage: &str, units, closed| Opportunity {
        stage_key: stage.to_owned(),
        open_date: Some(day(2026, 1, 1)),
        closed_date: Some(closed),
        region: name.to_owned(),
        ..worth(name, units)
    };
    for deal in [
        closed("East", "won", 100, day(2026, 1, 11)),
        closed("East", "won", 300, day(2026, 1, 31)),
        closed("East", "lost", 400, day(2026, 1, 6)),
        closed("West", "lost", 50, day(2026, 2, 1)),
        Opportunity { region: "East".into(), ..worth("open", 1000) },
    ] {
        rig.create(&me, deal).await.unwrap();
    }
    let by = |group_by: GroupBy| ListDealOutcomesRequest { group_by: group_by.into(), ..Default::default() };
    let all = outcomes(&rig, &me, by(GroupBy::Unspecified)).await;
    assert_eq!((all[0].won_count, all[0].lost_count, all[0].open_count), (2, 2, 1));
    assert_eq!(all[0].win_rate_by_count, "0.500000");
    assert_eq!(all[0].win_rate_by_amount, "0.470588");
    assert_eq!(
        (all[0].mean_cycle_days_won.as_str(), all[0].mean_cycle_days_lost.as_str()),
        ("20.000000", "18.000000")
    );
    // 1 * 200 * 0.5 / 20 = 5 a day.
    assert_eq!(all[0].velocity_per_day, Some(yuan(5)));
    let by_region = outcomes(&rig, &me, by(GroupBy::Region)).await;
    let told: Vec<(&str, i64, i64)> =
        by_region.iter().map(|row| (row.key.as_str(), row.won_count, row.lost_count)).collect();
    assert_eq!(told, [("East", 2, 1), ("West", 0, 1)]);
    let january = ListDealOutcomesRequest {
        start_date: Some(day(2026, 1, 1)),
        end_date: Some(day(2026, 1, 31)),
        ..by(GroupBy::Month)
    };
    let by_month = outcomes(&rig, &me, january).await;
    let told: Vec<(&str, i64, i64, i64)> = by_month
        .iter()
        .map(|row| (row.key.as_str(), row.won_count, row.lost_count, row.open_count))
        .collect();
    assert_eq!(told, [("", 0, 0, 1), ("2026-01", 2, 1, 0)]);
    let without_key = rig.statistics(&me).list_deal_outcomes(by(GroupBy::CustomField)).await;
    assert_error(without_key, Code::InvalidArgument, "FIELD_INVALID");
    let stranger = rig.administrator();
    assert!(outcomes(&rig, &stranger, by(GroupBy::Region)).await.is_empty());
}

#[tokio::test]
async fn outcomes_are_grouped_by_known_custom_fields_that_the_caller_sees() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    for (key, kind, sensitivity) in [
        ("product", Type::Text, Sensitivity::Unspecified),
        ("phone", Type::Phone, Sensitivity::Phone),
        ("day", Type::Date, Sensitivity::Unspecified),
    ] {
        let field = CustomField {
            display_name: key.to_owned(),
            collection: "opportunities".into(),
            key: key.to_owned(),
            r#type: kind.into(),
            sensitivity: sensitivity.into(),
            ..CustomField::default()
        };
        let request = CreateCustomFieldRequest { custom_field: Some(field), ..Default::default() };
        rig.custom_fields(&me).create_custom_field(request).await.unwrap();
    }
    rig.create(&me, worth("A", 1)).await.unwrap();
    let by = |key: &str| ListDealOutcomesRequest {
        group_by: GroupBy::CustomField.into(),
        custom_key: key.to_owned(),
        ..Default::default()
    };
    let masks = vec![(Sensitivity::Phone, Mask::Partial)];
    let masked = rig.callers.add(&Rights { masks, ..Rights::all(me.tenant_id) });
    assert_eq!(outcomes(&rig, &me, by("phone")).await.len(), 1);
    let refused = rig.statistics(&masked).list_deal_outcomes(by("phone")).await;
    assert_error(refused, Code::PermissionDenied, "FIELD_MASKED");
    assert_eq!(outcomes(&rig, &masked, by("product")).await.len(), 1);
    for key in ["day", "nothing"] {
        let refused = rig.statistics(&me).list_deal_outcomes(by(key)).await;
        assert_error(refused, Code::InvalidArgument, "FIELD_INVALID");
    }
}
