//! Passwords, keys and tokens leave no trace in the database.

use crm_proto::crm::platform::v1::{
    ApiKey, CreateApiKeyRequest, CreateUserRequest, ResetPasswordRequest, User,
};
use secrecy::ExposeSecret as _;
use sqlx::Row as _;
use tonic::Request;

use crate::harness::{PASSWORD, World, named};

fn keyed<T>(message: T, key: &str) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("idempotency-key", key.parse().unwrap());
    request
}

/// Everything the database holds, as text; binary columns as the characters they hold.
async fn dump(world: &World) -> String {
    let mut conn = world.database.look().await;
    let mut text = String::new();
    for table in [
        "tenant",
        "app_user",
        "user_role",
        "role",
        "session",
        "api_key",
        "signing_key",
        "sign_in_guard",
        "outbox",
        "audit_log",
        "idempotency_key",
        "job",
    ] {
        let sql = sqlx::AssertSqlSafe(format!("SELECT to_jsonb(t)::text, t::text FROM {table} t"));
        for row in sqlx::query(sql).fetch_all(&mut conn).await.unwrap() {
            for column in 0..2 {
                let found: String = row.get(column);
                text.push_str(&found);
                text.push_str(&readable(&found));
            }
        }
    }
    text
}

/// The ASCII characters behind the hexadecimal form of binary columns.
fn readable(text: &str) -> String {
    let digits: Vec<u32> = text.chars().map(|character| character.to_digit(16).unwrap_or(99)).collect();
    let mut found = String::new();
    for start in 0..2 {
        for pair in digits[start.min(digits.len())..].chunks_exact(2) {
            let code = pair[0] * 16 + pair[1];
            found.push(if pair.iter().all(|digit| *digit < 16) {
                char::from_u32(code).unwrap_or('?')
            } else {
                '\n'
            });
        }
        found.push('\n');
    }
    found
}

#[tokio::test]
async fn no_password_key_or_token_is_in_the_database() {
    let world = World::new().await;
    let mut users = world.users(&world.admin);
    let create = keyed(CreateUserRequest { user: Some(named("anna", &[])) }, "a");
    let made = users.create_user(create).await.unwrap().into_inner();
    let reset = keyed(ResetPasswordRequest { id: made.id }, "b");
    let reset = users.reset_password(reset).await.unwrap().into_inner().first_password;
    let robot = world.create_user(User { service_account: true, ..named("robot", &[]) }).await;
    let key = ApiKey {
        display_name: "ERP".into(),
        user_id: robot.id,
        permissions: vec!["platform.users.read".into()],
        ..ApiKey::default()
    };
    let create = keyed(CreateApiKeyRequest { api_key: Some(key) }, "c");
    let key = world.api_keys(&world.admin).create_api_key(create).await.unwrap().into_inner().key;
    let tokens = world.sign_in("acme", &world.first.username, PASSWORD).await.unwrap();
    let dump = dump(&world).await;
    let end = |secret: &str| secret[secret.len() - 24..].to_owned();
    for (name, secret) in [
        ("first password of the tenant", world.first.password.expose_secret().to_owned()),
        ("password", PASSWORD.to_owned()),
        ("first password", made.first_password),
        ("reset password", reset),
        ("API key", end(&key)),
        ("access token", end(&tokens.access_token)),
        ("refresh token", end(&tokens.refresh_token)),
    ] {
        assert!(!secret.is_empty() && !dump.contains(&secret), "{name} is in the database");
    }
    // The dump does see what events hold.
    assert!(dump.contains("crm.platform.v1.UserCreated") && dump.contains("robot"));
}
