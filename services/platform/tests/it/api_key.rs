//! API keys: what they may do, who may make them, and when they stop.

use chrono::TimeDelta;
use crm_kit_api::time::timestamp;
use crm_proto::crm::platform::v1::{
    ApiKey, CreateApiKeyRequest, DeleteApiKeyRequest, DisableUserRequest, GetAccessRequest,
    ListApiKeysRequest, ListUsersRequest, User,
};
use crm_testkit::status::{assert_error, metadata};
use tonic::{Code, Status};

use crate::harness::{World, named};

fn key(user_id: &str, permissions: &[&str]) -> ApiKey {
    ApiKey {
        display_name: "ERP".into(),
        user_id: user_id.into(),
        permissions: permissions.iter().map(|permission| (*permission).to_owned()).collect(),
        ..ApiKey::default()
    }
}

async fn create(world: &World, token: &str, key: ApiKey) -> Result<ApiKey, Status> {
    let request = CreateApiKeyRequest { api_key: Some(key) };
    Ok(world.api_keys(token).create_api_key(request).await?.into_inner())
}

async fn robot(world: &World, roles: &[&str]) -> User {
    world.create_user(User { service_account: true, ..named("robot", roles) }).await
}

#[tokio::test]
async fn a_key_may_do_what_its_list_and_its_account_allow() {
    let world = World::new().await;
    let role = world.built_in("read-only").await;
    let robot = robot(&world, &[&role]).await;
    assert_eq!(robot.first_password, "");
    let made = create(&world, &world.admin, key(&robot.id, &["platform.users.*", "customer.accounts.read"]))
        .await
        .unwrap();
    let access = world.access(&made.key).get_access(GetAccessRequest {}).await.unwrap().into_inner();
    assert_eq!(access.permissions, ["customer.accounts.read", "platform.users.read"]);
    assert_eq!(access.caller_id, robot.id);
    assert!(world.users(&made.key).list_users(ListUsersRequest::default()).await.is_ok());
    let refused = world.api_keys(&made.key).list_api_keys(ListApiKeysRequest::default()).await;
    assert_error(refused, Code::PermissionDenied, "PERMISSION_MISSING");
    let listed =
        world.api_keys(&world.admin).list_api_keys(ListApiKeysRequest::default()).await.unwrap().into_inner();
    assert_eq!(listed.api_keys, [ApiKey { key: String::new(), ..made }]);
}

#[tokio::test]
async fn a_revoked_expired_or_changed_key_is_refused_at_once() {
    let world = World::new().await;
    let role = world.built_in("read-only").await;
    let robot = robot(&world, &[&role]).await;
    let works = |key: String| {
        let mut client = world.access(&key);
        async move { client.get_access(GetAccessRequest {}).await.is_ok() }
    };
    let expire_time = Some(timestamp(world.clock.now() + TimeDelta::hours(1)));
    let short = ApiKey { expire_time, ..key(&robot.id, &["platform.users.read"]) };
    let short = create(&world, &world.admin, short).await.unwrap().key;
    let long = create(&world, &world.admin, key(&robot.id, &["platform.users.read"])).await.unwrap();
    let mut other = long.key.clone();
    other.replace_range(other.len() - 1.., if long.key.ends_with('0') { "1" } else { "0" });
    assert!(works(short.clone()).await && works(long.key.clone()).await && !works(other).await);
    world.advance(TimeDelta::hours(1));
    assert!(!works(short).await && works(long.key.clone()).await);
    let admin =
        world.sign_in("acme", &world.first.username, crate::harness::PASSWORD).await.unwrap().access_token;
    world.api_keys(&admin).delete_api_key(DeleteApiKeyRequest { id: long.id }).await.unwrap();
    assert!(!works(long.key).await);
    let third = create(&world, &admin, key(&robot.id, &["platform.users.read"])).await.unwrap().key;
    let disable = DisableUserRequest { id: robot.id, ..Default::default() };
    world.users(&admin).disable_user(disable).await.unwrap();
    assert!(!works(third).await);
}

#[tokio::test]
async fn a_key_reaches_no_further_than_its_maker() {
    let world = World::new().await;
    let clerk = crm_proto::crm::platform::v1::Role {
        display_name: "Clerk".into(),
        permissions: vec!["platform.apiKeys.*".into(), "platform.users.read".into()],
        ..Default::default()
    };
    let clerk = world.role(clerk).await;
    let administrator = world.built_in("administrator").await;
    let robot = robot(&world, &[&administrator]).await;
    let person = world.person(named("clerk", &[&clerk])).await;
    let refused = create(&world, &person.token, key(&robot.id, &["platform.roles.update"])).await;
    let status = assert_error(refused, Code::PermissionDenied, "RIGHTS_EXCEEDED");
    assert_eq!(metadata(&status, "permission"), "platform.roles.update");
    // The account sees every record, its maker only its own.
    let refused = create(&world, &person.token, key(&robot.id, &["platform.users.read"])).await;
    let status = assert_error(refused, Code::PermissionDenied, "RIGHTS_EXCEEDED");
    assert_eq!(metadata(&status, "record_scope"), "ALL");
    let person_key = create(&world, &world.admin, key(&person.user.id, &["platform.users.read"])).await;
    assert_error(person_key, Code::FailedPrecondition, "NOT_SERVICE_ACCOUNT");
}
