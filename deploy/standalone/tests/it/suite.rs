//! A running `crm up`, and REST calls to it.

use std::{
    fs::Permissions,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;

/// A password that nothing but these tests uses.
pub const PASSWORD: &str = "correct horse 电池 staple";

/// A folder every account may pass through, as under /var/lib: as root the database runs as another.
pub fn place() -> TempDir {
    tempfile::Builder::new().permissions(Permissions::from_mode(0o711)).tempdir_in("/tmp").unwrap()
}

pub fn crm() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crm"));
    for variable in [
        "CRM_DATA",
        "CRM_DATABASE_URL",
        "CRM_LISTEN",
        "CRM_SERVER",
        "CRM_TOKEN",
        "CRM_TENANT",
        "CRM_USER",
        "CRM_PASSWORD",
        "RUST_LOG",
    ] {
        command.env_remove(variable);
    }
    command
}

/// `crm up` on a free port.
pub struct Suite {
    child: Child,
    _output: BufReader<ChildStdout>,
    /// All it printed until it was up.
    pub told: String,
    /// `127.0.0.1:port`.
    pub address: String,
    pub data: PathBuf,
}

impl Suite {
    pub fn start(data: &Path, more: &[&str]) -> Self {
        let mut command = crm();
        command.args(["up", "--listen", "127.0.0.1:0", "--data"]).arg(data).args(more);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut told = String::new();
        let address = loop {
            let before = told.len();
            assert!(output.read_line(&mut told).unwrap() > 0, "ended early: {told}");
            if let Some(base) = told[before..].trim().strip_prefix("crm is up at http://") {
                break base.to_owned();
            }
        };
        Self { child, _output: output, told, address, data: data.to_owned() }
    }

    /// What stands after `label` in what it printed.
    pub fn told(&self, label: &str) -> Option<String> {
        let line = self.told.lines().find_map(|line| line.trim().strip_prefix(label))?;
        Some(line.trim().to_owned())
    }

    /// Signs in with the first password, changes it to [`PASSWORD`], and returns a token.
    pub fn first_sign_in(&self) -> String {
        let [tenant, user, first] =
            ["tenant", "user name", "password"].map(|label| self.told(label).unwrap());
        let (status, tokens) = self.sign_in(&tenant, &user, &first);
        assert_eq!((status, &tokens["password_change_required"]), (200, &json!(true)), "{tokens}");
        let token = text(&tokens["access_token"]);
        let body = json!({"old_password": first, "new_password": PASSWORD});
        let (status, tokens) = self.call("POST", "/v1/users/me:changePassword", &token, &body);
        assert_eq!(status, 200, "{tokens}");
        text(&tokens["access_token"])
    }

    pub fn sign_in(&self, tenant: &str, username: &str, password: &str) -> (u16, Value) {
        let body = json!({"tenant": tenant, "username": username, "password": password});
        self.call("POST", "/v1/sessions", "", &body)
    }

    /// One REST call; the status and the body.
    pub fn call(&self, method: &str, path: &str, token: &str, body: &Value) -> (u16, Value) {
        let answer = self.try_call(method, path, token, body);
        answer.unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    pub fn try_call(
        &self,
        method: &str,
        path: &str,
        token: &str,
        body: &Value,
    ) -> std::io::Result<(u16, Value)> {
        let mut stream = TcpStream::connect(&self.address)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let credential =
            if token.is_empty() { String::new() } else { format!("authorization: Bearer {token}\r\n") };
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-type: application/json\r\n{credential}content-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").ok_or(std::io::ErrorKind::UnexpectedEof)?;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        Ok((status.unwrap(), serde_json::from_str(body).unwrap_or(Value::Null)))
    }

    /// Process id of the database server.
    pub fn postgres(&self) -> u32 {
        let text = std::fs::read_to_string(self.data.join("cluster/postmaster.pid")).unwrap();
        text.lines().next().unwrap().parse().unwrap()
    }

    pub fn signal(&self, signal: &str) {
        kill(signal, self.child.id());
    }

    pub fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for Suite {
    fn drop(&mut self) {
        let _ = self.child.kill(); // most tests end it themselves
        let _ = self.child.wait();
    }
}

pub fn kill(signal: &str, pid: u32) {
    assert!(Command::new("kill").args([signal, &pid.to_string()]).status().unwrap().success());
}

pub fn is_running(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}/exe")).exists()
}

/// Waits for a condition.
pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < Duration::from_secs(30), "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}
