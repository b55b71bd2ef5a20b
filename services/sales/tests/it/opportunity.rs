//! Opportunities: their life, lists, bulk and events.

use crm_proto::crm::{
    event::v1::event::ChangeKind,
    record::v1::{
        CreateCustomFieldRequest, CustomField, CustomValue, ExternalId, RowResult, custom_field::Type,
        custom_value::Value, row_result::Outcome,
    },
    sales::v1::{
        BatchCreateOpportunitiesRequest, BatchDeleteOpportunitiesRequest, BatchGetOpportunitiesRequest,
        CreateOpportunityRequest, DeleteOpportunityRequest, ForecastCategory, ListOpportunitiesRequest,
        LookupOpportunityRequest, Opportunity, OpportunityCompetitor, OpportunityContact, OpportunityUpdated,
        UndeleteOpportunityRequest, opportunity::State, opportunity_contact::Role,
    },
};
use crm_testkit::{
    Rights,
    status::{assert_error, violations},
};
use prost::Message as _;
use tonic::Code;
use uuid::Uuid;

use crate::rig::{Rig, day, deal, filter, row, worth, yuan};

/// A deal with a value in every field that a caller sets.
fn full() -> Opportunity {
    let (contact, rival) = (Uuid::new_v4().to_string(), Uuid::new_v4().to_string());
    Opportunity {
        number: "S-1".into(),
        account_id: Uuid::new_v4().to_string(),
        account_name: "上海电力".into(),
        contacts: vec![OpportunityContact {
            contact_id: contact,
            display_name: "王芳".into(),
            role: Role::DecisionMaker.into(),
            primary: true,
        }],
        competitors: vec![OpportunityCompetitor {
            display_name: "Rival".into(),
            account_id: rival,
            assessment: "cheap\nand slow".into(),
        }],
        amount: Some(yuan(120_000)),
        close_date: Some(day(2026, 6, 30)),
        open_date: Some(day(2026, 2, 1)),
        next_step: "offer".into(),
        source: "web".into(),
        region: "East".into(),
        campaign_id: Uuid::new_v4().to_string(),
        description: "needs 40 seats".into(),
        tags: vec!["key".into()],
        external_ids: vec![ExternalId { system: "sap".into(), value: "4711".into() }],
        ..deal("升级项目")
    }
}

#[tokio::test]
async fn a_deal_is_kept_as_sent_with_what_follows_from_its_stage() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let wanted = full();
    let made = rig.create(&me, wanted.clone()).await.unwrap();
    let pipeline = rig.default_pipeline(&me).await;
    let expected = Opportunity {
        id: made.id.clone(),
        create_time: made.create_time,
        update_time: made.create_time,
        etag: made.etag.clone(),
        pipeline_id: pipeline.id,
        stage_key: "qualification".into(),
        stage_enter_time: made.create_time,
        stall_time: made.stall_time,
        state: State::Open.into(),
        probability_percent: 10,
        forecast_category: ForecastCategory::Pipeline.into(),
        expected_revenue: Some(yuan(12_000)),
        owner_id: me.id.to_string(),
        ..wanted
    };
    assert_eq!(made, expected);
    let stall = made.stall_time.unwrap().seconds - made.create_time.unwrap().seconds;
    assert_eq!(stall, 30 * 86_400);
    assert_eq!(rig.get(&me, &made.id).await.unwrap(), made);

    let plain = rig.create(&me, deal("plain")).await.unwrap();
    assert_eq!((plain.number.as_str(), plain.open_date), ("O000001", Some(day(2026, 3, 1))));
    assert_eq!((plain.amount, plain.expected_revenue), (None, None));
}

#[tokio::test]
async fn every_broken_rule_is_told_at_once() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let twice =
        OpportunityContact { contact_id: Uuid::max().to_string(), primary: true, ..Default::default() };
    let wrong = Opportunity {
        pipeline_id: Uuid::max().to_string(),
        amount: Some(yuan(-1)),
        close_date: Some(day(2026, 2, 30)),
        contacts: vec![twice.clone(), twice],
        forecast_category: ForecastCategory::Closed.into(),
        ..deal(" ")
    };
    let status = rig.create(&me, wrong).await;
    let status = assert_error(status, Code::InvalidArgument, "FIELD_INVALID");
    let mut fields: Vec<String> = violations(&status).into_iter().map(|(field, _)| field).collect();
    fields.sort();
    assert_eq!(
        fields,
        [
            "opportunity.amount",
            "opportunity.close_date",
            "opportunity.contacts[1].contact_id",
            "opportunity.contacts[1].primary",
            "opportunity.display_name",
            "opportunity.forecast_category",
            "opportunity.pipeline_id",
        ]
    );
    let early = Opportunity {
        stage_key: "won".into(),
        open_date: Some(day(2026, 3, 1)),
        closed_date: Some(day(2026, 2, 1)),
        ..deal("x")
    };
    for (wrong, field, code) in [
        (early, "opportunity.closed_date", "DATE_ORDER"),
        (
            Opportunity { closed_date: Some(day(2026, 3, 1)), ..deal("x") },
            "opportunity.closed_date",
            "DEAL_OPEN",
        ),
        (Opportunity { stage_key: "moon".into(), ..deal("x") }, "opportunity.stage_key", "STAGE_UNKNOWN"),
        (worth("x", 10_000_000_000_001), "opportunity.amount", "MONEY_TOO_LARGE"),
    ] {
        let status = assert_error(rig.create(&me, wrong).await, Code::InvalidArgument, "FIELD_INVALID");
        assert_eq!(violations(&status), [(field.to_owned(), code.to_owned())]);
    }
}

#[tokio::test]
async fn a_probability_of_its_own_is_one_that_the_caller_states() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let made = rig.create(&me, worth("deal", 1000)).await.unwrap();
    let change = |percent, overridden| Opportunity {
        id: made.id.clone(),
        probability_percent: percent,
        probability_overridden: overridden,
        ..Opportunity::default()
    };
    let own = rig.update(&me, change(40, false), &["probability_percent"]).await.unwrap();
    assert!(own.probability_overridden);
    assert_eq!(own.expected_revenue, Some(yuan(400)));
    let stage = Opportunity { id: made.id.clone(), stage_key: "proposal".into(), ..Opportunity::default() };
    let moved = rig.update(&me, stage, &["stage_key"]).await.unwrap();
    assert_eq!((moved.probability_percent, moved.stage_key.as_str()), (40, "proposal"));
    let given_up = rig.update(&me, change(0, false), &["probability_overridden"]).await.unwrap();
    assert_eq!((given_up.probability_percent, given_up.expected_revenue), (50, Some(yuan(500))));
    let zero = ["probability_percent", "probability_overridden"];
    let zero = rig.update(&me, change(0, true), &zero).await.unwrap();
    assert_eq!((zero.probability_percent, zero.expected_revenue), (0, Some(yuan(0))));
}

#[tokio::test]
async fn lists_filter_order_and_search() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let rows = [
        Opportunity { close_date: Some(day(2026, 5, 1)), ..worth("华东升级", 300) },
        Opportunity { close_date: Some(day(2026, 4, 1)), region: "West".into(), ..worth("beta", 100) },
        Opportunity { account_name: "恒达电气".into(), tags: vec!["hot".into()], ..deal("gamma") },
    ];
    for row in rows {
        rig.create(&me, row).await.unwrap();
    }
    for (text, names) in [
        ("amount > 100", &["华东升级"][..]),
        ("amount.currency_code == \"CNY\"", &["beta", "华东升级"]),
        ("close_date < date(\"2026-04-15\")", &["beta"]),
        ("state == \"STATE_OPEN\" && region == \"West\"", &["beta"]),
        ("\"hot\" in tags", &["gamma"]),
        ("expected_revenue == 30", &["华东升级"]),
        ("stage_key == \"won\"", &[]),
        (
            "forecast_category == \"FORECAST_CATEGORY_PIPELINE\" && probability_percent == 10 && region == \"\"",
            &["gamma", "华东升级"],
        ),
    ] {
        assert_eq!(rig.names(&me, filter(text)).await.unwrap(), names, "{text}");
    }
    for (order, names) in [
        ("amount desc", ["华东升级", "beta", "gamma"]),
        ("close_date", ["gamma", "beta", "华东升级"]),
        ("closed_date, display_name desc", ["华东升级", "gamma", "beta"]),
    ] {
        let request = ListOpportunitiesRequest { order_by: order.into(), ..Default::default() };
        assert_eq!(rig.names(&me, request).await.unwrap(), names, "{order}");
        let mut paged = Vec::new();
        let mut page_token = String::new();
        loop {
            let request = ListOpportunitiesRequest {
                order_by: order.into(),
                page_size: 1,
                page_token,
                ..Default::default()
            };
            let page = rig.opportunities(&me).list_opportunities(request).await.unwrap().into_inner();
            paged.extend(page.opportunities.into_iter().map(|deal| deal.display_name));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        assert_eq!(paged, names, "{order} page by page");
    }
    for (q, names) in [("升级", &["华东升级"][..]), ("hddq", &["gamma"]), ("et", &["beta"]), ("nothing", &[])]
    {
        let request = ListOpportunitiesRequest { q: q.into(), ..Default::default() };
        assert_eq!(rig.names(&me, request).await.unwrap(), names, "{q}");
    }
}

#[tokio::test]
async fn batches_do_all_or_nothing_and_the_bin_gives_back() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let batch = |deals: Vec<Opportunity>| BatchCreateOpportunitiesRequest {
        requests: deals
            .into_iter()
            .map(|deal| CreateOpportunityRequest { opportunity: Some(deal) })
            .collect(),
    };
    let refused = rig.opportunities(&me).batch_create_opportunities(batch(vec![deal("a"), deal("")])).await;
    let status = assert_error(refused, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(violations(&status)[0].0, "requests[1].opportunity.display_name");
    assert!(rig.names(&me, filter("")).await.unwrap().is_empty());

    let made = rig.opportunities(&me).batch_create_opportunities(batch(vec![full(), deal("b")])).await;
    let ids: Vec<String> = made.unwrap().into_inner().opportunities.into_iter().map(|deal| deal.id).collect();
    let request = BatchGetOpportunitiesRequest { ids: ids.iter().rev().cloned().collect() };
    let got = rig.opportunities(&me).batch_get_opportunities(request).await.unwrap().into_inner();
    assert_eq!(got.opportunities[1].id, ids[0]);
    let delete = BatchDeleteOpportunitiesRequest {
        requests: ids
            .iter()
            .map(|id| DeleteOpportunityRequest { id: id.clone(), etag: String::new() })
            .collect(),
    };
    rig.opportunities(&me).batch_delete_opportunities(delete).await.unwrap();
    assert!(rig.names(&me, filter("")).await.unwrap().is_empty());
    // Number and external id are free meanwhile.
    let other = rig.create(&me, full()).await.unwrap();
    let undelete = UndeleteOpportunityRequest { id: ids[0].clone(), etag: String::new() };
    let taken = rig.opportunities(&me).undelete_opportunity(undelete.clone()).await;
    assert_error(taken, Code::AlreadyExists, "NUMBER_TAKEN");
    let free = Opportunity { id: other.id, number: "S-2".into(), ..Default::default() };
    rig.update(&me, free, &["number", "external_ids"]).await.unwrap();
    let back = rig.opportunities(&me).undelete_opportunity(undelete).await.unwrap().into_inner();
    assert_eq!((back.delete_time, back.number.as_str()), (None, "S-1"));
}

#[tokio::test]
async fn rows_of_other_systems_create_move_and_close_deals_by_external_id() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let outcomes = |results: &[RowResult]| results.iter().map(RowResult::outcome).collect::<Vec<_>>();
    let first = rig.upsert(&me, vec![row("1", worth("one", 10)), row("2", worth("two", 20))]).await;
    assert_eq!(outcomes(&first), [Outcome::Created, Outcome::Created]);
    let won = Opportunity {
        stage_key: "won".into(),
        open_date: Some(day(2026, 1, 5)),
        closed_date: Some(day(2026, 2, 5)),
        ..worth("one", 10)
    };
    let rows =
        vec![row("1", won.clone()), row("2", worth("two", 20)), row("3", deal("")), row("4", won.clone())];
    let second = rig.upsert(&me, rows).await;
    assert_eq!(outcomes(&second), [Outcome::Updated, Outcome::Unchanged, Outcome::Failed, Outcome::Created]);
    let closed = rig.get(&me, &first[0].id).await.unwrap();
    assert_eq!((closed.state(), closed.closed_date), (State::Won, Some(day(2026, 2, 5))));
    // The same row again changes nothing; another amount is refused, because the deal is won.
    let third = rig
        .upsert(&me, vec![row("1", won.clone()), row("4", Opportunity { amount: Some(yuan(11)), ..won })])
        .await;
    assert_eq!(outcomes(&third), [Outcome::Unchanged, Outcome::Failed]);
    assert!(third[1].status.as_ref().unwrap().message.contains("locked"));
}

#[tokio::test]
async fn the_tenants_own_fields_hold_values_and_can_be_required_by_a_stage() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let field = CustomField {
        display_name: "Seats".into(),
        collection: "opportunities".into(),
        key: "seats".into(),
        r#type: Type::Number.into(),
        filterable: true,
        ..CustomField::default()
    };
    let request = CreateCustomFieldRequest { custom_field: Some(field), ..Default::default() };
    rig.custom_fields(&me).create_custom_field(request).await.unwrap();
    let mut pipeline = rig.default_pipeline(&me).await;
    pipeline.stages[2].required_fields = vec!["custom.seats".into()];
    rig.update_pipeline(&me, pipeline, &["stages"]).await.unwrap();
    let made = rig.create(&me, deal("x")).await.unwrap();
    let mut change = Opportunity { id: made.id, stage_key: "proposal".into(), ..Opportunity::default() };
    let refused = rig.update(&me, change.clone(), &["stage_key"]).await;
    assert_error(refused, Code::FailedPrecondition, "STAGE_GATE_CLOSED");
    let seats = CustomValue { value: Some(Value::Number("40".into())), ..CustomValue::default() };
    change.custom.insert("seats".into(), seats);
    let moved = rig.update(&me, change, &["stage_key", "custom.seats"]).await.unwrap();
    assert_eq!(moved.stage_key, "proposal");
    assert_eq!(rig.names(&me, filter("custom.seats == 40")).await.unwrap(), ["x"]);
}

#[tokio::test]
async fn changes_are_told_with_what_was_before() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let made = rig.create(&me, worth("x", 5)).await.unwrap();
    let change = Opportunity { id: made.id, stage_key: "proposal".into(), ..Opportunity::default() };
    let moved = rig.update(&me, change, &["stage_key"]).await.unwrap();
    let events = rig.told(&me, 3).await;
    assert_eq!((events[1].change_kind(), events[2].change_kind()), (ChangeKind::Create, ChangeKind::Update));
    let told = OpportunityUpdated::decode(events[2].payload.as_ref().unwrap().value.as_slice()).unwrap();
    let previous = told.previous.unwrap();
    assert_eq!((previous.stage_key.as_str(), previous.probability_percent), ("qualification", 10));
    assert_eq!(told.opportunity, Some(moved));
    let fields = told.changed_fields.unwrap().paths;
    assert_eq!(fields, ["stage_key", "probability_percent", "forecast_category", "expected_revenue"]);
}

#[tokio::test]
async fn a_deal_is_found_by_the_name_another_system_has_for_it() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let made = rig.create(&me, full()).await.unwrap();
    let lookup = async |caller, value: &str| {
        let request = LookupOpportunityRequest { system: "sap".into(), value: value.into() };
        rig.opportunities(caller).lookup_opportunity(request).await.map(tonic::Response::into_inner)
    };
    assert_eq!(lookup(&me, "4711").await.unwrap(), made);
    assert_error(lookup(&me, "4712").await, Code::NotFound, "NOT_FOUND");
    let stranger = rig.administrator();
    assert_error(lookup(&stranger, "4711").await, Code::NotFound, "NOT_FOUND");
    let outside = rig.callers.add(&Rights::all(me.tenant_id).with_team(&[]));
    assert_error(lookup(&outside, "4711").await, Code::NotFound, "NOT_FOUND");
    let delete = DeleteOpportunityRequest { id: made.id, etag: String::new() };
    rig.opportunities(&me).delete_opportunity(delete).await.unwrap();
    assert_error(lookup(&me, "4711").await, Code::NotFound, "NOT_FOUND");
}
