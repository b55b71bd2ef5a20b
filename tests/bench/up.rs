//! `crm up` as a person starts it: time from the start of the process to the first answer, and resident memory without the database.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::load::Report;

/// Starts on a folder that has data; the median counts.
const STARTS: usize = 5;
const START_AIM_MS: u128 = 1000;
const MEMORY_AIM_MIB: u64 = 120;
/// Calls of somebody who is signed in, before memory is read.
const CALLS: usize = 200;
const PASSWORD: &str = "a-password-of-the-benchmark";

/// Starts the `crm` that was built beside this benchmark, some times, and prints what it took.
pub async fn measure(report: &mut Report) {
    println!("crm up, release build");
    let benchmark = std::env::current_exe().unwrap();
    let crm = benchmark.parent().and_then(Path::parent).unwrap().join("crm");
    if !crm.exists() {
        report.figure("start and memory", "crm is not built: run make bench", Some(false));
        return;
    }
    let folder = crate::rig::open_folder();
    let first = Up::start(&crm, folder.path()).await;
    report.figure("first start, empty folder", &format!("{} ms", first.took.as_millis()), None);
    let initial = first.told_password();
    first.change_password(&initial).await;
    first.stop();
    let (mut starts, mut idle, mut busy) = (Vec::new(), 0, 0);
    for _ in 0..STARTS {
        let up = Up::start(&crm, folder.path()).await;
        starts.push(up.took.as_millis());
        idle = idle.max(up.resident_mib());
        up.work().await;
        busy = busy.max(up.resident_mib());
        up.stop();
    }
    starts.sort_unstable();
    let (median, worst) = (starts[STARTS / 2], starts[STARTS - 1]);
    let text = format!("{median} ms, worst of {STARTS} {worst} ms, aim under {START_AIM_MS} ms");
    report.figure("start to the first answer", &text, Some(median < START_AIM_MS));
    let text = format!("{busy} MiB ({idle} MiB before {CALLS} calls), aim under {MEMORY_AIM_MIB} MiB");
    report.figure("resident memory without PostgreSQL", &text, Some(busy < MEMORY_AIM_MIB));
    println!();
}

struct Up {
    child: Child,
    base: String,
    client: Client<HttpConnector, Full<Bytes>>,
    took: Duration,
    told: std::path::PathBuf,
}

impl Up {
    async fn start(crm: &Path, folder: &Path) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        drop(listener);
        let told = folder.join("told");
        let output = std::fs::File::create(&told).unwrap();
        let begin = Instant::now();
        let child = Command::new(crm)
            .args(["up", "--listen", &address, "--data"])
            .arg(folder.join("data"))
            .stdout(output)
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let client = Client::builder(TokioExecutor::new()).build_http();
        let mut up =
            Self { child, base: format!("http://{address}"), client, took: Duration::default(), told };
        while up.call("GET", "/readyz", "", &Value::Null).await.is_none() {
            assert!(up.child.try_wait().unwrap().is_none(), "crm up ended early");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        up.took = begin.elapsed();
        // The first tenant is made after the first answer.
        while !std::fs::read_to_string(&up.told).unwrap().contains("crm is up at") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        up
    }

    fn told_password(&self) -> String {
        let told = std::fs::read_to_string(&self.told).unwrap();
        let line = told.lines().find_map(|line| line.trim().strip_prefix("password")).unwrap();
        line.trim().to_owned()
    }

    async fn sign_in(&self, password: &str) -> String {
        let body = json!({"tenant": "main", "username": "admin", "password": password});
        let tokens = self.call("POST", "/v1/sessions", "", &body).await.unwrap();
        tokens["access_token"].as_str().unwrap().to_owned()
    }

    async fn change_password(&self, first: &str) {
        let token = self.sign_in(first).await;
        let body = json!({"old_password": first, "new_password": PASSWORD});
        self.call("POST", "/v1/users/me:changePassword", &token, &body).await.unwrap();
    }

    /// What a person does at first: signs in, makes records, looks at lists.
    async fn work(&self) {
        let token = self.sign_in(PASSWORD).await;
        for number in 0..CALLS / 2 {
            let body = json!({"display_name": format!("公司 {number}"), "phone": "021 6888 7777"});
            self.call("POST", "/v1/accounts", &token, &body).await.unwrap();
            self.call("GET", "/v1/accounts?page_size=50", &token, &Value::Null).await.unwrap();
        }
    }

    /// The body of a call that succeeded.
    async fn call(&self, method: &str, path: &str, token: &str, body: &Value) -> Option<Value> {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let mut request = http::Request::builder().method(method).uri(format!("{}{path}", self.base));
        request = request.header("content-type", "application/json");
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(Full::new(Bytes::from(text))).unwrap();
        let response = self.client.request(request).await.ok()?;
        let succeeded = response.status() == 200;
        let body = response.into_body().collect().await.ok()?.to_bytes();
        succeeded.then(|| serde_json::from_slice(&body).unwrap())
    }

    fn resident_mib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
    }

    fn stop(mut self) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, Signal::INT).unwrap();
        assert!(self.child.wait().unwrap().success(), "crm up ends in order");
    }
}
