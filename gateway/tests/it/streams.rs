//! Streams: NDJSON and server-sent events out, NDJSON and files in.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures::StreamExt as _;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio_stream::wrappers::ReceiverStream;

use crate::client::{Under, request};

async fn next_text(body: &mut Incoming) -> String {
    let frame = tokio::time::timeout(Duration::from_secs(10), body.frame()).await.unwrap().unwrap().unwrap();
    String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap()
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn a_server_stream_is_ndjson_with_typed_payloads() {
    let under = Under::start().await;
    let answer = under.get("/v1/events/customer?max_events=3&start_from=START_FROM_EARLIEST").await;
    assert_eq!(answer.headers["content-type"], "application/x-ndjson");
    let lines = lines(answer.text());
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0]["cursor"], "c0:2:");
    let event = &lines[0]["events"][0];
    assert_eq!(event["payload"]["@type"], "type.googleapis.com/crm.customer.v1.AccountCreated");
    assert_eq!(event["payload"]["account"]["display_name"], "客户");
    assert_eq!(event["changed_fields"], "display_name,custom.a_1");
    let future = &lines[0]["events"][1]["payload"];
    assert_eq!(*future, json!({"@type": "type.googleapis.com/crm.future.v9.Thing", "value": "AQI="}));
}

#[tokio::test]
async fn an_error_within_a_stream_is_its_last_line() {
    let under = Under::start().await;
    let answer = under.get("/v1/events/customer?collections=broken").await;
    let lines = lines(answer.text());
    assert_eq!((answer.status.as_u16(), lines.len()), (200, 4));
    assert_eq!(lines[3]["error"]["status"], "NOT_FOUND");
    assert_eq!(lines[3]["error"]["details"][0]["reason"], "NOT_FOUND");
    let answer = under.get("/v1/events/customer?collections=refused").await;
    assert_eq!(
        (answer.status.as_u16(), answer.json()["error"]["status"].clone()),
        (400, json!("FAILED_PRECONDITION"))
    );
}

#[tokio::test]
async fn server_sent_events_carry_the_cursor_and_go_on_after_it() {
    let under = Under::start().await;
    let mut asked = request("GET", "/v1/events/customer?max_events=3", "");
    asked.headers_mut().insert("accept", "text/event-stream".parse().unwrap());
    asked.headers_mut().insert("last-event-id", "c7".parse().unwrap());
    let answer = under.call(asked).await;
    assert_eq!(answer.headers["content-type"], "text/event-stream");
    let events: Vec<_> = answer.text().split("\n\n").collect();
    assert!(events[0].starts_with("id: c0:3:c7\ndata: {\"events\":["), "{}", events[0]);
    assert_eq!(events[3], "event: end\ndata: {}");
    let mut asked = request("GET", "/v1/events/customer?collections=broken", "");
    asked.headers_mut().insert("accept", "text/event-stream".parse().unwrap());
    let answer = under.call(asked).await;
    assert!(answer.text().contains("\n\nevent: error\ndata: {\"error\":{\"code\":404"), "{}", answer.text());
}

#[tokio::test]
async fn a_quiet_event_stream_is_kept_alive_and_ends_with_its_reader() {
    let settings = crm_gateway::Settings {
        sse_keep_alive: Duration::from_millis(50),
        rate_per_second: 0,
        ..crm_gateway::Settings::default()
    };
    let under = Under::with(settings).await;
    let mut asked = request("GET", "/v1/events/customer", "");
    asked.headers_mut().insert("accept", "text/event-stream".parse().unwrap());
    let mut body = under.send(asked).await.into_body();
    let mut text = String::new();
    while !text.contains(": keep-alive\n\n") {
        text.push_str(&next_text(&mut body).await);
    }
    assert_eq!(text.matches("data: ").count(), 3);
    drop(body);
    tokio::time::timeout(Duration::from_secs(5), under.fake.cancelled.notified()).await.unwrap();
}

#[tokio::test]
async fn a_stream_has_the_deadline_it_asks_for() {
    let under = Under::start().await;
    let mut asked = request("GET", "/v1/events/customer", "");
    asked.headers_mut().insert("x-timeout", "200ms".parse().unwrap());
    let answer = under.call(asked).await;
    assert_eq!(lines(answer.text()).last().unwrap()["error"]["status"], "DEADLINE_EXCEEDED");
}

#[tokio::test]
async fn rows_stream_in_and_results_stream_out_at_the_same_time() {
    let under = Under::start().await;
    let (sender, receiver) = tokio::sync::mpsc::channel::<Result<Bytes, std::io::Error>>(1);
    let body = Body::from_stream(ReceiverStream::new(receiver));
    let asked = http::Request::post("/v1/accounts:bulkUpsert")
        .header("host", "gateway")
        .header("content-type", "application/x-ndjson")
        .body(body)
        .unwrap();
    sender.send(Ok("{\"key\":{\"system\":\"s\",\"value\":\"a\"}}\n{\"key\":".into())).await.unwrap();
    let mut answers = under.send(asked).await.into_body();
    assert_eq!(lines(&next_text(&mut answers).await)[0]["results"][0]["id"], "a");
    sender.send(Ok("{\"system\":\"s\",\"value\":\"b\"}}\n\n".into())).await.unwrap();
    let second = lines(&next_text(&mut answers).await);
    assert_eq!(second[0]["results"][0], json!({"index": "1", "id": "b", "outcome": "OUTCOME_CREATED"}));
    sender.send(Ok("{\"key\":{\"value\":\"c\"}}".into())).await.unwrap();
    drop(sender);
    assert_eq!(
        lines(&next_text(&mut answers).await)[0]["results"][0]["id"],
        "c",
        "the last line needs no end"
    );
    assert!(answers.frame().await.is_none());
}

#[tokio::test]
async fn a_bad_row_ends_the_stream_after_the_answers_of_the_good_ones() {
    let under = Under::start().await;
    let rows = "{\"key\":{\"value\":\"a\"}}\n{\"key\":{\"value\":\"b\"}}\n{\"keys\":1}\n";
    let answer = under.call(request("POST", "/v1/accounts:bulkUpsert", rows)).await;
    let lines = lines(answer.text());
    assert_eq!((answer.status.as_u16(), lines.len()), (200, 3), "{}", answer.text());
    assert_eq!(lines[1]["results"][0]["id"], "b");
    assert!(lines[2]["error"]["message"].as_str().unwrap().contains("keys"));
    let answer = under.call(request("POST", "/v1/accounts:bulkUpsert", "{\"keys\":1}\n")).await;
    assert_eq!(
        (answer.status.as_u16(), answer.violation().as_str()),
        (400, "keys"),
        "nothing was streamed yet"
    );
    let answer = under.call(request("POST", "/v1/accounts:bulkUpsert", "")).await;
    assert_eq!((answer.status.as_u16(), answer.text()), (200, ""));
}

#[tokio::test]
async fn each_line_of_a_stream_belongs_to_the_path() {
    let under = Under::start().await;
    let rows = "{\"credit\":1}\n{\"service\":\"customer\",\"credit\":2}\n{\"service\":\"sales\"}\n";
    let answer = under.call(request("POST", "/v1/events/customer:subscribe", rows)).await;
    let lines = lines(answer.text());
    assert_eq!(lines[0]["cursor"], "customer");
    assert_eq!(lines[1]["credit_left"], 2);
    assert_eq!(lines[2]["error"]["status"], "INVALID_ARGUMENT");
}

#[tokio::test]
async fn an_upload_streams_in_pieces_of_limited_size() {
    let under = Under::start().await;
    let chunks = (0..40).map(|_| Ok::<_, std::io::Error>(Bytes::from(vec![7; 1 << 20])));
    let asked = http::Request::post("/v1/customer/importJobs/job-1:upload")
        .header("host", "gateway")
        .header("content-type", "text/csv")
        .body(Body::from_stream(futures::stream::iter(chunks)))
        .unwrap();
    let answer = under.call(asked).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let job = answer.json();
    assert_eq!((job["id"].clone(), job["display_name"].clone()), (json!("job-1"), json!("text/csv")));
    assert_eq!(job["progress"]["uploaded_bytes"], (40 << 20).to_string());
    let empty = under.call(request("POST", "/v1/customer/importJobs/job-2:upload", "")).await;
    assert_eq!(empty.json()["id"], "job-2", "{}", empty.text());
}

#[tokio::test]
async fn an_upload_cut_short_never_looks_whole() {
    let under = Under::start().await;
    let (sender, receiver) = tokio::sync::mpsc::channel::<Result<Bytes, std::io::Error>>(1);
    let asked = http::Request::post("/v1/customer/importJobs/job-1:upload")
        .header("host", "gateway")
        .body(Body::from_stream(ReceiverStream::new(receiver)))
        .unwrap();
    let call = async {
        let stream = tokio::net::TcpStream::connect(under.address).await.unwrap();
        let (mut client, connection) =
            hyper::client::conn::http1::handshake(hyper_util::rt::TokioIo::new(stream)).await.unwrap();
        let _ = tokio::join!(client.send_request(asked), connection);
    };
    let feed = async {
        sender.send(Ok(Bytes::from(vec![1; 100_000]))).await.unwrap();
        crate::client::eventually(|| !under.fake.seen.lock().unwrap().is_empty()).await;
        let _ = sender.send(Err(std::io::Error::other("unplugged"))).await;
    };
    tokio::join!(call, feed);
    tokio::time::timeout(Duration::from_secs(5), under.fake.cancelled.notified()).await.unwrap();
}

#[tokio::test]
async fn a_download_is_the_file_itself_and_breaks_visibly() {
    let under = Under::start().await;
    let answer = under.get("/v1/customer/importJobs/1/errors:download").await;
    assert_eq!(answer.headers["content-type"], "text/csv; charset=utf-8");
    assert_eq!(answer.headers["content-disposition"], "attachment");
    assert_eq!(answer.text(), "line,error\n1,坏\n");
    match under.try_send(request("GET", "/v1/customer/importJobs/broken/errors:download", "")).await {
        Ok(answer) => assert!(answer.into_body().collect().await.is_err()),
        Err(error) => assert!(error.is_incomplete_message(), "{error}"),
    }
}

#[tokio::test]
async fn a_watch_ends_by_itself() {
    let under = Under::start().await;
    let answer = under.get("/v1/customer/importJobs/1:watch").await;
    let states: Vec<_> =
        lines(answer.text()).iter().map(|line| line["import_job"]["state"].clone()).collect();
    assert_eq!(states, ["STATE_UPLOADING", "STATE_VALIDATING", "STATE_READY"]);
}

#[tokio::test]
async fn a_slow_reader_slows_the_stream_down() {
    let under = Under::start().await;
    let filler = "x".repeat(4096);
    let rows = futures::stream::iter((0..20_000u32).map(move |_| {
        Ok::<_, std::io::Error>(Bytes::from(format!("{{\"key\":{{\"value\":\"{filler}\"}}}}\n")))
    }));
    let sent = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
    let counter = std::sync::Arc::clone(&sent);
    let rows = rows.inspect(move |_| {
        counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    });
    let asked = http::Request::post("/v1/accounts:bulkUpsert")
        .header("host", "g")
        .body(Body::from_stream(rows))
        .unwrap();
    let body = under.send(asked).await.into_body();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let before = sent.load(std::sync::atomic::Ordering::Relaxed);
    assert!(before < 20_000, "everything was taken in with nobody reading");
    let text = body.collect().await.unwrap().to_bytes();
    assert_eq!(text.split(|byte| *byte == b'\n').count(), 20_001);
}
