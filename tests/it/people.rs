//! The people directory: customer's copy of the platform's users.

use crm_proto::crm::{
    customer::v1::{
        Account, BatchCreateAccountsRequest, BulkUpsertAccountsRequest, CreateAccountRequest,
        UpdateAccountRequest, account_service_client::AccountServiceClient,
    },
    platform::v1::{CreateUserRequest, DisableUserRequest, User, user_service_client::UserServiceClient},
    record::v1::{
        CreateCustomFieldRequest, CustomField, CustomValue, ExternalId, RowResult, custom_field::Type,
        custom_field_service_client::CustomFieldServiceClient, custom_value::Value, row_result::Outcome,
    },
};
use crm_testkit::{
    callers::Bearer,
    status::{assert_error, violations},
};
use prost_types::FieldMask;
use sqlx::Row as _;
use tonic::Code;

use crate::suite::Suite;

async fn copies(suite: &Suite) -> Vec<(String, i16)> {
    let sql = "SELECT display_name, state FROM colleague ORDER BY id";
    let rows = sqlx::query(sql).fetch_all(&mut suite.customer_database.look().await).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

#[tokio::test]
async fn a_service_knows_the_users_of_every_tenant_from_their_events() {
    let suite = Suite::new().await;
    let (acme, other) = (suite.tenant("acme").await, suite.tenant("other").await);
    let mut users = UserServiceClient::new(Bearer::new(&acme.token).on(&suite.platform));
    let li = User { username: "li".into(), display_name: "李雷".into(), ..User::default() };
    let li = users.create_user(CreateUserRequest { user: Some(li) }).await.unwrap().into_inner();
    suite.followers.drain().await.unwrap();
    let known = copies(&suite).await;
    assert_eq!(known.len(), 3, "{known:?}");
    assert_eq!(known[2], ("李雷".to_owned(), 1));
    users.disable_user(DisableUserRequest { id: li.id, etag: String::new() }).await.unwrap();
    suite.followers.drain().await.unwrap();
    assert_eq!(copies(&suite).await[2], ("李雷".to_owned(), 2));
    assert_ne!(acme.token, other.token);
}

#[tokio::test]
async fn a_record_is_given_to_live_users_of_the_tenant_only() {
    let suite = Suite::new().await;
    let (acme, other) = (suite.tenant("acme").await, suite.tenant("other").await);
    let mut users = UserServiceClient::new(Bearer::new(&acme.token).on(&suite.platform));
    let mut accounts = AccountServiceClient::new(Bearer::new(&acme.token).on(&suite.customer));
    let mut ids = Vec::new();
    for name in ["li", "han", "wu"] {
        let user = User { username: name.into(), display_name: name.into(), ..User::default() };
        let created = users.create_user(CreateUserRequest { user: Some(user) }).await.unwrap();
        ids.push(created.into_inner().id);
    }
    suite.followers.drain().await.unwrap();
    let owned = |owner: &str| {
        let account = Account { display_name: "A".into(), owner_id: owner.into(), ..Account::default() };
        CreateAccountRequest { account: Some(account) }
    };
    // Known from the events; and known to the platform alone, which is asked once.
    accounts.create_account(owned(&ids[0])).await.unwrap();
    let forget = sqlx::query("DELETE FROM colleague WHERE username = 'han'");
    forget.execute(&mut suite.customer_database.look().await).await.unwrap();
    let kept = accounts.create_account(owned(&ids[1])).await.unwrap().into_inner();
    assert!(copies(&suite).await.contains(&("han".to_owned(), 1)), "remembered");

    // Nobody at all, and somebody of another tenant, who cannot be told apart.
    let mut others = UserServiceClient::new(Bearer::new(&other.token).on(&suite.platform));
    let stranger = User { username: "x".into(), display_name: "x".into(), ..User::default() };
    let stranger = others.create_user(CreateUserRequest { user: Some(stranger) }).await.unwrap().into_inner();
    let rule = |code: &str| vec![("account.owner_id".to_owned(), code.to_owned())];
    for unknown in [&uuid::Uuid::new_v4().to_string(), &stranger.id] {
        let refused = accounts.create_account(owned(unknown)).await;
        let refused = assert_error(refused, Code::InvalidArgument, "FIELD_INVALID");
        assert_eq!(violations(&refused), rule("USER_UNKNOWN"));
    }

    // Somebody who has left gets nothing new and keeps what it has.
    for id in &ids[1..] {
        users.disable_user(DisableUserRequest { id: id.clone(), etag: String::new() }).await.unwrap();
    }
    suite.followers.drain().await.unwrap();
    let refused = accounts.create_account(owned(&ids[2])).await;
    assert_eq!(violations(&refused.unwrap_err()), rule("USER_DISABLED"));
    let update = |account: Account, paths: &[&str]| UpdateAccountRequest {
        account: Some(account),
        update_mask: Some(FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() }),
    };
    let renamed = Account { display_name: "B".into(), ..kept.clone() };
    accounts.update_account(update(renamed, &["display_name", "owner_id"])).await.unwrap();
    let given = Account { id: kept.id, owner_id: ids[2].clone(), ..Account::default() };
    let refused = accounts.update_account(update(given, &["owner_id"])).await;
    assert_eq!(violations(&refused.unwrap_err()), rule("USER_DISABLED"));

    // In a batch the item is named.
    let requests = vec![owned(&ids[0]), owned(&ids[2])];
    let batch = BatchCreateAccountsRequest { requests };
    let refused = violations(&accounts.batch_create_accounts(batch).await.unwrap_err());
    assert_eq!(refused, [("requests[1].account.owner_id".to_owned(), "USER_DISABLED".to_owned())]);
}

#[tokio::test]
async fn a_field_of_the_tenant_names_live_users_only() {
    let suite = Suite::new().await;
    let acme = suite.tenant("acme").await;
    let mut users = UserServiceClient::new(Bearer::new(&acme.token).on(&suite.platform));
    let mut accounts = AccountServiceClient::new(Bearer::new(&acme.token).on(&suite.customer));
    let mut ids = Vec::new();
    for name in ["li", "han"] {
        let user = User { username: name.into(), display_name: name.into(), ..User::default() };
        let created = users.create_user(CreateUserRequest { user: Some(user) }).await.unwrap();
        ids.push(created.into_inner().id);
    }
    let field = CustomField {
        display_name: "Buyer".into(),
        collection: "accounts".into(),
        key: "buyer".into(),
        r#type: Type::Reference.into(),
        reference_collection: "users".into(),
        ..CustomField::default()
    };
    let mut fields = CustomFieldServiceClient::new(Bearer::new(&acme.token).on(&suite.customer));
    let request = CreateCustomFieldRequest { service: String::new(), custom_field: Some(field) };
    fields.create_custom_field(request).await.unwrap();
    let of = |user: &str| {
        let buyer = CustomValue { value: Some(Value::ReferenceId(user.into())), sensitivity: 0 };
        let custom = [("buyer".to_owned(), buyer)].into();
        CreateAccountRequest {
            account: Some(Account { display_name: "A".into(), custom, ..Account::default() }),
        }
    };
    let update = |id: &str, user: &str| UpdateAccountRequest {
        account: Some(Account { id: id.into(), ..of(user).account.unwrap() }),
        update_mask: Some(FieldMask { paths: vec!["custom.buyer".into()] }),
    };
    let row = |user: &str| BulkUpsertAccountsRequest {
        key: Some(ExternalId { system: "erp".into(), value: user.into() }),
        account: of(user).account,
        update_mask: None,
    };

    // No event has been followed: the platform is asked about whoever is named.
    let made = accounts.create_account(of(&ids[0])).await.unwrap().into_inner();
    accounts.update_account(update(&made.id, &ids[1])).await.unwrap();
    let stranger = uuid::Uuid::new_v4().to_string();
    let unknown = |item: &str| vec![(format!("{item}account.custom.buyer"), "USER_UNKNOWN".to_owned())];
    let refused = accounts.create_account(of(&stranger)).await.unwrap_err();
    assert_eq!(violations(&refused), unknown(""));
    let refused = accounts.update_account(update(&made.id, &stranger)).await.unwrap_err();
    assert_eq!(violations(&refused), unknown(""));
    let batch = BatchCreateAccountsRequest { requests: vec![of(&ids[0]), of(&stranger)] };
    let refused = accounts.batch_create_accounts(batch).await.unwrap_err();
    assert_eq!(violations(&refused), unknown("requests[1]."));
    let rows = futures::stream::iter(vec![row(&ids[0]), row(&stranger), row(&ids[1])]);
    let mut answers = accounts.bulk_upsert_accounts(rows).await.unwrap().into_inner();
    let mut outcomes = Vec::new();
    while let Some(answer) = answers.message().await.unwrap() {
        outcomes.extend(answer.results.iter().map(RowResult::outcome));
    }
    assert_eq!(outcomes, [Outcome::Created, Outcome::Failed, Outcome::Created]);

    // Who has left stays where it stands and comes to nothing new.
    users.disable_user(DisableUserRequest { id: ids[1].clone(), etag: String::new() }).await.unwrap();
    suite.followers.drain().await.unwrap();
    accounts.update_account(update(&made.id, &ids[1])).await.unwrap();
    let refused = accounts.create_account(of(&ids[1])).await.unwrap_err();
    assert_eq!(violations(&refused), [("account.custom.buyer".to_owned(), "USER_DISABLED".to_owned())]);
}
