//! The embedded server: helpers, and the process which the tests kill.

mod crash;
mod database;
mod folder;
mod search;
mod start;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crm_kit_pg::server::{Options, Server};
use sqlx::ConnectOptions;
use tempfile::TempDir;

/// Every account may pass through, as under /var/lib.
pub fn place() -> TempDir {
    tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o711)).tempdir_in("/tmp").unwrap()
}

pub fn options(place: &TempDir, durable: bool) -> Options {
    options_at(&place.path().join("data"), durable)
}

pub fn options_at(data_dir: &Path, durable: bool) -> Options {
    Options { data_dir: data_dir.to_owned(), bin_dir: None, settings: vec![], durable }
}

pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

pub fn kill9(pid: u32) {
    assert!(Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success());
}

pub async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < Duration::from_secs(30), "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The role of a process which is killed: holds a server and commits numbered rows for ever.
#[tokio::test]
#[ignore = "run as a child by the other tests"]
async fn child_writer() {
    let data_dir = PathBuf::from(std::env::var("CHILD_DATA").unwrap());
    let server = match Server::start(options_at(&data_dir, true)).await {
        Ok(server) => server,
        Err(error) => return say(&format!("failed {error}")),
    };
    say(&format!("started {}", server.pid()));
    let mut connection = server.superuser_options().connect().await.unwrap();
    sqlx::raw_sql("CREATE TABLE IF NOT EXISTS n (i int)").execute(&mut connection).await.unwrap();
    let server = Arc::new(server);
    let watched = Arc::clone(&server);
    tokio::spawn(async move { watched.supervise().await });
    for number in 1.. {
        sqlx::query("INSERT INTO n VALUES ($1)").bind(number).execute(&mut connection).await.unwrap();
        say(&format!("row {number}"));
    }
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\n>{line}").unwrap();
    out.flush().unwrap();
}

/// This very test binary, as another process, perhaps as another user or with another PATH.
pub fn child(
    data: &Path,
    prefix: &[&str],
    path: Option<&Path>,
) -> (Child, impl Iterator<Item = String> + use<>) {
    let binary = std::env::current_exe().unwrap();
    let mut words: Vec<_> = prefix.iter().map(Into::into).collect();
    words.push(binary.into_os_string());
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).args(["--exact", "server::child_writer", "--ignored", "--nocapture"]);
    command.env("CHILD_DATA", data).stdout(Stdio::piped()).stderr(Stdio::null());
    if let Some(path) = path {
        command.env("PATH", path);
    }
    let mut process = command.spawn().unwrap();
    let lines = BufReader::new(process.stdout.take().unwrap()).lines();
    (process, lines.map_while(Result::ok).filter_map(|line| line.strip_prefix('>').map(str::to_owned)))
}

/// Kills the child after 300 acknowledged rows; returns the last row number and the server's pid.
pub fn kill_after_300_rows(mut process: Child, mut lines: impl Iterator<Item = String>) -> (i32, u32) {
    let started = lines.next().unwrap();
    let pid = started.strip_prefix("started ").unwrap_or_else(|| panic!("{started}")).parse().unwrap();
    let row = |lines: &mut dyn Iterator<Item = String>| lines.next()?.strip_prefix("row ")?.parse().ok();
    let mut last = 0;
    while last < 300 {
        last = row(&mut lines).unwrap();
    }
    process.kill().unwrap();
    process.wait().unwrap();
    while let Some(number) = row(&mut lines) {
        last = number;
    }
    (last, pid)
}

pub async fn highest(server: &Server) -> i32 {
    let mut connection = server.superuser_options().connect().await.unwrap();
    sqlx::query_scalar("SELECT max(i) FROM n").fetch_one(&mut connection).await.unwrap()
}
