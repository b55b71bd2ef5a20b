//! Pipelines and their stages.

use crm_proto::crm::sales::v1::{
    ForecastCategory, GetPipelineRequest, ListPipelinesRequest, Pipeline, Stage, stage::Kind,
};
use crm_testkit::{
    Caller,
    status::{assert_error, metadata, violations},
};
use tonic::{Code, Request};

use crate::rig::{Rig, pipeline, stage};

/// Names of the pipelines, in order.
async fn names(rig: &Rig, caller: &Caller, show_retired: bool) -> Vec<String> {
    let request = ListPipelinesRequest { show_retired, ..ListPipelinesRequest::default() };
    let page = rig.list_pipelines(caller, request).await.unwrap();
    let mut names: Vec<String> = page.pipelines.into_iter().map(|pipeline| pipeline.display_name).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_tenant_has_a_default_pipeline_from_the_first_look() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let first = rig.default_pipeline(&me).await;
    assert_eq!(first.display_name, "标准销售流程");
    let told: Vec<(&str, Kind, i32, ForecastCategory)> = first
        .stages
        .iter()
        .map(|stage| (stage.key.as_str(), stage.kind(), stage.probability_percent, stage.forecast_category()))
        .collect();
    assert_eq!(
        told,
        [
            ("qualification", Kind::Open, 10, ForecastCategory::Pipeline),
            ("needs_analysis", Kind::Open, 25, ForecastCategory::Pipeline),
            ("proposal", Kind::Open, 50, ForecastCategory::BestCase),
            ("negotiation", Kind::Open, 75, ForecastCategory::Commit),
            ("won", Kind::Won, 100, ForecastCategory::Closed),
            ("lost", Kind::Lost, 0, ForecastCategory::Omitted),
        ]
    );
    let get = GetPipelineRequest { id: first.id.clone() };
    assert_eq!(rig.pipelines(&me).get_pipeline(get).await.unwrap().into_inner(), first);
    assert_eq!(rig.default_pipeline(&me).await, first);
}

#[tokio::test]
async fn many_first_looks_at_once_make_one_default_pipeline() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let looks = (0..16).map(|_| rig.default_pipeline(&me));
    let found = futures::future::join_all(looks).await;
    assert!(found.iter().all(|pipeline| *pipeline == found[0]));
    assert_eq!(names(&rig, &me, true).await.len(), 1);
    let mut conn = rig.database.look().await;
    let (rows, events): (i64, i64) =
        sqlx::query_as("SELECT (SELECT count(*) FROM pipeline), (SELECT count(*) FROM outbox)")
            .fetch_one(&mut conn)
            .await
            .unwrap();
    assert_eq!((rows, events), (1, 1));
}

#[tokio::test]
async fn a_pipeline_is_kept_as_sent_and_a_repeat_with_the_same_key_makes_no_second() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let mut wanted = pipeline("渠道销售");
    wanted.stages[0] = Stage {
        probability_percent: 35,
        forecast_category: ForecastCategory::BestCase.into(),
        required_fields: vec!["amount".into(), "custom.budget_ok".into()],
        allowed_next_keys: vec!["won".into()],
        max_days: 14,
        description: "谈预算".into(),
        ..wanted.stages[0].clone()
    };
    let create = || {
        let mut request =
            Request::new(crm_proto::crm::sales::v1::CreatePipelineRequest { pipeline: Some(wanted.clone()) });
        request.metadata_mut().insert("idempotency-key", "once".parse().unwrap());
        request
    };
    let made = rig.pipelines(&me).create_pipeline(create()).await.unwrap().into_inner();
    assert_eq!(made.stages[0], wanted.stages[0]);
    assert_eq!((made.stages[1].probability_percent, made.stages[2].probability_percent), (100, 0));
    assert_eq!(made.stages[2].forecast_category(), ForecastCategory::Omitted);
    assert_eq!(rig.pipelines(&me).create_pipeline(create()).await.unwrap().into_inner(), made);
    assert_eq!(names(&rig, &me, true).await, ["标准销售流程", "渠道销售"]);
}

#[tokio::test]
async fn every_broken_rule_is_told_at_once() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let nothing = Pipeline { stages: vec![stage("talk", Kind::Unspecified)], ..Pipeline::default() };
    let status = rig.create_pipeline(&me, nothing).await;
    let status = assert_error(status, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(
        violations(&status),
        [
            ("pipeline.display_name".to_owned(), "REQUIRED".to_owned()),
            ("pipeline.stages[0].kind".to_owned(), "REQUIRED".to_owned()),
        ]
    );
    let mut wrong = pipeline("x");
    wrong.stages[0].required_fields = vec!["colour".into()];
    wrong.stages[1].max_days = 5;
    wrong.stages.push(stage("Talk 2", Kind::Open));
    let status = rig.create_pipeline(&me, wrong).await;
    let status = assert_error(status, Code::InvalidArgument, "FIELD_INVALID");
    let fields: Vec<String> = violations(&status).into_iter().map(|(field, _)| field).collect();
    assert_eq!(
        fields,
        ["pipeline.stages[0].required_fields[0]", "pipeline.stages[1].max_days", "pipeline.stages[3].key",]
    );
    let mut bounds = pipeline("x");
    bounds.stages[0].probability_percent = 101;
    assert_error(rig.create_pipeline(&me, bounds).await, Code::InvalidArgument, "FIELD_INVALID");
}

#[tokio::test]
async fn names_are_unique_and_stale_changes_refused() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let made = rig.create_pipeline(&me, pipeline("Partners")).await.unwrap();
    let status = rig.create_pipeline(&me, pipeline("Partners")).await;
    let status = assert_error(status, Code::AlreadyExists, "PIPELINE_NAME_TAKEN");
    assert_eq!(metadata(&status, "display_name"), "Partners");

    let change = |name: &str| Pipeline { display_name: name.into(), ..made.clone() };
    let changed = rig.update_pipeline(&me, change("Channel"), &["display_name"]).await.unwrap();
    let stale = rig.update_pipeline(&me, change("Other"), &["display_name"]).await;
    let stale = assert_error(stale, Code::Aborted, "ETAG_MISMATCH");
    assert_eq!(metadata(&stale, "etag"), changed.etag);
    // What changes nothing writes nothing.
    let same = Pipeline { etag: String::new(), ..changed.clone() };
    assert_eq!(rig.update_pipeline(&me, same, &["*"]).await.unwrap(), changed);
}

#[tokio::test]
async fn stages_are_added_reordered_and_retired_but_not_removed() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let made = rig.create_pipeline(&me, pipeline("Partners")).await.unwrap();
    let mut longer = Pipeline { etag: String::new(), ..made.clone() };
    longer.stages.insert(0, stage("first", Kind::Open));
    longer.stages[1].retired = true;
    let longer = rig.update_pipeline(&me, longer, &["stages"]).await.unwrap();
    let keys: Vec<&str> = longer.stages.iter().map(|stage| stage.key.as_str()).collect();
    assert_eq!(keys, ["first", "talk", "won", "lost"]);

    let mut shorter = longer.clone();
    shorter.stages.remove(1);
    let status = rig.update_pipeline(&me, shorter, &["stages"]).await;
    let status = assert_error(status, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(violations(&status), [("pipeline.stages".to_owned(), "STAGE_REMOVED".to_owned())]);
    let mut turned = longer;
    turned.stages[0].kind = Kind::Lost.into();
    let status = rig.update_pipeline(&me, turned, &["stages"]).await;
    let status = assert_error(status, Code::InvalidArgument, "FIELD_INVALID");
    assert!(violations(&status).contains(&("pipeline.stages[0].kind".to_owned(), "FIXED".to_owned())));
}

#[tokio::test]
async fn there_is_always_one_default_that_takes_deals() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let first = rig.default_pipeline(&me).await;
    let unset = Pipeline { id: first.id.clone(), ..Pipeline::default() };
    for (change, mask) in
        [(unset.clone(), "default"), (Pipeline { retired: true, ..unset.clone() }, "retired")]
    {
        let status = rig.update_pipeline(&me, change, &[mask]).await;
        assert_error(status, Code::FailedPrecondition, "DEFAULT_PIPELINE_NEEDED");
    }
    let retired = Pipeline { default: true, retired: true, ..pipeline("x") };
    let status = rig.create_pipeline(&me, retired).await;
    assert_error(status, Code::FailedPrecondition, "DEFAULT_PIPELINE_NEEDED");

    let next = Pipeline { default: true, ..pipeline("Next") };
    let next = rig.create_pipeline(&me, next).await.unwrap();
    assert_eq!(rig.default_pipeline(&me).await, next);
    let retired = Pipeline { retired: true, ..unset };
    rig.update_pipeline(&me, retired, &["retired"]).await.unwrap();
    assert_eq!(names(&rig, &me, false).await, ["Next"]);
    assert_eq!(names(&rig, &me, true).await, ["Next", "标准销售流程"]);
}

#[tokio::test]
async fn changes_of_the_default_at_once_leave_one_default() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    rig.default_pipeline(&me).await;
    let creations = (0..8).map(|index| {
        let wanted = Pipeline { default: true, ..pipeline(&format!("p{index}")) };
        rig.create_pipeline(&me, wanted)
    });
    for made in futures::future::join_all(creations).await {
        made.unwrap();
    }
    let page = rig.list_pipelines(&me, ListPipelinesRequest::default()).await.unwrap();
    assert_eq!(page.pipelines.len(), 9);
    assert_eq!(page.pipelines.iter().filter(|pipeline| pipeline.default).count(), 1);
}

#[tokio::test]
async fn lists_come_in_pages_and_a_tenant_has_a_limit() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    for index in 1..100 {
        rig.create_pipeline(&me, pipeline(&format!("p{index}"))).await.unwrap();
    }
    let status = rig.create_pipeline(&me, pipeline("one too many")).await;
    let status = assert_error(status, Code::ResourceExhausted, "PIPELINE_LIMIT");
    assert_eq!(metadata(&status, "limit"), "100");
    let (mut seen, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListPipelinesRequest { page_size: 30, page_token, show_retired: false };
        let page = rig.list_pipelines(&me, request).await.unwrap();
        seen.extend(page.pipelines.into_iter().map(|pipeline| pipeline.id));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(seen.len(), 100);
    assert!(seen.is_sorted());
    let foreign = ListPipelinesRequest {
        page_token: "x".into(),
        show_retired: true,
        ..ListPipelinesRequest::default()
    };
    let status = rig.list_pipelines(&me, foreign).await;
    assert_error(status, Code::InvalidArgument, "PAGE_TOKEN_INVALID");
}
