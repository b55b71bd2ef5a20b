//! First and later starts, and who may start.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crm_kit_pg::server::Server;
use sqlx::ConnectOptions;

use super::{child, highest, is_root, kill_after_300_rows, options, options_at, place, until};

#[tokio::test]
async fn a_first_start_initialises_and_later_starts_are_fast_and_keep_everything() {
    let place = place();
    for durable in [true, false] {
        let options = options_at(&place.path().join(format!("durable-{durable}")), durable);
        let begin = Instant::now();
        let server = Server::start(options.clone()).await.unwrap();
        let first = begin.elapsed();
        let begin = Instant::now();
        server.ensure_database("customer", "customer_owner", "customer_service").await.unwrap();
        let set_up = begin.elapsed();
        let password = server.password("customer_service").unwrap();
        server.health().await.unwrap();
        let begin = Instant::now();
        server.stop().await.unwrap();
        let stop = begin.elapsed();
        assert!(server.health().await.is_err());
        drop(server);
        let begin = Instant::now();
        let server = Server::start(options.clone()).await.unwrap();
        let later = begin.elapsed();
        let begin = Instant::now();
        server.ensure_database("customer", "customer_owner", "customer_service").await.unwrap();
        let again = begin.elapsed();
        println!(
            "durable {durable}: first start {first:?}, set-up {set_up:?}, stop {stop:?}, later start {later:?}, set-up again {again:?}"
        );
        assert_eq!(server.password("customer_service").unwrap(), password);
        let mut connection = server.options("customer", "customer_service").unwrap().connect().await.unwrap();
        let compression: String =
            sqlx::query_scalar("SHOW wal_compression").fetch_one(&mut connection).await.unwrap();
        println!("full pages of the log are compressed by {compression}");
        assert!(["lz4", "pglz"].contains(&compression.as_str()), "{compression}");
        let begin = Instant::now();
        server.restart().await.unwrap();
        println!("restart {:?}", begin.elapsed());
        server.health().await.unwrap();
        assert!(later < Duration::from_secs(2), "{later:?}");
    }
}

#[tokio::test]
async fn two_starters_at_once_one_wins_and_the_other_is_told_whom() {
    let place = place();
    let (one, two) =
        tokio::join!(Server::start(options(&place, false)), Server::start(options(&place, false)));
    let (winner, loser) = if one.is_ok() { (one, two) } else { (two, one) };
    let message = loser.unwrap_err().to_string();
    assert!(message.contains(&format!("already running on {}", place.path().display())), "{message}");
    assert!(message.ends_with(&format!("pid {}", std::process::id())), "{message}");
    let data = place.path().join("data");
    let (mut process, mut lines) = child(&data, &["env"], None);
    let line = lines.next().unwrap();
    assert!(line.contains("already running"), "{line}");
    process.wait().unwrap();
    winner.unwrap().health().await.unwrap();
}

#[tokio::test]
async fn an_interrupted_first_start_is_done_again() {
    let place = place();
    let data = place.path().join("data");
    for pause in [0, 60, 200, 350] {
        let (mut process, _lines) = child(&data, &["env"], None);
        let fresh = || {
            let entries = fs::read_dir(&data).into_iter().flatten().flatten();
            entries.map(|e| e.path()).find(|p| p.to_string_lossy().contains("cluster.new-"))
        };
        until("initdb begins", || fresh().is_some() || data.join("cluster").exists()).await;
        tokio::time::sleep(Duration::from_millis(pause)).await;
        let interrupted = fresh().is_some();
        process.kill().unwrap();
        process.wait().unwrap();
        println!("killed {pause} ms into initdb, interrupted {interrupted}");
    }
    let server = Server::start(options(&place, false)).await.unwrap();
    server.health().await.unwrap();
    let left =
        fs::read_dir(&data).unwrap().flatten().filter(|e| e.file_name().to_string_lossy().contains("new"));
    assert_eq!(left.count(), 0);
}

/// A child between fork and exec holds a copy of every open file, the lock's included.
#[tokio::test]
async fn the_lock_is_free_after_a_stop_even_while_other_threads_start_programs() {
    let place = place();
    Server::start(options(&place, false)).await.unwrap().stop().await.unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let forks = Arc::clone(&done);
    let forker = std::thread::spawn(move || {
        while !forks.load(Ordering::Relaxed) {
            Command::new("true").current_dir("/").uid(rustix::process::geteuid().as_raw()).status().unwrap();
        }
    });
    for _ in 0..25 {
        let server = Server::start(options(&place, false)).await.unwrap();
        server.stop().await.unwrap();
    }
    done.store(true, Ordering::Relaxed);
    forker.join().unwrap();
}

#[tokio::test]
async fn a_stale_pid_file_that_names_a_living_stranger_does_not_stop_the_start() {
    let place = place();
    let server = Server::start(options(&place, false)).await.unwrap();
    let path = place.path().join("data/cluster/postmaster.pid");
    let text = fs::read_to_string(&path).unwrap();
    let owner = fs::metadata(&path).unwrap().uid();
    server.stop().await.unwrap();
    drop(server);
    let mut stranger = Command::new("setpriv");
    if is_root() {
        stranger.args([format!("--reuid={owner}").as_str(), "--clear-groups"]);
    }
    stranger.args(["sleep", "60"]);
    let mut stranger = stranger.spawn().unwrap();
    let (_, rest) = text.split_once('\n').unwrap();
    fs::write(&path, format!("{}\n{rest}", stranger.id())).unwrap();
    let server = Server::start(options(&place, false)).await.unwrap();
    server.health().await.unwrap();
    assert!(stranger.try_wait().unwrap().is_none(), "the stranger was left alone");
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}

#[tokio::test]
async fn an_ordinary_user_runs_the_server_as_itself() {
    if !is_root() {
        return;
    }
    let place = place();
    let home = place.path().join("home");
    fs::create_dir(&home).unwrap();
    std::os::unix::fs::chown(&home, Some(65534), Some(65534)).unwrap();
    let as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    let (process, lines) = child(&home.join("data"), &as_nobody, None);
    let (_, pid) = kill_after_300_rows(process, lines);
    until("the server ends", || fs::read_link(format!("/proc/{pid}/exe")).is_err()).await;
    assert_eq!(fs::metadata(home.join("data/cluster")).unwrap().uid(), 65534);
    assert_eq!(fs::metadata(home.join("data")).unwrap().mode() & 0o777, 0o700);
    // Root takes it up as the account that owns the data; the ordinary user is then told, not harmed.
    let server = Server::start(options_at(&home.join("data"), true)).await.unwrap();
    assert!(highest(&server).await >= 300);
    server.stop().await.unwrap();
    drop(server);
    let (mut process, mut lines) = child(&home.join("data"), &as_nobody, None);
    let line = lines.next().unwrap();
    assert!(line.starts_with("failed cannot"), "{line}");
    println!("after root: {line}");
    process.kill().unwrap();
    process.wait().unwrap();
}
