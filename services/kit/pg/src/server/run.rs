//! One run of the postmaster: launch, readiness, end, and what an earlier run may have left behind.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, sleep, timeout};

use super::error::ServerError;
use super::init::Prepared;
use super::settings::arguments;

/// Long, because recovery after a crash under load comes before readiness.
const READY_TIMEOUT: Duration = Duration::from_mins(2);
/// A fast shutdown writes a checkpoint.
const FAST_STOP: Duration = Duration::from_mins(1);
const HARD_STOP: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(3);
const LOG_FILES_KEPT: usize = 5;

/// A running (or just ended) postmaster. Dropping it asks for a fast shutdown and does not wait.
#[derive(Debug)]
pub(super) struct Postmaster {
    pub pid: u32,
    exit: watch::Receiver<Option<ExitStatus>>,
}

impl Postmaster {
    /// Ends what an earlier run left, starts the server and waits until it accepts connections.
    pub async fn launch(prepared: &Prepared) -> Result<Self, ServerError> {
        clear(&prepared.cluster()).await?;
        prune_logs(&prepared.folder);
        let give_up = Instant::now() + HARD_STOP;
        loop {
            match Self::attempt(prepared).await {
                // A killed server's last child may still hold its memory for a moment.
                Err(ServerError::NotReady { log, .. })
                    if log.contains("shared memory block") && Instant::now() < give_up =>
                {
                    sleep(POLL * 30).await;
                }
                result => return result,
            }
        }
    }

    async fn attempt(prepared: &Prepared) -> Result<Self, ServerError> {
        let postmaster = Self::spawn(prepared).await?;
        match timeout(READY_TIMEOUT, postmaster.ready(&prepared.cluster())).await {
            Ok(Ok(())) => Ok(postmaster),
            Ok(Err(status)) => Err(not_ready(prepared, format!("ended while starting ({status})"))),
            Err(_) => {
                postmaster.end(Signal::QUIT).await;
                Err(not_ready(prepared, format!("was not ready after {} s", READY_TIMEOUT.as_secs())))
            }
        }
    }

    /// Resolves when the process has ended, for whatever reason.
    pub async fn exited(&self) -> ExitStatus {
        let mut exit = self.exit.clone();
        exit.wait_for(Option::is_some).await.ok().and_then(|status| *status).unwrap_or_default()
    }

    pub fn is_running(&self) -> bool {
        self.exit.borrow().is_none()
    }

    /// Fast shutdown; immediate shutdown if that takes too long. False if even that did not end it.
    pub async fn stop(&self) -> bool {
        self.signal(Signal::INT);
        timeout(FAST_STOP, self.exited()).await.is_ok() || self.end(Signal::QUIT).await
    }

    async fn end(&self, signal: Signal) -> bool {
        self.signal(signal);
        timeout(HARD_STOP, self.exited()).await.is_ok()
    }

    fn signal(&self, signal: Signal) {
        if self.is_running() {
            send(self.pid, signal);
        }
    }

    async fn spawn(prepared: &Prepared) -> Result<Self, ServerError> {
        let program = prepared.binaries.folder.join("postgres");
        let log = prepared.folder.join("start.log");
        let output = File::options().write(true).create(true).truncate(true).mode(0o600).open(&log);
        let output = output.map_err(ServerError::io("write", &log))?;
        let errors = output.try_clone().map_err(ServerError::io("write", &log))?;
        // SIGINT on our death: a fast shutdown, so that the next start needs no recovery.
        let mut command = prepared.account.command(prepared.setpriv.as_deref(), "INT", &program);
        command.arg("-D").arg(prepared.cluster()).args(arguments(prepared)).stdout(output).stderr(errors);
        let guard = prepared.setpriv.is_none().then(|| guard_command(prepared));
        keep(command, guard).await.map_err(ServerError::io("run", &program))
    }

    /// Line 8 of `postmaster.pid` says `ready` and line 1 is our child; an error if the child ends first.
    async fn ready(&self, cluster: &Path) -> Result<(), ExitStatus> {
        loop {
            if let Some(status) = *self.exit.borrow() {
                return Err(status);
            }
            let text = fs::read_to_string(cluster.join("postmaster.pid")).unwrap_or_default();
            let mut lines = text.lines().map(str::trim);
            if lines.next() == Some(&self.pid.to_string()) && lines.nth(6) == Some("ready") {
                return Ok(());
            }
            sleep(POLL).await;
        }
    }
}

impl Drop for Postmaster {
    fn drop(&mut self) {
        self.signal(Signal::INT);
    }
}

/// Starts the process from a thread which lives until the process ends: the parent-death signal fires when
/// the spawning *thread* ends, and the async threads come and go.
async fn keep(mut command: Command, guard: Option<Command>) -> io::Result<Postmaster> {
    let (started, start) = oneshot::channel();
    let (ended, exit) = watch::channel(None);
    thread::Builder::new().name("postmaster".to_owned()).spawn(move || match command.spawn() {
        Err(error) => drop(started.send(Err(error))),
        Ok(mut child) => {
            let guard = guard.and_then(|guard| watch_over(guard, child.id()));
            // The receiver is gone if the launch was cancelled: then the server must not stay.
            if started.send(Ok(child.id())).is_err() {
                send(child.id(), Signal::INT);
            }
            let status = child.wait().unwrap_or_default();
            ended.send_replace(Some(status));
            if let Some(mut guard) = guard {
                let _ = guard.kill().and_then(|()| guard.wait()); // it holds nothing
            }
        }
    })?;
    let pid = start.await.map_err(io::Error::other)??;
    Ok(Postmaster { pid, exit })
}

/// Where `setpriv` is missing (macOS, BusyBox): a shell that waits for the end of a pipe only we hold open.
fn guard_command(prepared: &Prepared) -> Command {
    let mut guard = prepared.account.command(None, "", Path::new("/bin/sh"));
    guard.args(["-c", "read -r line; kill -INT \"$1\"", "sh"]);
    guard.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    guard
}

fn watch_over(mut guard: Command, pid: u32) -> Option<Child> {
    let spawned = guard.arg(pid.to_string()).spawn();
    spawned.inspect_err(|error| tracing::warn!(%error, "the database server would outlive a kill -9")).ok()
}

fn send(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal); // already gone is as good
    }
}

/// Ends servers and orphaned backends of an earlier run; we hold the lock, so nobody else wants them. Then
/// removes the stale pid file: its pid may by now belong to a stranger, for whom PostgreSQL would refuse.
async fn clear(cluster: &Path) -> Result<(), ServerError> {
    let pid_file = cluster.join("postmaster.pid");
    let Ok(text) = fs::read_to_string(&pid_file) else { return Ok(()) };
    let main: Option<u32> = text.lines().next().and_then(|line| line.trim().parse().ok());
    let at_work = processes(cluster, main);
    if let Some(main) = main.filter(|main| at_work.contains(main)) {
        tracing::info!(pid = main, "an earlier database server is still running; stopping it");
        send(main, Signal::INT);
        gone(cluster, Some(main), FAST_STOP).await;
    }
    for signal in [Signal::QUIT, Signal::KILL] {
        for pid in processes(cluster, main) {
            send(pid, signal);
        }
        if gone(cluster, main, HARD_STOP).await {
            let _ = fs::remove_file(&pid_file); // PostgreSQL removes it itself when it ends in order
            return Ok(());
        }
    }
    let problem = format!("processes of an earlier run do not end: {:?}", processes(cluster, main));
    Err(ServerError::folder(cluster, problem))
}

async fn gone(cluster: &Path, main: Option<u32>, limit: Duration) -> bool {
    let deadline = Instant::now() + limit;
    while !processes(cluster, main).is_empty() {
        if Instant::now() > deadline {
            return false;
        }
        sleep(POLL * 5).await;
    }
    true
}

/// Every PostgreSQL process whose working folder is the cluster: the postmaster and its children. Without
/// `/proc`, only the process named in the pid file, if `ps` confirms what it is.
fn processes(cluster: &Path, main: Option<u32>) -> Vec<u32> {
    let link = |pid: u32, name: &str| fs::read_link(format!("/proc/{pid}/{name}")).ok();
    if link(std::process::id(), "exe").is_some() {
        let numbers = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = numbers.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let program =
            |path: PathBuf| path.file_name().is_some_and(|n| n.as_encoded_bytes().starts_with(b"postgres"));
        return pids
            .filter(|pid| link(*pid, "cwd").is_some_and(|cwd| cwd == cluster))
            .filter(|pid| link(*pid, "exe").is_some_and(program))
            .collect();
    }
    let confirmed = |pid: &u32| {
        let output = Command::new("ps").args(["-o", "command=", "-p", &pid.to_string()]).output();
        output.is_ok_and(|o| String::from_utf8_lossy(&o.stdout).contains(&*cluster.to_string_lossy()))
    };
    main.into_iter().filter(confirmed).collect()
}

pub(super) fn not_ready(prepared: &Prepared, problem: String) -> ServerError {
    let mut text = fs::read_to_string(prepared.folder.join("start.log")).unwrap_or_default();
    if let Some(newest) = log_files(&prepared.folder).pop() {
        text.push_str(&fs::read_to_string(newest).unwrap_or_default());
    }
    let lines: Vec<&str> = text.lines().collect();
    ServerError::NotReady { problem, log: lines[lines.len().saturating_sub(15)..].join("\n") }
}

/// The server starts a new log file at every start and every 10 MB; the oldest go.
pub(super) fn prune_logs(folder: &Path) {
    let files = log_files(folder);
    for path in &files[..files.len().saturating_sub(LOG_FILES_KEPT)] {
        let _ = fs::remove_file(path); // the next start tries again
    }
}

/// Oldest first: the names hold the time.
fn log_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.join("log")).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> =
        entries.filter(|e| e.file_type().is_ok_and(|t| t.is_file())).map(|e| e.path()).collect();
    files.sort();
    files
}
