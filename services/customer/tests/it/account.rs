//! Create, read, change and delete accounts.

use crm_proto::{
    crm::customer::v1::{
        Account, BatchCreateAccountsRequest, BatchUpdateAccountsRequest, CreateAccountRequest,
        DeleteAccountRequest, LifeCycleStage, UndeleteAccountRequest, UpdateAccountRequest, account::Kind,
    },
    crm::record::v1::ExternalId,
    google::r#type::{Money, PostalAddress},
};
use crm_testkit::status::{assert_error, metadata, violations};
use tonic::{Code, Request};

use crate::rig::{Rig, field_mask, named};

fn full() -> Account {
    Account {
        display_name: "华为技术有限公司".into(),
        legal_name: "华为技术有限公司".into(),
        unified_social_credit_code: "914403001922038216".into(),
        phone: "0755-28780808".into(),
        email: "Info@HUAWEI.com".into(),
        website: "www.huawei.com".into(),
        kind: Kind::Partner.into(),
        employee_count: 200_000,
        annual_revenue: Some(Money {
            currency_code: "CNY".into(),
            units: 700_000_000_000,
            nanos: 500_000_000,
        }),
        billing_address: Some(PostalAddress {
            region_code: "CN".into(),
            administrative_area: "广东省".into(),
            locality: "深圳市".into(),
            address_lines: vec!["坂田华为基地".into()],
            ..PostalAddress::default()
        }),
        tags: vec!["重点".into(), "vip".into(), "vip".into()],
        description: "line one\nline two".into(),
        external_ids: vec![ExternalId { system: "sap".into(), value: "0000100".into() }],
        ..Account::default()
    }
}

#[tokio::test]
async fn an_account_comes_back_as_created_with_its_values_in_standard_form() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let created = rig.create(&me, full()).await.unwrap();
    assert_eq!(created.phone, "+8675528780808");
    assert_eq!(created.email, "Info@huawei.com");
    assert_eq!(
        (created.website.as_str(), created.website_domain.as_str()),
        ("https://www.huawei.com/", "huawei.com")
    );
    assert_eq!(created.tags, ["重点", "vip"]);
    assert_eq!(created.number, "A000001");
    assert_eq!(created.owner_id, me.id.to_string());
    assert_eq!(created.life_cycle_stage(), LifeCycleStage::Lead);
    assert_eq!(created.annual_revenue, full().annual_revenue);
    assert_eq!(rig.get(&me, &created.id).await.unwrap(), created);
}

#[tokio::test]
async fn every_broken_rule_is_told_at_once_with_its_field() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let bad = Account {
        display_name: "  ".into(),
        unified_social_credit_code: "914403001922038217".into(),
        phone: "12".into(),
        email: "nobody".into(),
        website: "javascript:alert(1)".into(),
        annual_revenue: Some(Money { currency_code: "yuan".into(), units: 1, nanos: 0 }),
        ..Account::default()
    };
    let status = assert_error(rig.create(&me, bad).await, Code::InvalidArgument, "FIELD_INVALID");
    let mut fields: Vec<String> = violations(&status).into_iter().map(|(field, _)| field).collect();
    fields.sort();
    let expected = [
        "annual_revenue.currency_code",
        "display_name",
        "email",
        "phone",
        "unified_social_credit_code",
        "website",
    ];
    assert_eq!(fields, expected.map(|field| format!("account.{field}")));
}

#[tokio::test]
async fn bounds_of_the_contract_are_told_with_their_field() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let long = Account { display_name: "x".repeat(201), parent_id: "nonsense".into(), ..Account::default() };
    let status = assert_error(rig.create(&me, long).await, Code::InvalidArgument, "FIELD_INVALID");
    let fields: Vec<String> = violations(&status).into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["account.display_name", "account.parent_id"]);
}

#[tokio::test]
async fn an_update_changes_the_fields_of_its_mask_and_no_others() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let created = rig.create(&me, full()).await.unwrap();
    let change = Account {
        id: created.id.clone(),
        region: "South".into(),
        email: String::new(),
        ..Account::default()
    };
    let updated = rig.update(&me, change, &["region", "email"]).await.unwrap();
    assert_eq!((updated.region.as_str(), updated.email.as_str()), ("South", ""));
    assert_eq!((updated.phone.as_str(), updated.tags.len()), (created.phone.as_str(), 2));
    assert_ne!(updated.etag, created.etag);
    assert_eq!(rig.get(&me, &created.id).await.unwrap(), updated);
}

#[tokio::test]
async fn an_update_that_changes_nothing_writes_nothing() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let created = rig.create(&me, full()).await.unwrap();
    let again = Account { id: created.id.clone(), phone: "+86 755 2878 0808".into(), ..Account::default() };
    assert_eq!(rig.update(&me, again, &["phone"]).await.unwrap().etag, created.etag);
}

#[tokio::test]
async fn a_stale_etag_is_refused_with_the_current_one() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let created = rig.create(&me, full()).await.unwrap();
    let change = |region: &str| Account {
        id: created.id.clone(),
        etag: created.etag.clone(),
        region: region.into(),
        ..Account::default()
    };
    let updated = rig.update(&me, change("North"), &["region"]).await.unwrap();
    let status =
        assert_error(rig.update(&me, change("South"), &["region"]).await, Code::Aborted, "ETAG_MISMATCH");
    assert_eq!(metadata(&status, "etag"), updated.etag);
}

#[tokio::test]
async fn the_recycle_bin_frees_external_ids_and_gives_them_back_unless_taken() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let mut accounts = rig.accounts(&me);
    let first = rig.create(&me, full()).await.unwrap();
    // Another company, or its credit code would be refused first.
    let other = || Account { unified_social_credit_code: String::new(), ..full() };
    assert_error(rig.create(&me, other()).await, Code::AlreadyExists, "EXTERNAL_ID_TAKEN");

    let delete = DeleteAccountRequest { id: first.id.clone(), etag: first.etag.clone() };
    let deleted = accounts.delete_account(delete).await.unwrap().into_inner();
    assert!(deleted.delete_time.is_some() && deleted.purge_time.is_some());
    assert_error(rig.update(&me, first.clone(), &["region"]).await, Code::NotFound, "NOT_FOUND");

    let second = rig.create(&me, other()).await.unwrap();
    let undelete = UndeleteAccountRequest { id: first.id.clone(), etag: String::new() };
    assert_error(accounts.undelete_account(undelete.clone()).await, Code::AlreadyExists, "EXTERNAL_ID_TAKEN");
    accounts.delete_account(DeleteAccountRequest { id: second.id, etag: String::new() }).await.unwrap();
    let restored = accounts.undelete_account(undelete.clone()).await.unwrap().into_inner();
    assert_eq!(restored.external_ids, first.external_ids);
    assert_error(accounts.undelete_account(undelete).await, Code::FailedPrecondition, "NOT_DELETED");
}

#[tokio::test]
async fn parents_form_no_circle_and_must_exist() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let top = rig.create(&me, named("top")).await.unwrap();
    let below = rig.create(&me, Account { parent_id: top.id.clone(), ..named("below") }).await.unwrap();
    let circle = Account { id: top.id.clone(), parent_id: below.id.clone(), ..Account::default() };
    assert_error(rig.update(&me, circle, &["parent_id"]).await, Code::InvalidArgument, "FIELD_INVALID");
    let own = Account { id: top.id.clone(), parent_id: top.id.clone(), ..Account::default() };
    assert_error(rig.update(&me, own, &["parent_id"]).await, Code::InvalidArgument, "FIELD_INVALID");
    let stranger = Account { parent_id: uuid::Uuid::new_v4().to_string(), ..named("orphan") };
    assert_error(rig.create(&me, stranger).await, Code::NotFound, "NOT_FOUND");
    assert_eq!(rig.names(&me, crate::rig::search("orphan")).await, Vec::<String>::new());
}

#[tokio::test]
async fn an_error_of_a_batch_names_the_item_it_is_about() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let mut accounts = rig.accounts(&me);
    let erp = ExternalId { system: "erp".into(), value: "1".into() };
    let top = rig.create(&me, Account { external_ids: vec![erp.clone()], ..named("top") }).await.unwrap();
    let below = rig.create(&me, Account { parent_id: top.id.clone(), ..named("below") }).await.unwrap();
    let creations = |last: Account| BatchCreateAccountsRequest {
        requests: [named("a"), named("b"), named("c"), last]
            .map(|account| CreateAccountRequest { account: Some(account) })
            .to_vec(),
    };
    let orphan = Account { parent_id: uuid::Uuid::new_v4().to_string(), ..named("orphan") };
    let status = accounts.batch_create_accounts(creations(orphan)).await;
    let status = assert_error(status, Code::NotFound, "NOT_FOUND");
    assert_eq!(violations(&status)[0].0, "requests[3].account.parent_id");
    let twin = Account { external_ids: vec![erp], ..named("twin") };
    let status = accounts.batch_create_accounts(creations(twin)).await;
    let status = assert_error(status, Code::AlreadyExists, "EXTERNAL_ID_TAKEN");
    assert_eq!(metadata(&status, "item"), "requests[3]");
    let numbered = |number: &str| Account { number: number.into(), ..named("numbered") };
    let taken = async |status: Result<_, tonic::Status>, place: &str| {
        let status = assert_error::<()>(status, Code::AlreadyExists, "NUMBER_TAKEN");
        assert_eq!(violations(&status), [(format!("{place}account.number"), "NUMBER_TAKEN".to_owned())]);
        assert_eq!(metadata(&status, "number"), top.number);
    };
    let clash = accounts.batch_create_accounts(creations(numbered(&top.number))).await.map(drop);
    taken(clash, "requests[3].").await;
    taken(rig.create(&me, numbered(&top.number)).await.map(drop), "").await;
    let renumbered = |id: &str| UpdateAccountRequest {
        account: Some(Account { id: id.into(), number: top.number.clone(), ..Account::default() }),
        update_mask: field_mask(&["number"]),
    };
    let requests = vec![renumbered(&top.id), renumbered(&below.id)];
    let clash = accounts.batch_update_accounts(BatchUpdateAccountsRequest { requests }).await;
    taken(clash.map(drop), "requests[1].").await;
    // Two items of one batch.
    let requests = ["Z-1", "Z-1"].map(|number| CreateAccountRequest { account: Some(numbered(number)) });
    let twice = accounts.batch_create_accounts(BatchCreateAccountsRequest { requests: requests.to_vec() });
    let twice = assert_error(twice.await, Code::AlreadyExists, "NUMBER_TAKEN");
    assert_eq!(violations(&twice)[0].0, "requests[1].account.number");

    let moved = |id: &str, to: &str, mask: &[&str]| UpdateAccountRequest {
        account: Some(Account { id: id.into(), parent_id: to.into(), ..Account::default() }),
        update_mask: field_mask(mask),
    };
    // The first item changes nothing.
    let updates = vec![moved(&below.id, &top.id, &["parent_id"]), moved(&top.id, &below.id, &["parent_id"])];
    let status = accounts.batch_update_accounts(BatchUpdateAccountsRequest { requests: updates }).await;
    let status = assert_error(status, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(violations(&status)[0].0, "requests[1].account.parent_id");
}

#[tokio::test]
async fn a_batch_is_written_whole_or_not_at_all() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let request = |names: &[&str]| BatchCreateAccountsRequest {
        requests: names.iter().map(|name| CreateAccountRequest { account: Some(named(name)) }).collect(),
    };
    let mut accounts = rig.accounts(&me);
    let status = accounts.batch_create_accounts(request(&["good", " "])).await;
    let status = assert_error(status, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(violations(&status)[0].0, "requests[1].account.display_name");
    assert!(rig.names(&me, crate::rig::search("good")).await.is_empty());
    let created =
        accounts.batch_create_accounts(request(&["a", "b", "c"])).await.unwrap().into_inner().accounts;
    let names: Vec<&str> = created.iter().map(|account| account.display_name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c"]);
}

#[tokio::test]
async fn the_same_idempotency_key_makes_a_change_once_and_answers_alike() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let request = |name: &str| {
        let mut request = Request::new(CreateAccountRequest { account: Some(named(name)) });
        request.metadata_mut().insert("idempotency-key", "order-1".parse().unwrap());
        request
    };
    let mut accounts = rig.accounts(&me);
    let first = accounts.create_account(request("once")).await.unwrap().into_inner();
    let second = accounts.create_account(request("once")).await.unwrap().into_inner();
    assert_eq!(first, second);
    assert_eq!(rig.names(&me, crate::rig::search("once")).await.len(), 1);
    assert_error(
        accounts.create_account(request("other")).await,
        Code::InvalidArgument,
        "IDEMPOTENCY_KEY_REUSED",
    );

    // Many at once: one change, one answer.
    let both = (0..8).map(|_| {
        let mut accounts = rig.accounts(&me);
        let mut request = Request::new(CreateAccountRequest { account: Some(named("race")) });
        request.metadata_mut().insert("idempotency-key", "order-2".parse().unwrap());
        async move { accounts.create_account(request).await.unwrap().into_inner().id }
    });
    let mut ids = futures::future::join_all(both).await;
    ids.dedup();
    assert_eq!(ids.len(), 1);
}

#[tokio::test]
async fn every_change_leaves_an_audit_row_that_the_service_cannot_alter() {
    let rig = Rig::new().await;
    let me = rig.administrator();
    let created = rig.create(&me, full()).await.unwrap();
    let change = Account { id: created.id.clone(), region: "South".into(), ..Account::default() };
    rig.update(&me, change, &["region"]).await.unwrap();
    let mut conn = rig.database.look().await;
    let actions: Vec<String> =
        sqlx::query_scalar("SELECT action FROM audit_log WHERE record_id = $1 ORDER BY id")
            .bind(created.id.parse::<uuid::Uuid>().unwrap())
            .fetch_all(&mut conn)
            .await
            .unwrap();
    assert_eq!(actions, ["create", "update"]);
    let db = rig.database.db();
    let refused = db
        .for_tenant(me.tenant_id, |tx| {
            Box::pin(async move {
                let done = sqlx::query("DELETE FROM audit_log").execute(tx.conn()).await;
                Ok::<_, crm_kit_api::Error>(done.is_err())
            })
        })
        .await;
    assert!(refused.is_err() || refused.unwrap());
}
