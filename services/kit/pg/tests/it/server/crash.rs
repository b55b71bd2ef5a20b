//! `kill -9` of the server and of its parent: nothing that was answered is lost.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::Arc;
use std::time::Instant;

use crm_kit_pg::server::Server;
use sqlx::ConnectOptions;
use sqlx::postgres::PgPoolOptions;

use super::{child, highest, kill_after_300_rows, kill9, options, place, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_comes_back_under_supervision_with_every_answered_commit() {
    let place = place();
    let server = Arc::new(Server::start(options(&place, true)).await.unwrap());
    let watched = Arc::clone(&server);
    let supervisor = tokio::spawn(async move { watched.supervise().await });
    let pool =
        PgPoolOptions::new().max_connections(4).connect_with(server.superuser_options()).await.unwrap();
    sqlx::raw_sql("CREATE TABLE n (i int)").execute(&pool).await.unwrap();
    // A backend busy at the moment of death must not hold up the new server.
    let busy = pool.clone();
    tokio::spawn(async move {
        sqlx::raw_sql("SELECT count(*) FROM generate_series(1, 1e10)").execute(&busy).await
    });
    let mut answered = vec![];
    for round in 0..3 {
        for number in 0..100 {
            let number = round * 1000 + number;
            sqlx::query("INSERT INTO n VALUES ($1)").bind(number).execute(&pool).await.unwrap();
            answered.push(number);
        }
        let (old, begin) = (server.pid(), Instant::now());
        kill9(old);
        server.exited().await;
        until("a new server", || server.pid() != old).await;
        let back = begin.elapsed();
        let mut first_error = None;
        while let Err(error) = sqlx::raw_sql("SELECT 1").execute(&pool).await {
            first_error.get_or_insert(error.to_string());
        }
        println!(
            "kill -9 of the server: back after {back:?}, pool after {:?} ({first_error:?})",
            begin.elapsed()
        );
    }
    let stored: Vec<i32> = sqlx::query_scalar("SELECT i FROM n ORDER BY i").fetch_all(&pool).await.unwrap();
    assert_eq!(stored, answered);
    server.stop().await.unwrap();
    supervisor.await.unwrap().unwrap();
}

#[tokio::test]
async fn supervision_gives_up_with_the_log_when_the_server_cannot_come_back() {
    let place = place();
    let server = Arc::new(Server::start(options(&place, false)).await.unwrap());
    let watched = Arc::clone(&server);
    let supervisor = tokio::spawn(async move { watched.supervise().await });
    let file = place.path().join("data/cluster/postgresql.conf");
    let old = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{old}\nno_such_setting = 1\n")).unwrap();
    kill9(server.pid());
    let message = supervisor.await.unwrap().unwrap_err().to_string();
    assert!(message.contains("no_such_setting"), "{message}");
    // The trouble mended, the same server can be started again.
    fs::write(&file, old).unwrap();
    server.restart().await.unwrap();
    server.health().await.unwrap();
}

#[tokio::test]
async fn a_killed_parent_takes_the_server_along_and_loses_nothing() {
    let place = place();
    let data = place.path().join("data");
    for round in 0..2 {
        let (process, lines) = child(&data, &["env"], None);
        let (last, pid) = kill_after_300_rows(process, lines);
        let begin = Instant::now();
        until("the server ends", || fs::read_link(format!("/proc/{pid}/exe")).is_err()).await;
        let ended = begin.elapsed();
        let begin = Instant::now();
        let server = Server::start(options(&place, true)).await.unwrap();
        println!("kill -9 of the parent: server ended after {ended:?}, next start {:?}", begin.elapsed());
        assert!(highest(&server).await >= last, "round {round}");
        sqlx::raw_sql("TRUNCATE n")
            .execute(&mut server.superuser_options().connect().await.unwrap())
            .await
            .unwrap();
        server.stop().await.unwrap();
    }
    // And with no pause: the next start meets the old server on its way out.
    let (process, lines) = child(&data, &["env"], None);
    let (last, _) = kill_after_300_rows(process, lines);
    let begin = Instant::now();
    let server = Server::start(options(&place, true)).await.unwrap();
    println!("start right after the kill: {:?}", begin.elapsed());
    assert!(highest(&server).await >= last);
}

#[tokio::test]
async fn without_setpriv_a_guard_process_does_the_same() {
    let place = place();
    let tools = place.path().join("tools");
    fs::create_dir(&tools).unwrap();
    fs::set_permissions(&tools, fs::Permissions::from_mode(0o755)).unwrap();
    for tool in ["test", "env", "sh"] {
        symlink(format!("/usr/bin/{tool}"), tools.join(tool)).unwrap();
    }
    let (process, lines) = child(&place.path().join("data"), &["/usr/bin/env"], Some(&tools));
    let (last, pid) = kill_after_300_rows(process, lines);
    until("the server ends", || fs::read_link(format!("/proc/{pid}/exe")).is_err()).await;
    let server = Server::start(options(&place, true)).await.unwrap();
    assert!(highest(&server).await >= last);
}
