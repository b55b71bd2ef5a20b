//! Roles, databases and the rights in them.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Instant;

use crm_kit_pg::server::{LeakproofState, Server, ServerError, mark_leakproof};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Row};

use super::{is_root, options, place};

#[tokio::test]
async fn roles_are_plain_and_the_files_are_private() {
    let place = place();
    let server = Server::start(options(&place, false)).await.unwrap();
    let report = server.ensure_database("sales", "sales_owner", "sales_service").await.unwrap();
    assert!(report.iter().all(|mark| mark.state == LeakproofState::Marked), "{report:?}");
    let url = server.url("sales", "sales_service", &server.password("sales_service").unwrap());
    let mut service = PgConnectOptions::from_str(&url).unwrap().connect().await.unwrap();
    let row = sqlx::query(
        "SELECT rolsuper OR rolbypassrls AS mighty, has_database_privilege('postgres', 'CONNECT') AS roams,
            has_schema_privilege('public', 'CREATE') AS creates, has_schema_privilege('public', 'USAGE') AS uses
         FROM pg_roles WHERE rolname = current_user",
    )
    .fetch_one(&mut service)
    .await
    .unwrap();
    let rights: Vec<bool> = (0..4).map(|i| row.get(i)).collect();
    assert_eq!(rights, [false, true, false, true]);
    // Marking again is quiet; the service's role may look but not mark.
    let again = mark_leakproof(&mut service).await.unwrap();
    assert!(again.iter().all(|mark| mark.state == LeakproofState::Already));
    let mut bare = server.options("postgres", "sales_service").unwrap().connect().await.unwrap();
    let states: Vec<_> =
        mark_leakproof(&mut bare).await.unwrap().into_iter().map(|mark| mark.state).collect();
    assert_eq!(states.iter().filter(|s| **s == LeakproofState::NotPermitted).count(), 5, "{states:?}");
    assert_eq!(states[2], LeakproofState::Missing);
    // No password, or a wrong one: no entry, also for the superuser on the socket.
    for options in [server.superuser_options().password(""), server.superuser_options().password("guess")] {
        assert!(options.connect().await.is_err());
    }
    let data = place.path().join("data");
    let mode = |name: &str| fs::metadata(data.join(name)).unwrap().mode() & 0o777;
    assert_eq!((mode("credentials"), mode("cluster"), mode("run")), (0o600, 0o700, 0o700));
    assert_eq!(mode(""), if is_root() { 0o710 } else { 0o700 });
    assert!(!data.join("password.new").exists());
    // Names that could break out of a statement, and an owner that would pass its own policies.
    for (database, owner, role) in
        [("a\"b", "o", "s"), ("x", "same", "same"), ("x", "postgres", "s"), ("pg_x", "o", "s")]
    {
        assert!(matches!(server.ensure_database(database, owner, role).await, Err(ServerError::Setting(_))));
    }
}

#[tokio::test]
async fn six_databases_set_up_at_once_do_not_get_in_each_others_way() {
    let place = place();
    let server = Arc::new(Server::start(options(&place, false)).await.unwrap());
    let begin = Instant::now();
    let tasks: Vec<_> = ["platform", "customer", "sales", "marketing", "service", "analytics"]
        .map(|name| {
            let server = Arc::clone(&server);
            let (owner, role) = (format!("{name}_owner"), "shared_service");
            tokio::spawn(async move { server.ensure_database(name, &owner, role).await })
        })
        .into();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    println!("six databases: {:?}", begin.elapsed());
}
