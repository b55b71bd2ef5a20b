//! A gateway on a port of its own, and a plain HTTP client.

use std::{net::SocketAddr, sync::LazyLock};

use axum::body::Body;
use bytes::Bytes;
use crm_gateway::{Backend, Gateway, Settings, contract};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::backend::{self, Fake};

static TASKS: LazyLock<TaskTracker> = LazyLock::new(TaskTracker::new);

pub fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    TASKS.spawn(task);
}

/// A running gateway.
pub struct Under {
    pub address: SocketAddr,
    pub fake: Fake,
    pub stop: CancellationToken,
    pub stopped: tokio::task::JoinHandle<()>,
}

/// An answer read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.body))
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The `reason` of the error's `ErrorInfo`.
    pub fn reason(&self) -> String {
        let json = self.json();
        let details = json["error"]["details"].as_array().cloned().unwrap_or_default();
        let info =
            details.iter().find(|detail| detail["@type"] == "type.googleapis.com/google.rpc.ErrorInfo");
        info.and_then(|info| info["reason"].as_str()).unwrap_or_default().to_owned()
    }

    /// The first field that the error's `BadRequest` names.
    pub fn violation(&self) -> String {
        let json = self.json();
        let details = json["error"]["details"].as_array().cloned().unwrap_or_default();
        let bad =
            details.iter().find(|detail| detail["@type"] == "type.googleapis.com/google.rpc.BadRequest");
        let field = bad.and_then(|bad| bad["field_violations"][0]["field"].as_str());
        field.unwrap_or_else(|| panic!("no violation in {json}")).to_owned()
    }
}

impl Under {
    pub async fn start() -> Self {
        Self::with(Settings { rate_per_second: 0, ..Settings::default() }).await
    }

    pub async fn with(settings: Settings) -> Self {
        let (fake, channel) = backend::start().await;
        let backends = vec![Backend::new("customer", channel)];
        let gateway = Gateway::new(contract().unwrap(), backends, settings)
            .unwrap()
            .with_metrics(|| "metric 1\n".to_owned());
        Self::serve(gateway, fake).await
    }

    pub async fn serve(gateway: Gateway, fake: Fake) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let signal = stop.clone();
        let stopped = TASKS.spawn(async move { gateway.serve(listener, signal).await.unwrap() });
        Self { address, fake, stop, stopped }
    }

    pub async fn send(&self, request: Request<Body>) -> Response<Incoming> {
        self.try_send(request).await.unwrap()
    }

    pub async fn try_send(&self, request: Request<Body>) -> hyper::Result<Response<Incoming>> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        spawn(async move {
            let _ = connection.await;
        });
        sender.send_request(request).await
    }

    pub async fn send_http2(&self, request: Request<Body>) -> Response<Incoming> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        spawn(async move {
            let _ = connection.await;
        });
        sender.send_request(request).await.unwrap()
    }

    pub async fn call(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.send(request).await.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call(request("GET", path, "")).await
    }

    pub async fn json(&self, method: &str, path: &str, body: &str) -> Answer {
        let mut request = request(method, path, body);
        request.headers_mut().insert("content-type", "application/json".parse().unwrap());
        self.call(request).await
    }

    pub fn channel(&self) -> tonic::transport::Channel {
        crm_gateway::channel(&format!("http://{}", self.address)).unwrap()
    }
}

pub fn request(method: &str, path: &str, body: &str) -> Request<Body> {
    let body = Body::new(Full::new(Bytes::copy_from_slice(body.as_bytes())));
    Request::builder().method(method).uri(path).header("host", "gateway").body(body).unwrap()
}

/// Waits until the condition holds.
pub async fn eventually(mut holds: impl FnMut() -> bool) {
    for _ in 0..500 {
        if holds() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the condition never came to hold");
}
