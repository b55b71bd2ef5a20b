//! The deals of a real company (8,800 of them) come in by streaming upsert, and the figures come out to the unit.

use std::{collections::BTreeMap, path::Path};

use crm_proto::{
    crm::{
        record::v1::{
            CreateCustomFieldRequest, CustomField, CustomValue, custom_field::Type, custom_value::Value,
            row_result::Outcome,
        },
        sales::v1::{
            BulkUpsertOpportunitiesRequest, DealOutcome, GetPipelineSummaryRequest, ListDealOutcomesRequest,
            Opportunity, Pipeline, list_deal_outcomes_request::GroupBy, opportunity::State, stage::Kind,
        },
    },
    google::r#type::{Date, Money},
};
use crm_testkit::Caller;
use serde_json::Value as Json;
use uuid::Uuid;

use crate::rig::{Rig, row, stage};

fn csv(folder: &Path, name: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(folder.join(name)).unwrap();
    reader.deserialize().map(Result::unwrap).collect()
}

/// A date as `M/D/YYYY`.
fn date(text: &str) -> Option<Date> {
    let parts: Vec<i32> = text.split('/').filter_map(|part| part.parse().ok()).collect();
    let [month, day, year] = parts[..] else { return None };
    Some(Date { year, month, day })
}

/// The id that stands for a name.
fn id(names: &mut BTreeMap<String, Uuid>, name: &str) -> Uuid {
    *names.entry(name.to_owned()).or_insert_with(Uuid::new_v4)
}

async fn prepare(rig: &Rig, me: &Caller) -> Pipeline {
    let field = CustomField {
        display_name: "Product".into(),
        collection: "opportunities".into(),
        key: "product".into(),
        r#type: Type::Text.into(),
        ..CustomField::default()
    };
    let request = CreateCustomFieldRequest { custom_field: Some(field), ..Default::default() };
    rig.custom_fields(me).create_custom_field(request).await.unwrap();
    let pipeline = Pipeline {
        display_name: "Data".into(),
        stages: vec![
            stage("prospecting", Kind::Open),
            stage("engaging", Kind::Open),
            stage("won", Kind::Won),
            stage("lost", Kind::Lost),
        ],
        ..Pipeline::default()
    };
    rig.create_pipeline(me, pipeline).await.unwrap()
}

/// The rows as deals; agents get ids of their own, and accounts too.
fn rows(
    folder: &Path,
    pipeline: &Pipeline,
    agents: &mut BTreeMap<String, Uuid>,
) -> Vec<BulkUpsertOpportunitiesRequest> {
    let teams = csv(folder, "sales_teams.csv");
    let region: BTreeMap<&str, &str> =
        teams.iter().map(|row| (row["sales_agent"].as_str(), row["regional_office"].as_str())).collect();
    let mut accounts = BTreeMap::new();
    let sold = csv(folder, "sales_pipeline.csv");
    let deals = sold.iter().map(|line| {
        let amount = line["close_value"].parse::<i64>().ok();
        let product = line["product"].replace("GTXPro", "GTX Pro");
        let custom = CustomValue { value: Some(Value::Text(product)), ..CustomValue::default() };
        let account = &line["account"];
        row(
            &line["opportunity_id"],
            Opportunity {
                display_name: line["opportunity_id"].clone(),
                pipeline_id: pipeline.id.clone(),
                stage_key: line["deal_stage"].clone(),
                account_id: if account.is_empty() {
                    String::new()
                } else {
                    id(&mut accounts, account).to_string()
                },
                account_name: account.clone(),
                amount: amount.map(|units| Money { currency_code: "USD".into(), units, nanos: 0 }),
                open_date: date(&line["engage_date"]),
                closed_date: date(&line["close_date"]),
                region: region[line["sales_agent"].as_str()].to_owned(),
                owner_id: id(agents, &line["sales_agent"]).to_string(),
                custom: [("product".to_owned(), custom)].into(),
                ..Opportunity::default()
            },
        )
    });
    deals.collect()
}

async fn outcomes(rig: &Rig, me: &Caller, request: ListDealOutcomesRequest) -> Vec<DealOutcome> {
    rig.statistics(me).list_deal_outcomes(request).await.unwrap().into_inner().outcomes
}

/// Count and amount won, by group.
async fn won(rig: &Rig, me: &Caller, group_by: GroupBy, custom_key: &str) -> BTreeMap<String, (i64, i64)> {
    let custom_key = custom_key.to_owned();
    let request = ListDealOutcomesRequest { group_by: group_by.into(), custom_key, ..Default::default() };
    let found = outcomes(rig, me, request).await;
    found
        .into_iter()
        .filter(|row| row.won_count > 0)
        .map(|row| {
            // People of these tests all have one name.
            let by_key = group_by == GroupBy::Owner || row.display_name.is_empty();
            let name = if by_key { row.key } else { row.display_name };
            (name, (row.won_count, row.won_amount.unwrap().units))
        })
        .collect()
}

fn figures(json: &Json) -> BTreeMap<String, (i64, i64)> {
    let object = json.as_object().unwrap().iter();
    object
        .map(|(key, figure)| {
            (key.clone(), (figure["count"].as_i64().unwrap(), figure["value"].as_i64().unwrap()))
        })
        .collect()
}

fn amounts(json: &Json) -> BTreeMap<String, i64> {
    json.as_object().unwrap().iter().map(|(key, value)| (key.clone(), value.as_i64().unwrap())).collect()
}

#[tokio::test]
async fn the_figures_of_a_years_deals_come_out_to_the_unit() {
    let Some(folder) = crm_testkit::shared::data("crm-opportunities") else { return };
    let rig = Rig::new().await;
    let me = rig.administrator();
    let expected: Json =
        serde_json::from_slice(&std::fs::read(folder.join("expected.json")).unwrap()).unwrap();
    let expected = &expected["recomputed"];
    let pipeline = prepare(&rig, &me).await;
    let mut agents = BTreeMap::new();
    let rows = rows(&folder, &pipeline, &mut agents);
    rig.database.knows(me.tenant_id, &agents.values().copied().collect::<Vec<_>>()).await;
    let results = rig.upsert(&me, rows).await;
    let failed: Vec<_> =
        results.iter().filter(|result| result.outcome() != Outcome::Created).take(3).collect();
    assert!(failed.is_empty(), "{failed:?}");
    assert_eq!(results.len(), 8800);

    let all = outcomes(&rig, &me, ListDealOutcomesRequest::default()).await;
    let closed = all.iter().find(|row| row.currency_code == "USD").unwrap();
    assert_eq!((closed.won_count, closed.lost_count), (4238, 2473));
    assert_eq!(closed.won_amount.as_ref().unwrap().units, expected["won_value_total"].as_i64().unwrap());
    assert_eq!(closed.win_rate_by_count, "0.631501");
    let near = |text: &str, json: &Json| (text.parse::<f64>().unwrap() - json.as_f64().unwrap()).abs() < 1e-4;
    assert!(near(&closed.mean_cycle_days_won, &expected["mean_cycle_days_won"]), "{closed:?}");
    assert!(near(&closed.mean_cycle_days_lost, &expected["mean_cycle_days_lost"]), "{closed:?}");
    assert_eq!(all.iter().map(|row| row.open_count).sum::<i64>(), 2089);

    assert_eq!(won(&rig, &me, GroupBy::Quarter, "").await, figures(&expected["won_by_quarter"]));
    assert_eq!(won(&rig, &me, GroupBy::CustomField, "product").await, figures(&expected["won_by_product"]));
    let units = |found: BTreeMap<String, (i64, i64)>| -> BTreeMap<String, i64> {
        found.into_iter().map(|(key, (_, units))| (key, units)).collect()
    };
    assert_eq!(units(won(&rig, &me, GroupBy::Region, "").await), amounts(&expected["won_by_region"]));
    let by_agent = units(won(&rig, &me, GroupBy::Owner, "").await);
    for (agent, value) in amounts(&expected["top5_agents_by_value"]) {
        assert_eq!(by_agent[&agents[&agent].to_string()], value, "{agent}");
    }
    assert_eq!(by_agent.len(), 30);
    let by_account = units(won(&rig, &me, GroupBy::Account, "").await);
    for (account, value) in amounts(&expected["top5_accounts_by_value"]) {
        assert_eq!(by_account[&account], value, "{account}");
    }
    let teams = csv(&folder, "sales_teams.csv");
    for (manager, value) in amounts(&expected["won_by_manager"]) {
        let team = teams.iter().filter(|row| row["manager"] == manager);
        let owner_ids = team.filter_map(|row| agents.get(&row["sales_agent"])).map(Uuid::to_string).collect();
        let request = ListDealOutcomesRequest { owner_ids, ..Default::default() };
        let found = outcomes(&rig, &me, request).await;
        let units: i64 =
            found.iter().filter_map(|row| row.won_amount.as_ref()).map(|money| money.units).sum();
        assert_eq!(units, value, "{manager}");
    }

    let request = GetPipelineSummaryRequest { id: pipeline.id };
    let summary = rig.statistics(&me).get_pipeline_summary(request).await.unwrap().into_inner();
    let mut stands: BTreeMap<(String, State), i64> = BTreeMap::new();
    for sum in summary.sums {
        *stands.entry((sum.stage_key.clone(), sum.state())).or_default() += sum.opportunity_count;
    }
    let stages = amounts(&expected["stages"]);
    let state = |stage: &str| match stage {
        "Won" => State::Won,
        "Lost" => State::Lost,
        _ => State::Open,
    };
    for (stage, count) in stages {
        assert_eq!(stands[&(stage.to_lowercase(), state(&stage))], count, "{stage}");
    }
}
