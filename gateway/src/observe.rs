//! One log line and three metrics for each request, written when its answer has been sent.

use std::{
    hash::{DefaultHasher, Hasher as _},
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll, ready},
    time::Instant,
};

use axum::{body::Body, response::Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body::{Body as _, Frame, SizeHint};
use tonic::Code;

use crate::{
    error::{Outcome, code_name},
    rest::Ending,
};

/// The route template or RPC that a response answers; labels logs and metrics.
#[derive(Debug, Clone)]
pub struct Label(pub Arc<str>);

/// A request under way.
#[derive(Debug)]
pub struct Record {
    method: &'static str,
    request_id: HeaderValue,
    caller: Option<u64>,
    start: Instant,
    route: Option<Arc<str>>,
    status: StatusCode,
    code: Code,
    ending: Option<Ending>,
    complete: bool,
}

impl Record {
    pub fn begin(method: &http::Method, headers: &HeaderMap, request_id: HeaderValue) -> Self {
        metrics::gauge!("crm_gateway_requests_in_flight").increment(1.0);
        Self {
            method: method_name(method),
            request_id,
            caller: headers.get(header::AUTHORIZATION).map(|credential| fingerprint(credential.as_bytes())),
            start: Instant::now(),
            route: None,
            status: StatusCode::OK,
            code: Code::Ok,
            ending: None,
            complete: false,
        }
    }

    /// Follows the response to its last byte.
    pub fn follow(mut self, mut response: Response) -> Response {
        let extensions = response.extensions_mut();
        self.route = extensions.remove::<Label>().map(|label| label.0);
        self.ending = extensions.remove::<Ending>();
        if let Some(Outcome(code)) = extensions.remove::<Outcome>() {
            self.code = code;
        }
        self.status = response.status();
        self.read_grpc_status(response.headers());
        if response.body().is_end_stream() || response.body().size_hint().exact().is_some() {
            self.complete = true;
            return response;
        }
        response.map(|inner| Body::new(Followed { inner, record: self }))
    }

    fn read_grpc_status(&mut self, headers: &HeaderMap) {
        if let Some(status) = headers.get("grpc-status") {
            self.code = Code::from_bytes(status.as_bytes());
        }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        metrics::gauge!("crm_gateway_requests_in_flight").decrement(1.0);
        let mut code = self.code;
        if let Some(Ending(ending)) = &self.ending {
            match ending.load(Ordering::Relaxed) {
                0 if !self.complete => code = Code::Cancelled,
                ended => code = Code::from_i32(ended),
            }
        } else if !self.complete && code == Code::Ok {
            code = Code::Cancelled;
        }
        let route = self.route.take().unwrap_or_else(|| Arc::from("none"));
        let elapsed = self.start.elapsed();
        let label = metrics::SharedString::from_shared(Arc::clone(&route));
        metrics::counter!("crm_gateway_requests_total", "method" => self.method, "route" => label.clone(), "code" => code_name(code))
            .increment(1);
        metrics::histogram!("crm_gateway_request_duration_seconds", "method" => self.method, "route" => label)
            .record(elapsed.as_secs_f64());
        tracing::info!(
            target: "crm_gateway::request",
            method = self.method,
            route = &*route,
            status = self.status.as_u16(),
            code = code_name(code),
            ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
            request_id = self.request_id.to_str().unwrap_or_default(),
            caller = self.caller.map(|caller| format!("{caller:016x}")),
        );
    }
}

/// A body that tells its record how it ended.
struct Followed {
    inner: Body,
    record: Record,
}

impl http_body::Body for Followed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        match &frame {
            None => self.record.complete = true,
            Some(Ok(frame)) => {
                if let Some(trailers) = frame.trailers_ref() {
                    self.record.read_grpc_status(trailers);
                    self.record.complete = true;
                }
            }
            Some(Err(_)) => {}
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// Tells callers apart in logs without naming them.
fn fingerprint(credential: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(credential);
    hasher.finish()
}

/// Made-up methods share a label.
fn method_name(method: &http::Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS"];
    KNOWN.into_iter().find(|name| *name == method.as_str()).unwrap_or("OTHER")
}
