//! What keeps one caller from harming the others.

use std::time::Duration;

use crm_gateway::Settings;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::client::{Under, request};

fn settings() -> Settings {
    Settings { rate_per_second: 0, ..Settings::default() }
}

async fn until_closed(under: &Under, sent: &[u8]) -> String {
    let mut stream = TcpStream::connect(under.address).await.unwrap();
    stream.write_all(sent).await.unwrap();
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await;
    read.expect("the connection stayed open").ok();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_declared_or_not() {
    let under = Under::with(Settings { json_body_limit: 1000, ..settings() }).await;
    let large = format!("{{\"description\": \"{}\"}}", "x".repeat(2000));
    let answer = under.json("POST", "/v1/accounts", &large).await;
    assert_eq!((answer.status.as_u16(), answer.reason().as_str()), (413, "TOO_LARGE"));
    let chunks = futures::stream::iter((0..10).map(|_| Ok::<_, std::io::Error>("x".repeat(300))));
    let asked = http::Request::post("/v1/accounts")
        .header("host", "g")
        .body(axum::body::Body::from_stream(chunks))
        .unwrap();
    assert_eq!(under.call(asked).await.status, 413);
    let line = under.call(request("POST", "/v1/accounts:bulkUpsert", &"x".repeat(5000))).await;
    assert!(line.status == 413 || line.status == 400, "{}", line.text());
}

#[tokio::test]
async fn half_sent_requests_time_out() {
    let short = Duration::from_millis(300);
    let under = Under::with(Settings { header_timeout: short, body_timeout: short, ..settings() }).await;
    assert_eq!(until_closed(&under, b"").await, "");
    assert_eq!(until_closed(&under, b"GE").await, "");
    until_closed(&under, b"GET /v1/accounts/1 HTTP/1.1\r\nhost: g\r\nx-slow: ").await;
    let answer = until_closed(
        &under,
        b"POST /v1/accounts HTTP/1.1\r\nhost: g\r\ncontent-length: 100\r\nconnection: close\r\n\r\n{\"disp",
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("BODY_TIMEOUT"), "{answer}");
}

#[tokio::test]
async fn headers_over_the_limit_are_refused() {
    let under = Under::with(Settings { header_limit: 8 << 10, ..settings() }).await;
    let sent = format!("GET / HTTP/1.1\r\nhost: g\r\nx-large: {}\r\n\r\n", "x".repeat(100_000));
    let mut stream = TcpStream::connect(under.address).await.unwrap();
    let _ = stream.write_all(sent.as_bytes()).await;
    let mut answer = vec![0; 64];
    let count = stream.read(&mut answer).await.unwrap_or(0);
    let answer = String::from_utf8_lossy(&answer[..count]).into_owned();
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test]
async fn callers_that_send_too_much_wait() {
    let under = Under::with(Settings { rate_per_second: 1, rate_burst: 3, ..Settings::default() }).await;
    let send = async |token: &str| {
        let mut asked = request("GET", "/v1/accounts/1", "");
        asked.headers_mut().insert("authorization", token.parse().unwrap());
        under.call(asked).await
    };
    let mut last = send("Bearer a").await;
    for _ in 0..3 {
        last = send("Bearer a").await;
    }
    assert_eq!((last.status.as_u16(), last.reason().as_str()), (429, "RATE_LIMITED"));
    assert_eq!(last.headers["retry-after"], "1");
    let details = last.json()["error"]["details"].clone();
    let exact = details
        .as_array()
        .unwrap()
        .iter()
        .find_map(|detail| detail["retry_delay"].as_str().map(str::to_owned));
    assert!(exact.unwrap().starts_with("0."), "{details}");
    assert_eq!(send("Bearer b").await.status, 200, "another caller has a bucket of its own");
    assert_eq!(under.get("/healthz").await.status, 200, "probes are not counted");
    let mut client =
        crm_proto::crm::customer::v1::account_service_client::AccountServiceClient::new(under.channel());
    let mut code = tonic::Code::Ok;
    for _ in 0..5 {
        code = client
            .get_account(crm_proto::crm::customer::v1::GetAccountRequest::default())
            .await
            .err()
            .map_or(code, |status| status.code());
    }
    assert_eq!(code, tonic::Code::ResourceExhausted, "gRPC counts too");
}

#[tokio::test]
async fn connections_are_capped() {
    let under = Under::with(Settings { max_connections: 1, ..settings() }).await;
    let first = TcpStream::connect(under.address).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(until_closed(&under, b"").await, "");
    drop(first);
    crate::client::eventually(|| true).await;
    for _ in 0..50 {
        let mut stream = TcpStream::connect(under.address).await.unwrap();
        let _ = stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: g\r\nconnection: close\r\n\r\n").await;
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer).await;
        if answer.contains("SERVING") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the slot never came free");
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let short = Duration::from_millis(200);
    let under = Under::with(Settings { idle_timeout: short, keep_alive: short, ..settings() }).await;
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00";
    until_closed(&under, preface).await;
}

#[tokio::test]
async fn cross_origin_calls_need_leave() {
    let under = Under::with(settings()).await;
    let preflight = || {
        let mut asked = request("OPTIONS", "/v1/accounts", "");
        for (name, value) in [
            ("origin", "https://app.example"),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "authorization,content-type"),
        ] {
            asked.headers_mut().insert(name, value.parse().unwrap());
        }
        asked
    };
    let answer = under.call(preflight()).await;
    assert!(!answer.headers.contains_key("access-control-allow-origin"));
    let origins = vec!["https://app.example".to_owned()];
    let under = Under::with(Settings { cors_origins: origins, ..settings() }).await;
    let answer = under.call(preflight()).await;
    assert_eq!(answer.headers["access-control-allow-origin"], "https://app.example");
    assert!(answer.headers["access-control-allow-headers"].to_str().unwrap().contains("authorization"));
}

#[tokio::test]
async fn a_panic_is_one_failed_request() {
    let under = Under::start().await;
    let answer = under.get("/v1/customer/importJobs/1").await;
    assert!(answer.status.is_server_error());
    assert_eq!(answer.json()["error"]["details"].is_array(), json!(true));
    assert_eq!(under.get("/v1/accounts/1").await.status, 200);
}

#[tokio::test]
async fn a_reader_that_takes_nothing_loses_the_connection() {
    let under = Under::with(Settings { stall_timeout: Duration::from_millis(400), ..settings() }).await;
    let mut stream = TcpStream::connect(under.address).await.unwrap();
    let head = b"POST /v1/accounts:bulkUpsert HTTP/1.1\r\nhost: g\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head).await.unwrap();
    let row = format!("{{\"key\":{{\"value\":\"{}\"}}}}\n", "x".repeat(60_000));
    let chunk = format!("{:x}\r\n{row}\r\n", row.len());
    let flood = async { while stream.write_all(chunk.as_bytes()).await.is_ok() {} };
    tokio::time::timeout(Duration::from_secs(20), flood).await.expect("the connection stayed open");
}
