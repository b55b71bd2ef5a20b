//! The end of a gateway: nothing in flight fails.

use std::time::Duration;

use crm_proto::crm::event::v1::{StreamEventsRequest, event_service_client::EventServiceClient};
use http_body_util::BodyExt as _;
use tokio::net::TcpStream;

use crate::client::{Under, eventually, request};

#[tokio::test]
async fn requests_in_flight_finish_and_streams_are_told() {
    let under = Under::start().await;
    let in_flight = under.call(request("GET", "/v1/accounts/short", ""));
    let stream = async {
        let body = under.send(request("GET", "/v1/events/customer", "")).await.into_body();
        String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap()
    };
    let native = async {
        let mut client = EventServiceClient::new(under.channel());
        let mut events = client.stream_events(StreamEventsRequest::default()).await.unwrap().into_inner();
        loop {
            if let Err(status) = events.message().await {
                return status.code();
            }
        }
    };
    let stop = async {
        eventually(|| under.fake.seen.lock().unwrap().len() == 3).await;
        under.stop.cancel();
    };
    let started = std::time::Instant::now();
    let (answer, text, code, ()) = tokio::join!(in_flight, stream, native, stop);
    assert_eq!(answer.status, 200);
    let last: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(last["error"]["status"], "UNAVAILABLE");
    assert_eq!(code, tonic::Code::Unavailable);
    let Under { stopped, address, .. } = under;
    tokio::time::timeout(Duration::from_secs(5), stopped).await.unwrap().unwrap();
    assert!(started.elapsed() < Duration::from_secs(8));
    assert!(TcpStream::connect(address).await.is_err(), "nothing listens any more");
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_cut_off() {
    let settings = crm_gateway::Settings {
        drain_timeout: Duration::from_millis(400),
        rate_per_second: 0,
        ..crm_gateway::Settings::default()
    };
    let under = Under::with(settings).await;
    let address = under.address;
    crate::client::spawn(async move {
        let stream = TcpStream::connect(address).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(hyper_util::rt::TokioIo::new(stream)).await.unwrap();
        let _ = tokio::join!(sender.send_request(request("GET", "/v1/accounts/slow", "")), connection);
    });
    eventually(|| !under.fake.seen.lock().unwrap().is_empty()).await;
    under.stop.cancel();
    tokio::time::timeout(Duration::from_secs(3), under.stopped).await.unwrap().unwrap();
}
