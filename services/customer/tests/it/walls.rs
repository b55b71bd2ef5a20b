//! The walls: tenants, record scope, permissions and masks.

use crm_kit_api::sensitivity::{Mask, Sensitivity};
use crm_proto::crm::customer::v1::{Account, DeleteAccountRequest, ListAccountsRequest};
use crm_testkit::{Rights, status::assert_error};
use tonic::Code;
use uuid::Uuid;

use crate::rig::{Rig, filter, named, search};

#[tokio::test]
async fn a_caller_sees_and_changes_only_records_within_its_scope() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let rights = Rights::all(boss.tenant_id);
    let (anna, bert) =
        (rig.callers.add(&rights.clone().with_team(&[])), rig.callers.add(&rights.clone().with_team(&[])));
    let lead = rig.callers.add(&rights.with_team(&[anna.id]));
    let of_anna = rig.create(&anna, named("anna's")).await.unwrap();
    rig.create(&bert, named("bert's")).await.unwrap();

    let everything =
        ListAccountsRequest { order_by: "display_name".into(), ..ListAccountsRequest::default() };
    assert_eq!(rig.names(&anna, everything.clone()).await, ["anna's"]);
    assert_eq!(rig.names(&lead, everything.clone()).await, ["anna's"]);
    assert_eq!(rig.names(&boss, everything).await, ["anna's", "bert's"]);
    assert!(rig.names(&bert, search("anna")).await.is_empty());
    let counted = ListAccountsRequest { include_total_size: true, ..ListAccountsRequest::default() };
    assert_eq!(rig.list(&bert, counted).await.unwrap().total_size, 1);
    assert_error(rig.get(&bert, &of_anna.id).await, Code::NotFound, "NOT_FOUND");
    assert_error(rig.update(&bert, of_anna.clone(), &["region"]).await, Code::NotFound, "NOT_FOUND");
    let delete = DeleteAccountRequest { id: of_anna.id.clone(), etag: String::new() };
    assert_error(rig.accounts(&bert).delete_account(delete).await, Code::NotFound, "NOT_FOUND");
    let child = Account { parent_id: of_anna.id, ..named("child") };
    assert_error(rig.create(&bert, child).await, Code::NotFound, "NOT_FOUND");
}

#[tokio::test]
async fn giving_a_record_to_somebody_outside_the_scope_needs_a_right() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let rights = Rights::all(boss.tenant_id).with_team(&[]);
    let rights = rights.with_permissions(&["customer.accounts.create", "customer.accounts.update"]);
    let anna = rig.callers.add(&rights);
    let account = rig.create(&anna, named("mine")).await.unwrap();
    let given = Account { id: account.id, owner_id: boss.id.to_string(), ..Account::default() };
    let status = rig.update(&anna, given.clone(), &["owner_id"]).await;
    assert_error(status, Code::PermissionDenied, "PERMISSION_MISSING");
    let status = rig.create(&anna, Account { id: String::new(), ..given.clone() }).await;
    assert_error(status, Code::InvalidArgument, "FIELD_INVALID");
}

#[tokio::test]
async fn without_credential_or_permission_nothing_happens() {
    let rig = Rig::new().await;
    let reader = rig.callers.add(&Rights::all(Uuid::new_v4()).with_permissions(&["customer.accounts.read"]));
    let status = rig.create(&reader, named("x")).await;
    let status = assert_error(status, Code::PermissionDenied, "PERMISSION_MISSING");
    assert_eq!(crm_testkit::status::metadata(&status, "permission"), "customer.accounts.create");
    rig.callers.revoke(&reader);
    assert_error(rig.list(&reader, filter("")).await, Code::Unauthenticated, "CREDENTIAL_INVALID");
    let mut bare =
        crm_proto::crm::customer::v1::account_service_client::AccountServiceClient::new(rig.channel.clone());
    assert_error(bare.list_accounts(filter("")).await, Code::Unauthenticated, "CREDENTIAL_MISSING");
}

#[tokio::test]
async fn masked_values_are_masked_everywhere_and_never_written_back() {
    let rig = Rig::new().await;
    let boss = rig.administrator();
    let rights = Rights::all(boss.tenant_id)
        .masking(Sensitivity::Phone, Mask::Partial)
        .masking(Sensitivity::Note, Mask::Hidden);
    let clerk = rig.callers.add(&rights);
    let full = Account { phone: "+8613812341234".into(), description: "private".into(), ..named("Acme") };
    let created = rig.create(&boss, full).await.unwrap();

    let seen = rig.get(&clerk, &created.id).await.unwrap();
    assert_eq!((seen.phone.as_str(), seen.description.as_str()), ("+86138****1234", ""));
    let listed = rig.list(&clerk, ListAccountsRequest::default()).await.unwrap();
    assert_eq!(listed.accounts[0].phone, "+86138****1234");
    let refused = rig.list(&clerk, filter("phone == \"+8613812341234\"")).await;
    assert_error(refused, Code::PermissionDenied, "FIELD_MASKED");
    assert!(rig.names(&clerk, search("13812341234")).await.is_empty());
    assert_eq!(rig.names(&boss, search("13812341234")).await, ["Acme"]);

    let back = Account { region: "North".into(), ..seen.clone() };
    let answer = rig.update(&clerk, back, &["*"]).await.unwrap();
    assert_eq!((answer.phone.as_str(), answer.region.as_str()), ("+86138****1234", "North"));
    let real = rig.get(&boss, &created.id).await.unwrap();
    assert_eq!((real.phone.as_str(), real.description.as_str()), ("+8613812341234", "private"));
    let other = Account { phone: "+86139****9999".into(), etag: String::new(), ..seen };
    assert_error(rig.update(&clerk, other, &["phone"]).await, Code::InvalidArgument, "FIELD_INVALID");
    let renewed = Account { id: created.id.clone(), phone: "+8613900000000".into(), ..Account::default() };
    rig.update(&clerk, renewed, &["phone"]).await.unwrap();
    assert_eq!(rig.get(&boss, &created.id).await.unwrap().phone, "+8613900000000");
}

/// All tables but those that hold nothing of any tenant: versions of the schema, and positions in foreign logs.
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
