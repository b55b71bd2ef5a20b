//! How much the gateway costs. Run with `cargo test --release -p crm-gateway --test it -- --ignored --nocapture speed`.

use std::time::{Duration, Instant};

use axum::body::Body;
use crm_proto::crm::customer::v1::{
    CreateAccountRequest, GetAccountRequest, account_service_client::AccountServiceClient,
};
use http::Request;
use http_body_util::BodyExt as _;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tonic::transport::Channel;

use crate::{backend, client::Under};

const CALLERS: u32 = 16;
const SPAN: Duration = Duration::from_secs(4);

/// What a way of calling costs.
struct Cost {
    per_second: f64,
    /// Processor time of the whole process, so of caller, gateway and service together, in microseconds a call.
    processor: f64,
}

async fn measure<F: Future<Output = u32> + Send + 'static>(mut caller: impl FnMut() -> F) -> Cost {
    let (start, before) = (Instant::now(), processor_time());
    let tasks: Vec<_> = (0..CALLERS).map(|_| tokio_util::task::TaskTracker::new().spawn(caller())).collect();
    let mut calls = 0;
    for task in tasks {
        calls += task.await.unwrap();
    }
    let calls = f64::from(calls);
    let spent = processor_time() - before;
    Cost { per_second: calls / start.elapsed().as_secs_f64(), processor: spent * 1e6 / calls }
}

/// Seconds of processor time of this process, in ticks of 10 ms.
fn processor_time() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

async fn grpc(channel: Channel, create: bool) -> u32 {
    let mut client = AccountServiceClient::new(channel);
    let (start, mut calls) = (Instant::now(), 0);
    while start.elapsed() < SPAN {
        if create {
            let account = Some(backend::full_account());
            client.create_account(CreateAccountRequest { account }).await.unwrap();
        } else {
            client.get_account(GetAccountRequest { id: "1".to_owned() }).await.unwrap();
        }
        calls += 1;
    }
    calls
}

async fn rest(address: std::net::SocketAddr, body: Option<String>) -> u32 {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    crate::client::spawn(async move { drop(connection.await) });
    let (start, mut calls) = (Instant::now(), 0);
    while start.elapsed() < SPAN {
        let request = match &body {
            Some(body) => Request::post("/v1/accounts").header("host", "g").body(Body::from(body.clone())),
            None => Request::get("/v1/accounts/1").header("host", "g").body(Body::empty()),
        };
        let answer = sender.send_request(request.unwrap()).await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.into_body().collect().await.unwrap();
        calls += 1;
    }
    calls
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn speed() {
    let (_, direct) = backend::start().await;
    let under = Under::start().await;
    let text = under.get("/v1/accounts/1").await.text().to_owned();
    // The first round warms up; the order turns, so that no way of calling always has the same neighbours.
    for round in 0..4 {
        for create in [false, true] {
            let mut ways = ["direct gRPC", "through as gRPC", "through as REST"];
            ways.rotate_left(round % 3);
            for way in ways {
                let (channel, through, address) = (direct.clone(), under.channel(), under.address);
                let body = create.then(|| text.clone());
                let cost = match way {
                    "direct gRPC" => measure(|| grpc(channel.clone(), create)).await,
                    "through as gRPC" => measure(|| grpc(through.clone(), create)).await,
                    _ => measure(|| rest(address, body.clone())).await,
                };
                let call = if create { "create" } else { "get" };
                let Cost { per_second, processor } = cost;
                println!("round {round} {call:6} {way:16} {per_second:8.0}/s {processor:6.1} us");
            }
        }
    }
}
