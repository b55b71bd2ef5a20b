//! Users: their life, the rules every change of one respects, and lists.

use crm_proto::crm::platform::v1::{
    CreateUserRequest, DeleteUserRequest, DisableUserRequest, EnableUserRequest, GetAccessRequest,
    GetUserRequest, ListUsersRequest, ResetPasswordRequest, Role, UndeleteUserRequest, UpdateUserRequest,
    User, user::State,
};
use crm_testkit::status::{assert_error, metadata, violations};
use prost_types::FieldMask;
use tonic::{Code, Request};

use crate::harness::{PASSWORD, World, named};

fn update(user: User, paths: &[&str]) -> UpdateUserRequest {
    let paths = paths.iter().map(|path| (*path).to_owned()).collect();
    UpdateUserRequest { user: Some(user), update_mask: Some(FieldMask { paths }) }
}

#[tokio::test]
async fn a_user_is_created_read_changed_and_found() {
    let world = World::new().await;
    let user = User {
        email: "Li.Lei@EXAMPLE.com".into(),
        phone: "138 1234 1234".into(),
        job_title: "Buyer".into(),
        ..named("Li.Lei", &[])
    };
    let user = world.create_user(user).await;
    assert_eq!((user.email.as_str(), user.phone.as_str()), ("Li.Lei@example.com", "+8613812341234"));
    assert_eq!((user.state(), user.password_change_required), (State::Active, true));
    assert_eq!(user.first_password.len(), 23);
    let mut client = world.users(&world.admin);
    let read = client.get_user(GetUserRequest { id: user.id.clone() }).await.unwrap().into_inner();
    assert_eq!(read, User { first_password: String::new(), ..user.clone() });
    let change = User { id: user.id.clone(), job_title: "Head buyer".into(), ..User::default() };
    let changed = client.update_user(update(change.clone(), &["job_title"])).await.unwrap().into_inner();
    assert_eq!((changed.job_title.as_str(), changed.phone.as_str()), ("Head buyer", "+8613812341234"));
    assert_ne!(changed.etag, user.etag);
    let stale = client.update_user(update(User { etag: user.etag, ..change.clone() }, &["job_title"])).await;
    let status = assert_error(stale, Code::Aborted, "ETAG_MISMATCH");
    assert_eq!(metadata(&status, "etag"), changed.etag);
    let same = client.update_user(update(change, &["job_title"])).await.unwrap().into_inner();
    assert_eq!(same.etag, changed.etag);
}

#[tokio::test]
async fn me_is_the_callers_own_user() {
    let world = World::new().await;
    let anna = world.person(named("anna", &[])).await;
    let me = || GetUserRequest { id: "me".into() };
    let own = world.users(&world.admin).get_user(me()).await.unwrap().into_inner();
    assert_eq!(own.username, "admin");
    let change = User { id: "me".into(), job_title: "Head".into(), ..User::default() };
    let changed = world.users(&world.admin).update_user(update(change, &["job_title"])).await.unwrap();
    let request = GetUserRequest { id: own.id.clone() };
    let stored = world.users(&world.admin).get_user(request).await.unwrap().into_inner();
    assert_eq!((changed.into_inner(), stored.job_title.as_str()), (stored.clone(), "Head"));
    // It is an id and no right, and nothing else is one.
    let refused = world.users(&anna.token).get_user(me()).await;
    assert_error(refused, Code::PermissionDenied, "PERMISSION_MISSING");
    for id in ["", "Me", "mine", &anna.user.username] {
        let refused = world.users(&world.admin).get_user(GetUserRequest { id: id.into() }).await;
        assert_error(refused, Code::InvalidArgument, "FIELD_INVALID");
    }
}

#[tokio::test]
async fn names_are_unique_whatever_their_case_and_width_and_free_after_a_deletion() {
    let world = World::new().await;
    let user = world.create_user(named("anna", &[])).await;
    let mut client = world.users(&world.admin);
    let again = || CreateUserRequest { user: Some(named("ＡnnA", &[])) };
    assert_error(client.create_user(again()).await, Code::AlreadyExists, "USERNAME_TAKEN");
    let delete = DeleteUserRequest { id: user.id.clone(), ..DeleteUserRequest::default() };
    assert!(client.delete_user(delete).await.unwrap().into_inner().delete_time.is_some());
    client.create_user(again()).await.unwrap();
    let undelete = UndeleteUserRequest { id: user.id, ..UndeleteUserRequest::default() };
    assert_error(client.undelete_user(undelete).await, Code::AlreadyExists, "USERNAME_TAKEN");
}

#[tokio::test]
async fn a_deleted_user_comes_back_disabled() {
    let world = World::new().await;
    let person = world.person(named("anna", &[])).await;
    let id = person.user.id;
    let mut client = world.users(&world.admin);
    client.delete_user(DeleteUserRequest { id: id.clone(), ..Default::default() }).await.unwrap();
    assert!(world.access(&person.token).get_access(GetAccessRequest {}).await.is_err());
    let undelete = UndeleteUserRequest { id: id.clone(), ..Default::default() };
    let back = client.undelete_user(undelete.clone()).await.unwrap().into_inner();
    assert_eq!((back.state(), back.delete_time), (State::Disabled, None));
    assert!(world.sign_in("acme", "anna", PASSWORD).await.is_err());
    client.enable_user(EnableUserRequest { id, ..Default::default() }).await.unwrap();
    assert!(world.sign_in("acme", "anna", PASSWORD).await.is_ok());
    assert_error(client.undelete_user(undelete).await, Code::FailedPrecondition, "NOT_DELETED");
}

#[tokio::test]
async fn every_broken_rule_is_named() {
    let world = World::new().await;
    let user = User { email: "nonsense".into(), phone: "12".into(), ..named("two words", &[]) };
    let refused = world.users(&world.admin).create_user(CreateUserRequest { user: Some(user) }).await;
    let status = assert_error(refused, Code::InvalidArgument, "FIELD_INVALID");
    let fields: Vec<String> = violations(&status).into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["user.username", "user.email", "user.phone"]);
}

#[tokio::test]
async fn nobody_is_above_himself() {
    let world = World::new().await;
    let mut ids = Vec::new();
    for name in ["one", "two", "three"] {
        let superior_id = ids.last().cloned().unwrap_or_default();
        ids.push(world.create_user(User { superior_id, ..named(name, &[]) }).await.id);
    }
    let circle = User { id: ids[0].clone(), superior_id: ids[2].clone(), ..User::default() };
    let refused = world.users(&world.admin).update_user(update(circle, &["superior_id"])).await;
    assert_error(refused, Code::FailedPrecondition, "TREE_CIRCLE");
    let own = User { id: ids[0].clone(), superior_id: ids[0].clone(), ..User::default() };
    let refused = world.users(&world.admin).update_user(update(own, &["superior_id"])).await;
    assert_error(refused, Code::FailedPrecondition, "TREE_CIRCLE");
    let unknown = User { superior_id: uuid::Uuid::new_v4().to_string(), ..named("four", &[]) };
    let refused = world.users(&world.admin).create_user(CreateUserRequest { user: Some(unknown) }).await;
    assert_error(refused, Code::NotFound, "NOT_FOUND");
}

#[tokio::test]
async fn two_moves_at_once_do_not_close_a_circle() {
    let world = World::new().await;
    let (one, two) =
        (world.create_user(named("one", &[])).await.id, world.create_user(named("two", &[])).await.id);
    let moved = |id: &str, superior: &str| {
        let user = User { id: id.to_owned(), superior_id: superior.to_owned(), ..User::default() };
        let mut client = world.users(&world.admin);
        async move { client.update_user(update(user, &["superior_id"])).await }
    };
    let (first, second) = tokio::join!(moved(&one, &two), moved(&two, &one));
    assert_eq!(usize::from(first.is_ok()) + usize::from(second.is_ok()), 1, "{first:?} {second:?}");
}

#[tokio::test]
async fn lists_filter_order_search_and_page() {
    let world = World::new().await;
    let sales = world.built_in("sales").await;
    for (name, title) in [("anna", "Buyer"), ("bert", "Seller"), ("carl", "Seller"), ("dora", "100% chief")] {
        let roles: &[&str] = if title == "Seller" { &[&sales] } else { &[] };
        world.create_user(User { job_title: title.into(), ..named(name, roles) }).await;
    }
    let names = |request: ListUsersRequest| async {
        let page = world.users(&world.admin).list_users(request).await.unwrap().into_inner();
        (page.users.iter().map(|user| user.username.clone()).collect::<Vec<_>>(), page)
    };
    let filter = |filter: &str| ListUsersRequest {
        filter: filter.into(),
        order_by: "username".into(),
        ..Default::default()
    };
    assert_eq!(names(filter("job_title == 'Seller'")).await.0, ["bert", "carl"]);
    assert_eq!(names(filter(&format!("'{sales}' in role_ids && username != 'carl'"))).await.0, ["bert"]);
    assert_eq!(names(filter("state == 'DISABLED'")).await.0, Vec::<String>::new());
    let search = |q: &str| ListUsersRequest { q: q.into(), ..ListUsersRequest::default() };
    assert_eq!(names(search("ELLE")).await.0, ["carl", "bert"]);
    assert_eq!(names(search("100%")).await.0, ["dora"]);
    assert_eq!(names(search("_")).await.0, Vec::<String>::new());
    let mut request = ListUsersRequest { page_size: 2, include_total_size: true, ..filter("") };
    let mut seen = Vec::new();
    loop {
        let (page, response) = names(request.clone()).await;
        assert_eq!(response.total_size, 5);
        seen.extend(page);
        if response.next_page_token.is_empty() {
            break;
        }
        request.page_token = response.next_page_token;
    }
    assert_eq!(seen, ["admin", "anna", "bert", "carl", "dora"]);
}

#[tokio::test]
async fn masked_fields_are_shown_masked_and_cannot_be_used_to_select() {
    let world = World::new().await;
    let analyst = world.built_in("analyst").await;
    world.create_user(User { phone: "+8613812341234".into(), ..named("bert", &[]) }).await;
    let person = world.person(named("anna", &[&analyst])).await;
    let mut client = world.users(&person.token);
    let request = ListUsersRequest { q: "bert".into(), ..ListUsersRequest::default() };
    let page = client.list_users(request).await.unwrap().into_inner();
    assert!(page.users[0].phone.contains("****"), "{}", page.users[0].phone);
    let request =
        ListUsersRequest { filter: "phone.startsWith('+86138')".into(), ..ListUsersRequest::default() };
    assert_error(client.list_users(request).await, Code::PermissionDenied, "FIELD_MASKED");
    let request = ListUsersRequest { q: "13812341234".into(), ..ListUsersRequest::default() };
    assert!(client.list_users(request).await.unwrap().into_inner().users.is_empty());
}

#[tokio::test]
async fn a_disabled_user_stops_at_once() {
    let world = World::new().await;
    let person = world.person(named("anna", &[])).await;
    let disable = DisableUserRequest { id: person.user.id, ..Default::default() };
    let disabled = world.users(&world.admin).disable_user(disable.clone()).await.unwrap().into_inner();
    assert_eq!(disabled.state(), State::Disabled);
    let refused = world.access(&person.token).get_access(GetAccessRequest {}).await;
    assert_error(refused, Code::Unauthenticated, "CREDENTIAL_INVALID");
    let again = world.users(&world.admin).disable_user(disable).await.unwrap().into_inner();
    assert_eq!(again.etag, disabled.etag);
}

#[tokio::test]
async fn the_last_administrator_stays() {
    let world = World::new().await;
    let mut client = world.users(&world.admin);
    let id = world.admin_id.clone();
    let disable = DisableUserRequest { id: id.clone(), ..Default::default() };
    assert_error(client.disable_user(disable.clone()).await, Code::FailedPrecondition, "LAST_ADMINISTRATOR");
    let delete = DeleteUserRequest { id: id.clone(), ..Default::default() };
    assert_error(client.delete_user(delete).await, Code::FailedPrecondition, "LAST_ADMINISTRATOR");
    let strip = update(User { id, ..User::default() }, &["role_ids"]);
    assert_error(client.update_user(strip).await, Code::FailedPrecondition, "LAST_ADMINISTRATOR");
    let administrator = world.built_in("administrator").await;
    let second = world.person(named("second", &[&administrator])).await;
    world.users(&second.token).disable_user(disable).await.unwrap();
}

#[tokio::test]
async fn two_administrators_cannot_disable_each_other() {
    let world = World::new().await;
    let administrator = world.built_in("administrator").await;
    let second = world.person(named("second", &[&administrator])).await;
    let disable = |token: &str, id: &str| {
        let (mut client, id) = (world.users(token), id.to_owned());
        async move { client.disable_user(DisableUserRequest { id, ..Default::default() }).await }
    };
    let (one, other) =
        tokio::join!(disable(&world.admin, &second.user.id), disable(&second.token, &world.admin_id));
    assert_eq!(usize::from(one.is_ok()) + usize::from(other.is_ok()), 1, "{one:?} {other:?}");
}

#[tokio::test]
async fn nobody_gives_away_rights_it_lacks() {
    let world = World::new().await;
    let clerk = Role {
        display_name: "Clerk".into(),
        permissions: ["platform.users.*", "platform.roles.*", "platform.apiKeys.*"]
            .map(str::to_owned)
            .to_vec(),
        ..Role::default()
    };
    let clerk = world.role(clerk).await;
    let (administrator, sales) = (world.built_in("administrator").await, world.built_in("sales").await);
    let person = world.person(named("clerk", &[&clerk])).await;
    let mut client = world.users(&person.token);
    for role in [&administrator, &sales] {
        let create = CreateUserRequest { user: Some(named("friend", &[role])) };
        assert_error(client.create_user(create).await, Code::PermissionDenied, "RIGHTS_EXCEEDED");
        let own = User {
            id: person.user.id.clone(),
            role_ids: vec![clerk.clone(), role.clone()],
            ..User::default()
        };
        assert_error(
            client.update_user(update(own, &["role_ids"])).await,
            Code::PermissionDenied,
            "RIGHTS_EXCEEDED",
        );
    }
    // Taking the administrator's place by a new password is no way round.
    let reset = ResetPasswordRequest { id: world.admin_id.clone() };
    assert_error(client.reset_password(reset).await, Code::PermissionDenied, "RIGHTS_EXCEEDED");
    let create = CreateUserRequest { user: Some(named("friend", &[&clerk])) };
    assert!(client.create_user(create).await.is_ok());
}

#[tokio::test]
async fn a_reset_gives_a_first_password_once() {
    let world = World::new().await;
    let person = world.person(named("anna", &[])).await;
    let request = || {
        let mut request = Request::new(ResetPasswordRequest { id: person.user.id.clone() });
        request.metadata_mut().insert("idempotency-key", "reset-1".parse().unwrap());
        request
    };
    let first =
        world.users(&world.admin).reset_password(request()).await.unwrap().into_inner().first_password;
    assert!(world.access(&person.token).get_access(GetAccessRequest {}).await.is_err());
    let again =
        world.users(&world.admin).reset_password(request()).await.unwrap().into_inner().first_password;
    assert_eq!(again, "");
    assert!(world.sign_in("acme", "anna", &first).await.unwrap().password_change_required);
}

#[tokio::test]
async fn a_repeated_creation_makes_one_user() {
    let world = World::new().await;
    let request = || {
        let mut request = Request::new(CreateUserRequest { user: Some(named("anna", &[])) });
        request.metadata_mut().insert("idempotency-key", "create-1".parse().unwrap());
        request
    };
    let first = world.users(&world.admin).create_user(request()).await.unwrap().into_inner();
    let again = world.users(&world.admin).create_user(request()).await.unwrap().into_inner();
    assert!(!first.first_password.is_empty());
    assert_eq!(again, User { first_password: String::new(), ..first });
}
