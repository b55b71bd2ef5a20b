//! Other services of the installation as callers: what proves them, what they may do, for whom.

use chrono::TimeDelta;
use crm_kit_api::{call::TenantSettings, id};
use crm_kit_rpc::peer::{Errand, Peers, Wire};
use crm_proto::crm::{
    event::v1::{StartFrom, StreamEventsRequest},
    platform::v1::{
        DisableUserRequest, GetUserAccessRequest, GetUserRequest, ListUsersRequest, UpdateUserRequest, User,
        access_service_client::AccessServiceClient, tenant_service_client::TenantServiceClient,
        user_service_client::UserServiceClient, *,
    },
};
use crm_testkit::status::assert_error;
use sqlx::Row as _;
use tonic::{Code, Status};
use uuid::Uuid;

use crate::harness::{World, named};

fn sales(world: &World) -> Peers {
    crm_testkit::peers("sales", &world.clock).with("platform", world.channel.clone())
}

async fn tenant(world: &World) -> Uuid {
    let mut conn = world.database.look().await;
    let row = sqlx::query("SELECT tenant_id FROM tenant").fetch_one(&mut conn);
    row.await.unwrap().get(0)
}

fn errand(tenant: Uuid) -> Errand {
    Errand::in_tenant(tenant, TenantSettings::default(), "saga-0001")
}

fn users(world: &World, errand: Errand) -> UserServiceClient<Wire> {
    UserServiceClient::new(sales(world).on("platform", errand).unwrap())
}

async fn get(world: &World, errand: Errand, user: &str) -> Result<User, Status> {
    let got = users(world, errand).get_user(GetUserRequest { id: user.to_owned() }).await;
    got.map(tonic::Response::into_inner)
}

#[tokio::test]
async fn a_service_acts_within_one_tenant_unmasked_and_its_changes_name_it_and_the_user() {
    let world = World::new().await;
    let tenant = tenant(&world).await;
    let worker = world.create_user(User { phone: "13800138000".into(), ..named("worker", &[]) }).await;
    assert_eq!(get(&world, errand(tenant), &worker.id).await.unwrap().phone, "+8613800138000");
    assert_error(get(&world, errand(Uuid::new_v4()), &worker.id).await, Code::NotFound, "NOT_FOUND");

    let admin = Uuid::parse_str(&world.admin_id).unwrap();
    for (errand, actor) in
        [(errand(tenant), id::of_service("sales")), (errand(tenant).on_behalf_of(admin), admin)]
    {
        let user = User { id: worker.id.clone(), job_title: format!("{actor}"), ..User::default() };
        let update_mask = Some(prost_types::FieldMask { paths: vec!["job_title".into()] });
        users(&world, errand).update_user(UpdateUserRequest { user: Some(user), update_mask }).await.unwrap();
        let sql = "SELECT actor_id, service, request_id FROM audit_log ORDER BY id DESC LIMIT 1";
        let row = sqlx::query(sql).fetch_one(&mut world.database.look().await).await.unwrap();
        let found: (Uuid, String, String) = (row.get(0), row.get(1), row.get(2));
        assert_eq!(found, (actor, "sales".to_owned(), "saga-0001".to_owned()));
    }
}

#[tokio::test]
async fn a_service_that_takes_a_users_rights_has_no_others() {
    let world = World::new().await;
    let tenant = tenant(&world).await;
    let reader = Role {
        display_name: "reads".into(),
        permissions: vec!["platform.users.read".into()],
        ..Role::default()
    };
    let reader = world.role(reader).await;
    let may = world.create_user(named("may", &[&reader])).await;
    let may_not = world.create_user(named("maynot", &[])).await;
    let for_user =
        |user: &User| errand(tenant).on_behalf_of(Uuid::parse_str(&user.id).unwrap()).with_the_users_rights();
    assert_eq!(get(&world, for_user(&may), &may_not.id).await.unwrap().id, may_not.id);
    assert_error(
        get(&world, for_user(&may_not), &may.id).await,
        Code::PermissionDenied,
        "PERMISSION_MISSING",
    );
    // Rights end with the user, though nobody signs in here.
    world
        .users(&world.admin)
        .disable_user(DisableUserRequest { id: may.id.clone(), ..Default::default() })
        .await
        .unwrap();
    assert_error(get(&world, for_user(&may), &may_not.id).await, Code::Unauthenticated, "CREDENTIAL_INVALID");
}

#[tokio::test]
async fn the_access_of_a_user_can_be_asked_for() {
    let world = World::new().await;
    let tenant = tenant(&world).await;
    let person = world.person(named("worker", &[])).await;
    let asked = GetUserAccessRequest { id: person.user.id.clone() };
    let peer = AccessServiceClient::new(sales(&world).on("platform", errand(tenant)).unwrap());
    let access = peer.clone().get_user_access(asked.clone()).await.unwrap().into_inner();
    assert_eq!(access.caller_id, person.user.id);
    let own = world.access(&person.token).get_access(GetAccessRequest {}).await.unwrap().into_inner();
    assert_eq!(Access { expire_time: None, ..access }, Access { expire_time: None, ..own });
    let refused = world.access(&person.token).get_user_access(asked).await;
    assert_error(refused, Code::PermissionDenied, "PERMISSION_MISSING");
    let unknown = GetUserAccessRequest { id: Uuid::new_v4().to_string() };
    assert_error(peer.clone().get_user_access(unknown).await, Code::NotFound, "NOT_FOUND");
}

#[tokio::test]
async fn tokens_that_are_old_forged_or_for_another_service_are_refused() {
    let world = World::new().await;
    let tenant = tenant(&world).await;
    let id = world.admin_id.clone();
    let forged = "an installation next door, with 32 bytes".to_owned().into();
    let forged = Peers::new("sales", &forged, world.clock.clone()).unwrap();
    let forged = forged.with("platform", world.channel.clone());
    let late = crm_kit_api::clock::Clock::fixed(world.clock.now() - TimeDelta::minutes(3));
    let late = crm_testkit::peers("sales", &late).with("platform", world.channel.clone());
    let misled = crm_testkit::peers("sales", &world.clock).with("customer", world.channel.clone());
    for (peers, to) in [(forged, "platform"), (late, "platform"), (misled, "customer")] {
        let mut users = UserServiceClient::new(peers.on(to, errand(tenant)).unwrap());
        let refused = users.get_user(GetUserRequest { id: id.clone() }).await;
        assert_error(refused, Code::Unauthenticated, "CREDENTIAL_INVALID");
    }
}

#[tokio::test]
async fn a_service_is_not_the_operator() {
    let world = World::new().await;
    let mut tenants =
        TenantServiceClient::new(sales(&world).on("platform", errand(tenant(&world).await)).unwrap());
    assert_error(
        tenants.list_tenants(ListTenantsRequest::default()).await,
        Code::PermissionDenied,
        "PERMISSION_MISSING",
    );
}

#[tokio::test]
async fn a_retried_errand_with_a_key_makes_its_change_once() {
    let world = World::new().await;
    let tenant = tenant(&world).await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        let mut users = users(&world, errand(tenant).under_key("saga 7 step 1"));
        let created = users.create_user(CreateUserRequest { user: Some(named("once", &[])) }).await.unwrap();
        ids.push(created.into_inner().id);
        // The same key on another method is another request.
        users.list_users(ListUsersRequest::default()).await.unwrap();
        users.disable_user(DisableUserRequest { id: ids[0].clone(), ..Default::default() }).await.unwrap();
    }
    assert_eq!(ids[0], ids[1]);
}

#[tokio::test]
async fn services_read_the_events_of_all_tenants_and_nobody_else_does() {
    let world = World::new().await;
    let tenant = tenant(&world).await;
    let other = CreateTenantRequest {
        tenant: Some(Tenant { slug: "other".into(), display_name: "Other".into(), ..Tenant::default() }),
        ..CreateTenantRequest::default()
    };
    let other = world.tenants(crate::harness::OPERATOR_KEY).create_tenant(other).await.unwrap().into_inner();
    let other = other.tenant.map_or_else(String::new, |tenant| tenant.id);
    let open = sales(&world).events("platform").unwrap();
    let request = StreamEventsRequest {
        start_from: StartFrom::Earliest.into(),
        collections: vec!["users".into()],
        ..StreamEventsRequest::default()
    };
    let mut stream = open(request.clone()).await.unwrap();
    let mut tenants = Vec::new();
    loop {
        let response = stream.message().await.unwrap().unwrap();
        if response.events.is_empty() {
            break;
        }
        tenants.extend(response.events.into_iter().map(|event| event.tenant_id));
    }
    assert!(tenants.contains(&tenant.to_string()) && tenants.contains(&other), "{tenants:?}");

    let mut own = crm_proto::crm::event::v1::event_service_client::EventServiceClient::new(
        crm_testkit::callers::Bearer::new(&world.admin).on(&world.channel),
    );
    let mut stream = own.stream_events(request).await.unwrap().into_inner();
    let events = stream.message().await.unwrap().unwrap().events;
    assert!(!events.is_empty());
    for event in events {
        assert_eq!(event.tenant_id, "");
        assert_eq!(event.record_id, world.admin_id, "of its own tenant only");
    }
}
