//! One running process of the suite: its binary, what it logged, and signals to it.

use std::{
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, BufReader},
    process::{Child, Command},
    task::JoinHandle,
};
use tokio_util::task::TaskTracker;

/// Longest wait for anything that a process should do by itself.
const PATIENCE: Duration = Duration::from_secs(30);

/// A process that ends with the test.
pub struct Running {
    pub name: String,
    /// `127.0.0.1:port`.
    pub address: String,
    child: Child,
    log: Log,
    /// Read to the end before the process counts as ended, so that the log is whole.
    readers: Vec<JoinHandle<()>>,
}

/// What a process said so far.
type Log = Arc<Mutex<Vec<String>>>;

impl Running {
    /// Starts a binary of the workspace with these variables, and waits until it says where it listens.
    pub async fn start(name: &str, variables: &[(String, String)]) -> Self {
        Self::spawn(name, Command::new(binary(&format!("crm-{name}"))), variables).await
    }

    /// Starts an example of the tests with these arguments.
    pub async fn start_example(name: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(binary(&format!("examples/{name}")));
        command.args(arguments);
        Self::spawn(name, command, &[]).await
    }

    async fn spawn(name: &str, mut command: Command, variables: &[(String, String)]) -> Self {
        // Settings of whoever runs the tests stay out.
        for (variable, _) in std::env::vars().filter(|(variable, _)| variable.starts_with("CRM_")) {
            command.env_remove(variable);
        }
        command.envs(variables.iter().cloned()).current_dir(std::env::temp_dir()).kill_on_drop(true);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let log = Log::default();
        let readers = vec![
            TaskTracker::new().spawn(keep(child.stdout.take().unwrap(), Arc::clone(&log))),
            TaskTracker::new().spawn(keep(child.stderr.take().unwrap(), Arc::clone(&log))),
        ];
        let mut running = Self { name: name.to_owned(), address: String::new(), child, log, readers };
        running.address = running.wait_for_address().await;
        running
    }

    /// The `address` of the line that says `listening`.
    async fn wait_for_address(&mut self) -> String {
        let begin = tokio::time::Instant::now();
        loop {
            let ended = self.child.try_wait().unwrap();
            let found = self.log.lock().unwrap().iter().find_map(|line| address(line));
            match (found, ended) {
                (Some(address), None) => return address,
                (_, Some(status)) => panic!("{} ended with {status}: {}", self.name, self.told()),
                (None, None) => assert!(begin.elapsed() < PATIENCE, "{} is mute: {}", self.name, self.told()),
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// All it said so far.
    pub fn told(&self) -> String {
        self.log.lock().unwrap().join("\n")
    }

    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id().unwrap()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    /// Waits for its end.
    pub async fn ended(&mut self) -> ExitStatus {
        let waited = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        let status = waited.unwrap_or_else(|_| panic!("{} does not end: {}", self.name, self.told()));
        for reader in self.readers.drain(..) {
            reader.await.unwrap();
        }
        status.unwrap()
    }
}

async fn keep(output: impl AsyncRead + Unpin, log: Log) {
    let mut lines = BufReader::new(output).lines();
    while let Some(line) = lines.next_line().await.unwrap() {
        log.lock().unwrap().push(line);
    }
}

fn address(line: &str) -> Option<String> {
    let line: serde_json::Value = serde_json::from_str(line).ok()?;
    let told = line.get("message").is_some_and(|message| message == "listening");
    told.then(|| line.get("address")?.as_str().map(str::to_owned)).flatten()
}

/// A binary of this workspace, as new as its sources.
fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    // target/debug/deps/it-0123 -> target/debug
    let folder = test.parent().and_then(Path::parent).unwrap();
    let path = folder.join(name);
    let remedy = "build it first: make test, or cargo build --workspace --all-targets";
    let built = modified(&path).unwrap_or_else(|| panic!("{} is missing; {remedy}", path.display()));
    // Cargo's own list of what went into the binary: `path: source source ..`, blanks escaped.
    let list = std::fs::read_to_string(folder.join(format!("{name}.d"))).unwrap();
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let ours = list.replace("\\ ", "\0").split_whitespace().skip(1).any(|source| {
        let source = PathBuf::from(source.replace('\0', " "));
        let is_ours = source.starts_with(workspace);
        let newer = is_ours && modified(&source).is_some_and(|changed| changed > built);
        assert!(!newer, "{} is older than {}; {remedy}", path.display(), source.display());
        is_ours
    });
    assert!(ours, "{} was built from another checkout; {remedy}", path.display());
    path
}

fn modified(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).ok()?.modified().ok()
}

/// Waits for a condition.
pub async fn until<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let begin = tokio::time::Instant::now();
    while !condition().await {
        assert!(begin.elapsed() < PATIENCE, "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
