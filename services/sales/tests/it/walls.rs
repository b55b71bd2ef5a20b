//! The walls: tenants and permissions.

use crm_proto::crm::sales::v1::{
    DeleteOpportunityRequest, GetPipelineRequest, ListPipelinesRequest, ListStageEntriesRequest, Opportunity,
    Pipeline, WinOpportunityRequest,
};
use crm_testkit::{Rights, status::assert_error};
use tonic::Code;

use crate::rig::{Rig, deal, filter, pipeline};

#[tokio::test]
async fn a_tenant_sees_its_own_pipelines_only() {
    let rig = Rig::new().await;
    let (me, stranger) = (rig.administrator(), rig.administrator());
    let mine = rig.create_pipeline(&me, pipeline("Mine")).await.unwrap();
    let get = GetPipelineRequest { id: mine.id.clone() };
    assert_error(rig.pipelines(&stranger).get_pipeline(get).await, Code::NotFound, "NOT_FOUND");
    let page = rig.list_pipelines(&stranger, ListPipelinesRequest::default()).await.unwrap();
    assert!(page.pipelines.len() == 1 && page.pipelines[0].default);
    let change = Pipeline { id: mine.id, ..pipeline("Theirs") };
    assert_error(rig.update_pipeline(&stranger, change, &["*"]).await, Code::NotFound, "NOT_FOUND");
}

#[tokio::test]
async fn who_may_read_pipelines_may_not_change_them() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let rights = Rights::all(me.tenant_id);
    let reader = rig.callers.add(&rights.clone().with_permissions(&["sales.pipelines.read"]));
    let other = rig.callers.add(&rights.with_permissions(&["customer.accounts.read"]));
    // The first look makes the default pipeline, whoever looks.
    assert!(rig.default_pipeline(&reader).await.default);
    let refused = rig.create_pipeline(&reader, pipeline("x")).await;
    assert_error(refused, Code::PermissionDenied, "PERMISSION_MISSING");
    let refused = rig.list_pipelines(&other, ListPipelinesRequest::default()).await;
    assert_error(refused, Code::PermissionDenied, "PERMISSION_MISSING");
}

#[tokio::test]
async fn a_caller_sees_and_changes_only_deals_within_its_scope() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let rights = Rights::all(boss.tenant_id).with_team(&[]);
    let (anna, bert) = (rig.callers.add(&rights), rig.callers.add(&rights));
    let of_anna = rig.create(&anna, deal("anna's")).await.unwrap();
    rig.create(&bert, deal("bert's")).await.unwrap();
    assert_eq!(rig.names(&anna, filter("")).await.unwrap(), ["anna's"]);
    assert_eq!(rig.names(&boss, filter("")).await.unwrap(), ["anna's", "bert's"]);
    assert_error(rig.get(&bert, &of_anna.id).await, Code::NotFound, "NOT_FOUND");
    assert_error(rig.update(&bert, of_anna.clone(), &["region"]).await, Code::NotFound, "NOT_FOUND");
    let win = WinOpportunityRequest { id: of_anna.id.clone(), ..WinOpportunityRequest::default() };
    assert_error(rig.opportunities(&bert).win_opportunity(win).await, Code::NotFound, "NOT_FOUND");
    let entries = ListStageEntriesRequest { opportunity_id: of_anna.id.clone() };
    let entries = rig.opportunities(&bert).list_stage_entries(entries).await;
    assert_error(entries, Code::NotFound, "NOT_FOUND");
    let delete = DeleteOpportunityRequest { id: of_anna.id, etag: String::new() };
    assert_error(rig.opportunities(&bert).delete_opportunity(delete).await, Code::NotFound, "NOT_FOUND");
}

#[tokio::test]
async fn closed_deals_are_made_and_deals_given_away_only_by_those_who_may() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let rights = Rights::all(boss.tenant_id).with_team(&[]);
    let rights = rights.with_permissions(&["sales.opportunities.create", "sales.opportunities.update"]);
    let anna = rig.callers.add(&rights);
    let mine = rig.create(&anna, deal("mine")).await.unwrap();
    rig.database.knows(boss.tenant_id, &[boss.id]).await;
    let given = Opportunity { id: mine.id, owner_id: boss.id.to_string(), ..Opportunity::default() };
    let refused = rig.update(&anna, given, &["owner_id"]).await;
    assert_error(refused, Code::PermissionDenied, "PERMISSION_MISSING");
    let closed = Opportunity { stage_key: "won".into(), ..deal("old") };
    let refused = rig.create(&anna, closed.clone()).await;
    assert_error(refused, Code::PermissionDenied, "PERMISSION_MISSING");
    rig.create(&boss, closed).await.unwrap();
}

#[tokio::test]
async fn every_table_is_behind_row_level_security_and_starts_with_the_tenant() {
    let rig = Rig::new().await;
    let mut conn = rig.database.look().await;
    let tables: Vec<(String, bool, String)> = sqlx::query_as(
        "SELECT c.relname::text, c.relrowsecurity, a.attname::text FROM pg_class c \
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = 1 \
         WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace \
           AND c.relname NOT IN ('_sqlx_migrations', 'kit_migration', 'record_migration', 'follow_position')",
    )
    .fetch_all(&mut conn)
    .await
    .unwrap();
    assert!(tables.len() > 5);
    for (table, secured, first) in tables {
        assert_eq!(first, "tenant_id", "{table}");
        // Jobs are claimed across tenants and hold ids only.
        assert!(secured || table == "job", "{table} has no row-level security");
    }
}
