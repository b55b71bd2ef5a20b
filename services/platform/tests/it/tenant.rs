//! Tenants: apart from each other, and in the operator's hands.

use crm_proto::crm::platform::v1::{
    CreateTenantRequest, GetAccessRequest, GetTenantRequest, GetUserRequest, ListTenantsRequest,
    ListUsersRequest, ResumeTenantRequest, SuspendTenantRequest, Tenant, UpdateTenantRequest,
};
use crm_testkit::status::assert_error;
use prost_types::FieldMask;
use tonic::{Code, Request};

use crate::harness::{OPERATOR_KEY, PASSWORD, World};

fn request(slug: &str) -> CreateTenantRequest {
    let tenant = Tenant { slug: slug.into(), display_name: "Umbrella".into(), ..Tenant::default() };
    CreateTenantRequest { tenant: Some(tenant), ..CreateTenantRequest::default() }
}

#[tokio::test]
async fn tenants_see_nothing_of_each_other() {
    let world = World::new().await;
    let made = world.tenants(OPERATOR_KEY).create_tenant(request("umbrella")).await.unwrap().into_inner();
    let tokens = world.sign_in("umbrella", &made.administrator_username, &made.first_password).await.unwrap();
    let other = world.choose_password(&tokens.access_token, &made.first_password).await.access_token;
    let get = GetUserRequest { id: world.admin_id.clone() };
    assert_error(world.users(&other).get_user(get).await, Code::NotFound, "NOT_FOUND");
    let users = world.users(&other).list_users(ListUsersRequest::default()).await.unwrap().into_inner().users;
    assert_eq!(
        users.iter().map(|user| user.id.as_str()).collect::<Vec<_>>(),
        [made.administrator_id.as_str()]
    );
    let own =
        world.tenants(&other).get_tenant(GetTenantRequest { id: "me".into() }).await.unwrap().into_inner();
    assert_eq!(own.display_name, "Umbrella");
    let foreign = world.tenants(&world.admin).get_tenant(GetTenantRequest { id: own.id }).await;
    assert_error(foreign, Code::NotFound, "NOT_FOUND");
}

#[tokio::test]
async fn only_the_operator_creates_lists_and_suspends_tenants() {
    let world = World::new().await;
    let mut administrator = world.tenants(&world.admin);
    let denied = "PERMISSION_MISSING";
    assert_error(administrator.create_tenant(request("umbrella")).await, Code::PermissionDenied, denied);
    assert_error(
        administrator.list_tenants(ListTenantsRequest::default()).await,
        Code::PermissionDenied,
        denied,
    );
    let own = administrator.get_tenant(GetTenantRequest { id: "me".into() }).await.unwrap().into_inner();
    let suspend = SuspendTenantRequest { id: own.id.clone(), ..Default::default() };
    assert_error(administrator.suspend_tenant(suspend.clone()).await, Code::PermissionDenied, denied);
    let mut operator = world.tenants(OPERATOR_KEY);
    assert_error(operator.create_tenant(request("acme")).await, Code::AlreadyExists, "SLUG_TAKEN");
    let listed = operator.list_tenants(ListTenantsRequest::default()).await.unwrap().into_inner();
    assert_eq!(listed.tenants.len(), 1);
    operator.suspend_tenant(suspend).await.unwrap();
    assert!(world.access(&world.admin).get_access(GetAccessRequest {}).await.is_err());
    let refused = world.sign_in("acme", &world.first.username, PASSWORD).await;
    assert_error(refused, Code::FailedPrecondition, "TENANT_SUSPENDED");
    let wrong = world.sign_in("acme", &world.first.username, "wrong password").await;
    assert_error(wrong, Code::Unauthenticated, "SIGN_IN_FAILED");
    operator.resume_tenant(ResumeTenantRequest { id: own.id, ..Default::default() }).await.unwrap();
    assert!(world.access(&world.admin).get_access(GetAccessRequest {}).await.is_ok());
    let users = world.users(OPERATOR_KEY).list_users(ListUsersRequest::default()).await;
    assert_error(users, Code::PermissionDenied, denied);
}

#[tokio::test]
async fn a_repeated_creation_makes_one_tenant() {
    let world = World::new().await;
    let keyed = || {
        let mut request = Request::new(request("umbrella"));
        request.metadata_mut().insert("idempotency-key", "tenant-1".parse().unwrap());
        request
    };
    let first = world.tenants(OPERATOR_KEY).create_tenant(keyed()).await.unwrap().into_inner();
    let again = world.tenants(OPERATOR_KEY).create_tenant(keyed()).await.unwrap().into_inner();
    assert_eq!((again.tenant, again.first_password.as_str()), (first.tenant, ""));
}

#[tokio::test]
async fn an_administrator_changes_the_settings_of_its_own_tenant() {
    let world = World::new().await;
    let mut client = world.tenants(&world.admin);
    let change = |tenant: Tenant, paths: &[&str]| UpdateTenantRequest {
        tenant: Some(Tenant { id: "me".into(), ..tenant }),
        update_mask: Some(FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() }),
    };
    let berlin = Tenant { time_zone: "Europe/Berlin".into(), slug: "other".into(), ..Tenant::default() };
    let changed = client.update_tenant(change(berlin, &["time_zone", "slug"])).await.unwrap().into_inner();
    assert_eq!((changed.time_zone.as_str(), changed.slug.as_str()), ("Europe/Berlin", "acme"));
    let nowhere = Tenant { time_zone: "Mars/Olympus".into(), ..Tenant::default() };
    let refused = client.update_tenant(change(nowhere, &["time_zone"])).await;
    assert_error(refused, Code::InvalidArgument, "FIELD_INVALID");
    let access = world.access(&world.admin).get_access(GetAccessRequest {}).await.unwrap().into_inner();
    assert_eq!(access.time_zone, "Europe/Berlin");
}
