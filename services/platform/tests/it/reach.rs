//! Moving people is giving away sight: who may change, move and take over whom.

use crm_proto::crm::platform::v1::{
    ApiKey, CreateApiKeyRequest, CreateDepartmentRequest, CreateUserRequest, DeleteUserRequest, Department,
    DisableUserRequest, GetAccessRequest, ResetPasswordRequest, Role, UndeleteUserRequest,
    UpdateDepartmentRequest, UpdateRoleRequest, UpdateUserRequest, User, role::RecordScope,
};
use crm_testkit::status::{assert_error, metadata};
use prost_types::FieldMask;
use tonic::{Code, Status};

use crate::harness::{Person, World, named};

/// A company of two regions, each with a regional administrator who may edit people and sees its department tree.
struct Regions {
    world: World,
    tree: String,
    own: String,
    north: String,
    south: String,
    /// Edits people; sees the north.
    clerk: Person,
    /// Works in the north.
    anna: User,
    /// Works in the south, above carl.
    bert: User,
    carl: User,
}

fn role(name: &str, scope: RecordScope) -> Role {
    let permissions =
        ["platform.users.*", "platform.departments.*", "platform.roles.*", "platform.apiKeys.*"];
    Role {
        display_name: name.into(),
        record_scope: scope.into(),
        permissions: permissions.map(str::to_owned).to_vec(),
        ..Role::default()
    }
}

impl Regions {
    async fn new() -> Self {
        let world = World::new().await;
        let tree = world.role(role("Tree", RecordScope::DepartmentTree)).await;
        let own = world.role(role("Own", RecordScope::Self_)).await;
        let north = department(&world, &world.admin, "north", "", "").await.unwrap().id;
        let south = department(&world, &world.admin, "south", "", "").await.unwrap().id;
        let of = |name: &str, department: &str, role: &str, superior: &str| User {
            department_ids: vec![department.to_owned()],
            superior_id: superior.to_owned(),
            ..named(name, &[role])
        };
        let clerk = world.person(of("clerk", &north, &tree, "")).await;
        let anna = world.create_user(of("anna", &north, &own, "")).await;
        let bert = world.create_user(of("bert", &south, &own, "")).await;
        let carl = world.create_user(of("carl", &south, &own, &bert.id)).await;
        Self { world, tree, own, north, south, clerk, anna, bert, carl }
    }

    async fn update(&self, token: &str, user: User, paths: &str) -> Result<User, Status> {
        let update_mask = Some(FieldMask { paths: paths.split(',').map(str::to_owned).collect() });
        let request = UpdateUserRequest { user: Some(user), update_mask };
        Ok(self.world.users(token).update_user(request).await?.into_inner())
    }

    async fn superior(&self, id: &str, superior: &str) -> Result<User, Status> {
        let user = User { id: id.into(), superior_id: superior.into(), ..User::default() };
        self.update(&self.clerk.token, user, "superior_id").await
    }

    async fn transfer(&self, id: &str, departments: &[&str]) -> Result<User, Status> {
        let department_ids = departments.iter().map(|id| (*id).to_owned()).collect();
        let user = User { id: id.into(), department_ids, ..User::default() };
        self.update(&self.clerk.token, user, "department_ids,primary_department_id").await
    }

    async fn seen(&self, token: &str) -> Vec<String> {
        self.world.access(token).get_access(GetAccessRequest {}).await.unwrap().into_inner().record_owner_ids
    }
}

async fn department(
    world: &World,
    token: &str,
    name: &str,
    parent_id: &str,
    manager_id: &str,
) -> Result<Department, Status> {
    let department = Department {
        display_name: name.into(),
        parent_id: parent_id.into(),
        manager_id: manager_id.into(),
        ..Department::default()
    };
    let request = CreateDepartmentRequest { department: Some(department) };
    Ok(world.departments(token).create_department(request).await?.into_inner())
}

#[tokio::test]
async fn nobody_moves_himself_but_an_administrator() {
    let regions = Box::pin(Regions::new()).await;
    let (world, id) = (&regions.world, regions.clerk.user.id.clone());
    let refused = regions.transfer(&id, &[&regions.north, &regions.south]).await;
    let status = assert_error(refused, Code::PermissionDenied, "OWN_POSITION");
    assert_eq!(metadata(&status, "field"), "department_ids");
    let refused = regions.superior(&id, &regions.anna.id).await;
    assert_error(refused, Code::PermissionDenied, "OWN_POSITION");
    let refused = department(world, &regions.clerk.token, "new", "", &id).await;
    assert_error(refused, Code::PermissionDenied, "OWN_POSITION");
    let own = User { id: id.clone(), job_title: "Clerk".into(), ..User::default() };
    assert!(regions.update(&regions.clerk.token, own, "job_title").await.is_ok());
    let admin = User { id: world.admin_id.clone(), superior_id: id, ..User::default() };
    assert!(regions.update(&world.admin, admin, "superior_id").await.is_ok());
    assert!(department(world, &world.admin, "new", "", &world.admin_id).await.is_ok());
}

#[tokio::test]
async fn moving_people_shows_nobody_what_the_mover_does_not_see() {
    let regions = Box::pin(Regions::new()).await;
    let (clerk, bert, carl) = (&regions.clerk.user.id, &regions.bert.id, &regions.carl.id);
    let before = regions.seen(&regions.clerk.token).await;
    // Neither under the clerk, nor under somebody it can take over, nor into its department, nor out of another.
    for superior in [clerk, &regions.anna.id, ""] {
        let status =
            assert_error(regions.superior(carl, superior).await, Code::PermissionDenied, "REACH_EXCEEDED");
        assert_eq!(metadata(&status, "user_id"), *carl);
    }
    let refused = regions.transfer(bert, &[&regions.north]).await;
    assert_error(refused, Code::PermissionDenied, "REACH_EXCEEDED");
    // One of its own people, but with everybody below.
    let admin = User { id: bert.clone(), superior_id: regions.anna.id.clone(), ..User::default() };
    regions.update(&regions.world.admin, admin, "superior_id").await.unwrap();
    let refused = regions.superior(&regions.anna.id, clerk).await;
    let status = assert_error(refused, Code::PermissionDenied, "REACH_EXCEEDED");
    assert!([bert, carl].contains(&&metadata(&status, "user_id")));
    assert_eq!(regions.seen(&regions.clerk.token).await, before);
    // What it sees it may move.
    let dora = User { department_ids: vec![regions.north.clone()], ..named("dora", &[&regions.own]) };
    let dora = regions.world.create_user(dora).await;
    assert!(regions.superior(&dora.id, &regions.anna.id).await.is_ok());
}

#[tokio::test]
async fn what_the_moved_user_gains_the_mover_sees() {
    let regions = Box::pin(Regions::new()).await;
    let create = |user: User| {
        let mut client = regions.world.users(&regions.clerk.token);
        async move { client.create_user(CreateUserRequest { user: Some(user) }).await }
    };
    // An accomplice in the other region, by creation, by a move, and by a role.
    let accomplice = |departments: &[&str], role: &str| User {
        department_ids: departments.iter().map(|id| (*id).to_owned()).collect(),
        ..named("accomplice", &[role])
    };
    let refused = create(accomplice(&[&regions.south], &regions.tree)).await;
    assert_error(refused, Code::PermissionDenied, "REACH_EXCEEDED");
    let made = create(accomplice(&[&regions.north], &regions.tree)).await.unwrap().into_inner();
    let refused = regions.transfer(&made.id, &[&regions.north, &regions.south]).await;
    assert_error(refused, Code::PermissionDenied, "REACH_EXCEEDED");
    let plain = User { username: "plain".into(), ..accomplice(&[&regions.south], &regions.own) };
    let plain = create(plain).await.unwrap().into_inner();
    let wider = User { id: plain.id, role_ids: vec![regions.tree.clone()], ..User::default() };
    let refused = regions.update(&regions.clerk.token, wider, "role_ids").await;
    assert_error(refused, Code::PermissionDenied, "REACH_EXCEEDED");
    // A wider scope of a role that others hold is the same by another way.
    let role = Role {
        id: regions.own.clone(),
        record_scope: RecordScope::SelfAndSubordinates.into(),
        ..Role::default()
    };
    let update_mask = Some(FieldMask { paths: vec!["record_scope".into()] });
    let request = UpdateRoleRequest { role: Some(role), update_mask };
    let refused = regions.world.roles(&regions.clerk.token).update_role(request.clone()).await;
    let status = assert_error(refused, Code::PermissionDenied, "RIGHTS_EXCEEDED");
    assert_eq!(metadata(&status, "record_scope"), "SELF_AND_SUBORDINATES");
    assert!(regions.world.roles(&regions.world.admin).update_role(request).await.is_ok());
}

#[tokio::test]
async fn departments_move_with_people_the_mover_sees() {
    let regions = Box::pin(Regions::new()).await;
    let world = &regions.world;
    let change = |id: &str, parent_id: &str, manager_id: &str, path: &str| {
        let department = Department {
            id: id.into(),
            parent_id: parent_id.into(),
            manager_id: manager_id.into(),
            ..Department::default()
        };
        let update_mask = Some(FieldMask { paths: vec![path.to_owned()] });
        let mut client = world.departments(&regions.clerk.token);
        async move {
            client
                .update_department(UpdateDepartmentRequest { department: Some(department), update_mask })
                .await
        }
    };
    let refused = change(&regions.south, &regions.north, "", "parent_id").await;
    assert_error(refused, Code::PermissionDenied, "REACH_EXCEEDED");
    let refused = change(&regions.south, "", &regions.anna.id, "manager_id").await;
    assert_error(refused, Code::PermissionDenied, "REACH_EXCEEDED");
    let refused = change(&regions.south, "", &regions.clerk.user.id, "manager_id").await;
    assert_error(refused, Code::PermissionDenied, "OWN_POSITION");
    let team = department(world, &regions.clerk.token, "team", &regions.north, "").await.unwrap();
    assert!(change(&team.id, "", &regions.anna.id, "manager_id").await.is_ok());
    assert!(change(&regions.north, "", &regions.anna.id, "manager_id").await.is_ok());
}

#[tokio::test]
async fn nobody_takes_the_place_of_somebody_who_sees_more() {
    let regions = Box::pin(Regions::new()).await;
    let reset = |id: &str| {
        let (mut client, id) = (regions.world.users(&regions.clerk.token), id.to_owned());
        async move { client.reset_password(ResetPasswordRequest { id }).await }
    };
    let refused = reset(&regions.bert.id).await;
    assert_error(refused, Code::PermissionDenied, "REACH_EXCEEDED");
    assert!(reset(&regions.anna.id).await.is_ok());
    let robot = User {
        service_account: true,
        department_ids: vec![regions.south.clone()],
        ..named("robot", &[&regions.own])
    };
    let robot = regions.world.create_user(robot).await;
    let api_key = ApiKey { display_name: "key".into(), user_id: robot.id, ..ApiKey::default() };
    let api_key = ApiKey { permissions: vec!["platform.users.read".into()], ..api_key };
    let request = CreateApiKeyRequest { api_key: Some(api_key) };
    let refused = regions.world.api_keys(&regions.clerk.token).create_api_key(request).await;
    assert_error(refused, Code::PermissionDenied, "REACH_EXCEEDED");
}

#[tokio::test]
async fn nobody_changes_disables_or_deletes_somebody_with_more_rights() {
    let regions = Box::pin(Regions::new()).await;
    let (world, id) = (&regions.world, regions.world.admin_id.clone());
    let administrator = world.built_in("administrator").await;
    world.create_user(named("second", &[&administrator])).await;
    let mut client = world.users(&regions.clerk.token);
    let disable = DisableUserRequest { id: id.clone(), ..Default::default() };
    assert_error(client.disable_user(disable).await, Code::PermissionDenied, "RIGHTS_EXCEEDED");
    let delete = DeleteUserRequest { id: id.clone(), ..Default::default() };
    assert_error(client.delete_user(delete).await, Code::PermissionDenied, "RIGHTS_EXCEEDED");
    for (user, path) in [
        (User { username: "locked.out".into(), ..User::default() }, "username"),
        (User::default(), "role_ids"),
        (User { email: "me@example.com".into(), ..User::default() }, "email"),
    ] {
        let refused = regions.update(&regions.clerk.token, User { id: id.clone(), ..user }, path).await;
        assert_error(refused, Code::PermissionDenied, "RIGHTS_EXCEEDED");
    }
    // The administrator's sessions still work: nothing was half done.
    assert!(world.access(&world.admin).get_access(GetAccessRequest {}).await.is_ok());
    let delete = DeleteUserRequest { id: regions.carl.id.clone(), ..Default::default() };
    assert!(client.delete_user(delete).await.is_ok());
    let undelete = UndeleteUserRequest { id: regions.carl.id.clone(), ..Default::default() };
    assert!(client.undelete_user(undelete).await.is_ok());
}

#[tokio::test]
async fn a_colleague_of_equal_reach_can_be_taken_over_and_one_who_sees_more_cannot() {
    let regions = Box::pin(Regions::new()).await;
    let world = &regions.world;
    let colleague =
        User { department_ids: vec![regions.north.clone()], ..named("colleague", &[&regions.tree]) };
    let colleague = world.person(colleague).await;
    let id = colleague.user.id.clone();
    assert_eq!(regions.seen(&colleague.token).await, regions.seen(&regions.clerk.token).await);
    let mut client = world.users(&regions.clerk.token);
    let reset = client.reset_password(ResetPasswordRequest { id: id.clone() }).await.unwrap().into_inner();
    let wider = User {
        id: id.clone(),
        department_ids: vec![regions.north.clone(), regions.south.clone()],
        ..User::default()
    };
    regions.update(&world.admin, wider, "department_ids").await.unwrap();
    let status = client.reset_password(ResetPasswordRequest { id }).await;
    let status = assert_error(status, Code::PermissionDenied, "REACH_EXCEEDED");
    let tokens = world.sign_in("acme", "colleague", &reset.first_password).await.unwrap();
    let tokens = world.choose_password(&tokens.access_token, &reset.first_password).await;
    assert!(regions.seen(&tokens.access_token).await.contains(&metadata(&status, "user_id")));
    assert!(!regions.seen(&regions.clerk.token).await.contains(&metadata(&status, "user_id")));
}
