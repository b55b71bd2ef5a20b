//! Roles: built-in and of the tenant's own, and how far they may reach.

use crm_proto::crm::{
    options::v1::Sensitivity,
    platform::v1::{
        ClassMask, CreateRoleRequest, DeleteRoleRequest, ListPermissionsRequest, ListRolesRequest, MaskLevel,
        Role, UpdateRoleRequest, role::RecordScope,
    },
};
use crm_testkit::status::{assert_error, violations};
use prost_types::FieldMask;
use tonic::Code;

use crate::harness::{World, named};

fn role(name: &str, permissions: &[&str]) -> Role {
    Role {
        display_name: name.into(),
        permissions: permissions.iter().map(|permission| (*permission).to_owned()).collect(),
        ..Role::default()
    }
}

#[tokio::test]
async fn a_tenant_has_eight_built_in_roles_that_stay_as_they_are() {
    let world = World::new().await;
    let mut client = world.roles(&world.admin);
    let roles = client.list_roles(ListRolesRequest::default()).await.unwrap().into_inner().roles;
    let keys: Vec<&str> = roles.iter().map(|role| role.built_in.as_str()).collect();
    assert_eq!(
        keys,
        ["administrator", "manager", "sales", "marketing", "support", "analyst", "read-only", "finance"]
    );
    assert_eq!(
        roles[0].permissions,
        [
            "*",
            "platform.businessCalendars.read",
            "platform.departments.read",
            "platform.exchangeRates.read",
            "platform.roles.read",
            "platform.tenants.read",
            "platform.users.read"
        ]
    );
    let change = Role { display_name: "Boss".into(), ..roles[0].clone() };
    let update = UpdateRoleRequest { role: Some(change), update_mask: None };
    assert_error(client.update_role(update).await, Code::FailedPrecondition, "BUILT_IN_ROLE");
    let delete = DeleteRoleRequest { id: roles[6].id.clone(), ..Default::default() };
    assert_error(client.delete_role(delete).await, Code::FailedPrecondition, "BUILT_IN_ROLE");
}

#[tokio::test]
async fn a_role_is_created_changed_and_deleted_when_nobody_holds_it() {
    let world = World::new().await;
    let mut client = world.roles(&world.admin);
    let masks = vec![ClassMask { sensitivity: Sensitivity::Phone.into(), level: MaskLevel::Partial.into() }];
    let wanted =
        Role { masks: masks.clone(), ..role("Clerk", &["customer.accounts.read", "customer.accounts.read"]) };
    let made = client.create_role(CreateRoleRequest { role: Some(wanted) }).await.unwrap().into_inner();
    assert_eq!(
        (made.permissions.as_slice(), &made.masks),
        (&["customer.accounts.read".to_owned()][..], &masks)
    );
    assert_eq!(made.record_scope(), RecordScope::Self_);
    let taken = client.create_role(CreateRoleRequest { role: Some(role("CLERK", &[])) }).await;
    assert_error(taken, Code::AlreadyExists, "NAME_TAKEN");
    let change = Role { record_scope: RecordScope::All.into(), ..made.clone() };
    let update_mask = Some(FieldMask { paths: vec!["record_scope".into()] });
    let changed =
        client.update_role(UpdateRoleRequest { role: Some(change), update_mask }).await.unwrap().into_inner();
    assert_eq!((changed.record_scope(), &changed.masks), (RecordScope::All, &masks));
    let user = world.create_user(named("anna", &[&made.id])).await;
    let delete = DeleteRoleRequest { id: made.id.clone(), ..Default::default() };
    assert_error(client.delete_role(delete.clone()).await, Code::FailedPrecondition, "ROLE_IN_USE");
    let gone = crm_proto::crm::platform::v1::DeleteUserRequest { id: user.id, ..Default::default() };
    world.users(&world.admin).delete_user(gone).await.unwrap();
    assert!(client.delete_role(delete).await.is_ok());
}

#[tokio::test]
async fn unknown_permissions_are_refused_by_place() {
    let world = World::new().await;
    let wanted =
        role("Clerk", &["customer.accounts.read", "customer.accounts.fly", "platform.tenants.operate"]);
    let refused = world.roles(&world.admin).create_role(CreateRoleRequest { role: Some(wanted) }).await;
    let status = assert_error(refused, Code::InvalidArgument, "FIELD_INVALID");
    let fields: Vec<String> = violations(&status).into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["role.permissions[1]", "role.permissions[2]"]);
}

#[tokio::test]
async fn a_role_reaches_no_further_than_its_maker() {
    let world = World::new().await;
    let maker = Role {
        record_scope: RecordScope::SelfAndSubordinates.into(),
        masks: vec![ClassMask { sensitivity: Sensitivity::Phone.into(), level: MaskLevel::Partial.into() }],
        ..role("Maker", &["platform.roles.*", "customer.accounts.read"])
    };
    let maker = world.role(maker).await;
    let person = world.person(named("maker", &[&maker])).await;
    let mut client = world.roles(&person.token);
    let masks = vec![ClassMask { sensitivity: Sensitivity::Phone.into(), level: MaskLevel::Hidden.into() }];
    for refused in [
        Role { masks: masks.clone(), ..role("A", &["customer.accounts.update"]) },
        Role {
            masks: masks.clone(),
            record_scope: RecordScope::All.into(),
            ..role("B", &["customer.accounts.read"])
        },
        role("C", &["customer.accounts.read"]),
    ] {
        let refused = client.create_role(CreateRoleRequest { role: Some(refused) }).await;
        assert_error(refused, Code::PermissionDenied, "RIGHTS_EXCEEDED");
    }
    let fine = Role { masks, ..role("D", &["customer.accounts.read"]) };
    assert!(client.create_role(CreateRoleRequest { role: Some(fine) }).await.is_ok());
}

#[tokio::test]
async fn permissions_are_those_of_the_contract() {
    let world = World::new().await;
    let listed =
        world.roles(&world.admin).list_permissions(ListPermissionsRequest {}).await.unwrap().into_inner();
    let names: Vec<&str> = listed.permissions.iter().map(|entry| entry.permission.as_str()).collect();
    assert!(names.is_sorted() && names.contains(&"customer.accounts.read") && !names.contains(&"public"));
}
