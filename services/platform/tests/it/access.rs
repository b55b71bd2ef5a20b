//! Access: what a credential allows, and how far scopes reach.

use chrono::TimeDelta;
use crm_kit_api::time::timestamp;
use crm_proto::crm::platform::v1::{
    Access, CreateDepartmentRequest, Department, GetAccessRequest, Role, User, role::RecordScope,
};
use crm_testkit::status::assert_error;
use tonic::Code;

use crate::harness::{OPERATOR_KEY, World, named};

async fn access(world: &World, token: &str) -> Access {
    world.access(token).get_access(GetAccessRequest {}).await.unwrap().into_inner()
}

async fn department(world: &World, name: &str, parent_id: &str, manager_id: &str) -> String {
    let department = Department {
        display_name: name.into(),
        parent_id: parent_id.into(),
        manager_id: manager_id.into(),
        ..Department::default()
    };
    let request = CreateDepartmentRequest { department: Some(department) };
    world.departments(&world.admin).create_department(request).await.unwrap().into_inner().id
}

async fn scoped(world: &World, scope: RecordScope) -> String {
    let role = Role { display_name: format!("{scope:?}"), record_scope: scope.into(), ..Role::default() };
    world.role(role).await
}

#[tokio::test]
async fn the_administrator_may_do_everything_and_sees_all() {
    let world = World::new().await;
    let access = access(&world, &world.admin).await;
    assert!(access.permissions.contains(&"*".to_owned()) && access.all_records && access.masks.is_empty());
    assert_eq!((access.region_code.as_str(), access.tenant_display_name.as_str()), ("CN", "Acme"));
    assert_eq!(access.expire_time, Some(timestamp(world.clock.now() + TimeDelta::seconds(30))));
}

#[tokio::test]
async fn scopes_reach_as_far_as_they_say() {
    let world = World::new().await;
    let subordinates = scoped(&world, RecordScope::SelfAndSubordinates).await;
    let own = scoped(&world, RecordScope::Self_).await;
    let tree = scoped(&world, RecordScope::DepartmentTree).await;
    let chief = world.person(named("chief", &[&subordinates, &own])).await;
    let lead = world.person(User { superior_id: chief.user.id.clone(), ..named("lead", &[&own]) }).await;
    let worker = world.create_user(User { superior_id: lead.user.id.clone(), ..named("worker", &[]) }).await;
    let manager = world.person(named("manager", &[&tree])).await;
    let top = department(&world, "top", "", &manager.user.id).await;
    let below = department(&world, "below", &top, "").await;
    let sorted = |mut ids: Vec<String>| {
        ids.sort();
        (false, ids)
    };
    let member =
        world.create_user(User { department_ids: vec![below.clone()], ..named("member", &[]) }).await;
    let owners = |access: Access| {
        let mut ids = access.record_owner_ids;
        ids.sort();
        (access.all_records, ids)
    };
    let seen = owners(access(&world, &chief.token).await);
    assert_eq!(seen, sorted(vec![chief.user.id.clone(), lead.user.id.clone(), worker.id]));
    assert_eq!(owners(access(&world, &lead.token).await), sorted(vec![lead.user.id]));
    assert_eq!(owners(access(&world, &manager.token).await), sorted(vec![manager.user.id, member.id]));
    let guest = User { department_ids: vec![below.clone()], ..named("guest", &[&own]) };
    let guest = access(&world, &world.person(guest).await.token).await.group_ids;
    assert_eq!(
        sorted(guest),
        sorted(vec![own.clone(), below, top.clone()]),
        "its role, its department, the one above"
    );
}

#[tokio::test]
async fn credentials_that_are_none_are_refused() {
    let world = World::new().await;
    for token in ["nonsense", "a.b.c", "crmk_1_2_3", "eyJhbGciOiJub25lIn0.e30."] {
        let refused = world.access(token).get_access(GetAccessRequest {}).await;
        assert_error(refused, Code::Unauthenticated, "CREDENTIAL_INVALID");
    }
    let operator = access(&world, OPERATOR_KEY).await;
    assert_eq!(operator.permissions, ["platform.tenants.*"]);
    assert_eq!(operator.tenant_id, uuid::Uuid::nil().to_string());
}
