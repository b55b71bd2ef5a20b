//! The walls: tenants and permissions.

use crm_proto::crm::sales::v1::{GetPipelineRequest, ListPipelinesRequest, Pipeline};
use crm_testkit::{Rights, status::assert_error};
use tonic::Code;

use crate::rig::{Rig, pipeline};

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
async fn every_table_is_behind_row_level_security_and_starts_with_the_tenant() {
    let rig = Rig::new().await;
    let mut conn = rig.database.look().await;
    let tables: Vec<(String, bool, String)> = sqlx::query_as(
        "SELECT c.relname::text, c.relrowsecurity, a.attname::text FROM pg_class c \
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = 1 \
         WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace \
           AND c.relname NOT IN ('_sqlx_migrations', 'kit_migration', 'follow_position')",
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
