//! Sessions: signing in and out, passwords, locks, refreshing.

use chrono::TimeDelta;
use crm_platform::token::{PublicKey, Verifier};
use crm_proto::crm::platform::v1::{
    ChangePasswordRequest, CreateSessionRequest, DeleteSessionRequest, DisableUserRequest, EnableUserRequest,
    GetAccessRequest, GetJwksRequest, GetUserRequest, ListSessionsRequest, RefreshSessionRequest,
    SessionTokens,
};
use crm_testkit::status::{assert_error, violations};
use secrecy::ExposeSecret as _;
use tonic::{Code, Request, Status};

use crate::harness::{PASSWORD, World, named};

async fn refresh(world: &World, token: &str) -> Result<SessionTokens, Status> {
    let request = RefreshSessionRequest { refresh_token: token.into() };
    Ok(world.nobody().refresh_session(request).await?.into_inner())
}

#[tokio::test]
async fn a_first_password_allows_nothing_but_a_new_one() {
    let world = World::new().await;
    let role = world.built_in("read-only").await;
    let user = world.create_user(named("li.lei", &[&role])).await;
    let tokens = world.sign_in("acme", "LI.Lei", &user.first_password).await.unwrap();
    let get = GetUserRequest { id: user.id.clone() };
    let refused = world.users(&tokens.access_token).get_user(get.clone()).await;
    assert_error(refused, Code::FailedPrecondition, "PASSWORD_CHANGE_REQUIRED");
    let new = world.choose_password(&tokens.access_token, &user.first_password).await;
    assert!(!new.password_change_required);
    assert!(world.users(&new.access_token).get_user(get.clone()).await.is_ok());
    // The session of the first password has ended.
    assert_error(
        world.users(&tokens.access_token).get_user(get).await,
        Code::Unauthenticated,
        "CREDENTIAL_INVALID",
    );
    assert!(refresh(&world, &tokens.refresh_token).await.is_err());
    let old = world.sign_in("acme", "li.lei", &user.first_password).await;
    assert_error(old, Code::Unauthenticated, "SIGN_IN_FAILED");
    assert!(world.sign_in("acme", "li.lei", PASSWORD).await.is_ok());
}

#[tokio::test]
async fn new_passwords_keep_the_rules() {
    let world = World::new().await;
    let change =
        |old: &str, new: &str| ChangePasswordRequest { old_password: old.into(), new_password: new.into() };
    let weak = world.users(&world.admin).change_password(change(PASSWORD, "Password1")).await;
    let status = assert_error(weak, Code::InvalidArgument, "FIELD_INVALID");
    assert_eq!(violations(&status).len(), 2, "{status:?}");
    let same = world.users(&world.admin).change_password(change(PASSWORD, PASSWORD)).await;
    assert_error(same, Code::InvalidArgument, "FIELD_INVALID");
    let wrong = world.users(&world.admin).change_password(change("wrong", "a new long password")).await;
    assert_error(wrong, Code::FailedPrecondition, "PASSWORD_WRONG");
    assert!(world.users(&world.admin).change_password(change(PASSWORD, "a new long password")).await.is_ok());
}

#[tokio::test]
async fn every_failed_sign_in_gets_the_same_answer() {
    let world = World::new().await;
    let person = world.person(named("li.lei", &[])).await;
    let disabled = world.person(named("han", &[])).await;
    let request = DisableUserRequest { id: disabled.user.id, ..DisableUserRequest::default() };
    world.users(&world.admin).disable_user(request).await.unwrap();
    world
        .create_user(crm_proto::crm::platform::v1::User { service_account: true, ..named("robot", &[]) })
        .await;
    for (tenant, name) in [("acme", "nobody"), ("acme", "han"), ("acme", "robot"), ("nowhere", "li.lei")] {
        let failed = world.sign_in(tenant, name, PASSWORD).await;
        let status = assert_error(failed, Code::Unauthenticated, "SIGN_IN_FAILED");
        let wrong = world.sign_in("acme", &person.user.username, "wrong password").await.unwrap_err();
        assert_eq!(
            (status.message(), status.details()),
            (wrong.message(), wrong.details()),
            "{tenant} {name}"
        );
    }
}

#[tokio::test]
async fn five_wrong_passwords_lock_the_name_for_a_quarter_of_an_hour() {
    let world = World::new().await;
    let person = world.person(named("li.lei", &[])).await;
    for _ in 0..5 {
        assert!(world.sign_in("acme", "li.lei", "wrong password").await.is_err());
    }
    let locked = world.sign_in("acme", "LI.LEI", PASSWORD).await;
    assert_error(locked, Code::Unauthenticated, "SIGN_IN_FAILED");
    world.advance(TimeDelta::minutes(14));
    assert!(world.sign_in("acme", "li.lei", PASSWORD).await.is_err());
    world.advance(TimeDelta::minutes(1));
    assert!(world.sign_in("acme", "li.lei", PASSWORD).await.is_ok());
    // An administrator can end a lock.
    for _ in 0..5 {
        assert!(world.sign_in("acme", "li.lei", "wrong password").await.is_err());
    }
    let admin = world.sign_in("acme", &world.first.username, PASSWORD).await.unwrap().access_token;
    let enable = EnableUserRequest { id: person.user.id, ..EnableUserRequest::default() };
    world.users(&admin).enable_user(enable).await.unwrap();
    assert!(world.sign_in("acme", "li.lei", PASSWORD).await.is_ok());
}

#[tokio::test]
async fn wrong_passwords_sent_at_once_do_not_overtake_the_counter() {
    let world = World::new().await;
    world.person(named("li.lei", &[])).await;
    let attempts = (0..12).map(|_| world.sign_in("acme", "li.lei", "wrong password"));
    assert!(futures::future::join_all(attempts).await.iter().all(Result::is_err));
    assert!(world.sign_in("acme", "li.lei", PASSWORD).await.is_err());
}

#[tokio::test]
async fn one_network_address_cannot_try_for_ever() {
    let world = World::new().await;
    let mut limited = None;
    for index in 0..101 {
        let mut request = Request::new(CreateSessionRequest {
            tenant: "acme".into(),
            username: format!("user{index}"),
            password: "wrong password".into(),
        });
        request.metadata_mut().insert("x-crm-client-ip", "203.0.113.7".parse().unwrap());
        limited = world.nobody().create_session(request).await.err();
    }
    assert_error::<()>(Err(limited.unwrap()), Code::ResourceExhausted, "RATE_LIMITED");
    assert!(world.sign_in("acme", &world.first.username, PASSWORD).await.is_ok());
}

#[tokio::test]
async fn refresh_tokens_rotate_and_a_second_use_ends_the_session() {
    let world = World::new().await;
    let person = world.person(named("li.lei", &[])).await;
    world.advance(TimeDelta::minutes(11));
    let stale = world.access(&person.token).get_access(GetAccessRequest {}).await;
    assert_error(stale, Code::Unauthenticated, "CREDENTIAL_INVALID");
    let second = refresh(&world, &person.tokens.refresh_token).await.unwrap();
    let third = refresh(&world, &second.refresh_token).await.unwrap();
    assert!(world.access(&third.access_token).get_access(GetAccessRequest {}).await.is_ok());
    assert_error(refresh(&world, &second.refresh_token).await, Code::Unauthenticated, "CREDENTIAL_INVALID");
    // Both the thief's and the user's tokens are worthless now.
    assert!(refresh(&world, &third.refresh_token).await.is_err());
    let ended = world.access(&third.access_token).get_access(GetAccessRequest {}).await;
    assert_error(ended, Code::Unauthenticated, "CREDENTIAL_INVALID");
}

#[tokio::test]
async fn a_session_lives_for_thirty_days_after_its_last_refresh() {
    let world = World::new().await;
    let person = world.person(named("li.lei", &[])).await;
    world.advance(TimeDelta::days(29));
    let next = refresh(&world, &person.tokens.refresh_token).await.unwrap();
    world.advance(TimeDelta::days(30));
    assert!(refresh(&world, &next.refresh_token).await.is_err());
}

#[tokio::test]
async fn signing_out_ends_the_session_at_once() {
    let world = World::new().await;
    let person = world.person(named("li.lei", &[])).await;
    let other = world.sign_in("acme", "li.lei", PASSWORD).await.unwrap();
    let list = ListSessionsRequest::default();
    assert_eq!(
        world.sessions(&person.token).list_sessions(list.clone()).await.unwrap().into_inner().sessions.len(),
        2
    );
    let me = DeleteSessionRequest { id: "me".into() };
    world.sessions(&person.token).delete_session(me).await.unwrap();
    let ended = world.access(&person.token).get_access(GetAccessRequest {}).await;
    assert_error(ended, Code::Unauthenticated, "CREDENTIAL_INVALID");
    assert!(refresh(&world, &person.tokens.refresh_token).await.is_err());
    assert_eq!(
        world.sessions(&other.access_token).list_sessions(list).await.unwrap().into_inner().sessions.len(),
        1
    );
}

#[tokio::test]
async fn sessions_of_others_are_closed_to_those_who_may_not_change_users() {
    let world = World::new().await;
    let role = world.built_in("sales").await;
    let (one, other) =
        (world.person(named("one", &[&role])).await, world.person(named("other", &[&role])).await);
    let list = ListSessionsRequest { user_id: other.user.id.clone() };
    let refused = world.sessions(&one.token).list_sessions(list.clone()).await;
    assert_error(refused, Code::PermissionDenied, "PERMISSION_MISSING");
    let id = other.tokens.session.clone().unwrap().id;
    let refused = world.sessions(&one.token).delete_session(DeleteSessionRequest { id: id.clone() }).await;
    assert_error(refused, Code::NotFound, "NOT_FOUND");
    assert_eq!(
        world.sessions(&world.admin).list_sessions(list).await.unwrap().into_inner().sessions[0].id,
        id
    );
    assert!(world.sessions(&world.admin).delete_session(DeleteSessionRequest { id }).await.is_ok());
    assert!(world.access(&other.token).get_access(GetAccessRequest {}).await.is_err());
}

#[tokio::test]
async fn the_published_keys_verify_access_tokens() {
    let world = World::new().await;
    let keys = world.signing_keys().get_jwks(GetJwksRequest {}).await.unwrap().into_inner().keys;
    let keys: Vec<PublicKey> = keys.iter().map(|key| PublicKey::from_x(&key.kid, &key.x).unwrap()).collect();
    let claims = Verifier::new(&keys).verify(&world.admin, world.clock.now()).unwrap();
    assert_eq!(claims.sub.to_string(), world.admin_id);
    // A key signs for 30 days and verifies for one more.
    assert_eq!(keys.len(), 1);
}

#[tokio::test]
async fn a_first_password_works_until_it_is_changed() {
    let world = World::new().await;
    let user = world.create_user(named("li.lei", &[])).await;
    assert!(world.sign_in("acme", "li.lei", &user.first_password).await.unwrap().password_change_required);
    assert!(world.sign_in("acme", "li.lei", &user.first_password).await.unwrap().password_change_required);
    assert!(
        world.sign_in("acme", &world.first.username, world.first.password.expose_secret()).await.is_err()
    );
}
