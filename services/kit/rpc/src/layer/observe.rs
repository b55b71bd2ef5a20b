//! One log line and one set of metrics per request, a request id, and panics turned into INTERNAL.
//!
//! A line never holds bodies, tokens or personal data: the caller stands as its id.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
    time::Instant,
};

use crm_kit_api::{
    Error,
    call::{Access, Statistics},
};
use futures::FutureExt as _;
use http::{HeaderMap, HeaderName, HeaderValue};
use tonic::{Code, Status};
use tower::Service;
use uuid::Uuid;

use super::{Answer, Request, Response, guard::Walls, methods::Method, refuse};

/// Metadata that names a request in logs, events and audit rows. A caller may send its own.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What the inner layers learn about a request that the log line tells.
#[derive(Debug, Default)]
pub struct Observed {
    /// The request's id.
    pub request_id: Arc<str>,
    /// Who calls, once that is known.
    pub caller: OnceLock<Arc<Access>>,
    /// Work done in the database.
    pub statistics: Arc<Statistics>,
}

/// Observes requests.
#[derive(Clone, Debug)]
pub struct Observe<S> {
    inner: S,
    service: &'static str,
    walls: Arc<Walls>,
}

impl<S> Observe<S> {
    /// Observes requests of the service named `service`.
    pub fn new(inner: S, service: &'static str, walls: Arc<Walls>) -> Self {
        Self { inner, service, walls }
    }
}

impl<S> Service<Request> for Observe<S>
where
    S: Service<Request, Response = Response, Error = std::convert::Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response;
    type Error = std::convert::Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> Answer {
        let started = Instant::now();
        let service = self.service;
        // A path that is no method of ours would let a caller make labels and lines without end.
        let method = self.walls.methods.get(request.uri().path()).cloned();
        let observed =
            Arc::new(Observed { request_id: request_id(request.headers()), ..Observed::default() });
        request.extensions_mut().insert(Arc::clone(&observed));
        let answer = AssertUnwindSafe(self.inner.call(request)).catch_unwind();
        Box::pin(async move {
            let mut response = match answer.await {
                Ok(Ok(response)) => response,
                Err(_) => refuse(Error::bug("a handler panicked")),
            };
            if let Ok(value) = HeaderValue::from_str(&observed.request_id) {
                response.headers_mut().insert(REQUEST_ID, value);
            }
            report(service, method.as_deref(), &observed, &response, started);
            Ok(response)
        })
    }
}

/// The caller's own id when it is sane, otherwise a new one.
fn request_id(headers: &HeaderMap) -> Arc<str> {
    let sane = |text: &&str| {
        (8..=64).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok()).filter(sane);
    given.map_or_else(|| Uuid::new_v4().simple().to_string().into(), Into::into)
}

/// The caller as log lines name it: its id, or `service:sales for user 0190…`.
fn caller(access: Option<&Arc<Access>>) -> String {
    let Some(access) = access else { return Uuid::nil().to_string() };
    match (&access.service, access.user_id()) {
        (Some(service), Some(user)) => format!("service:{service} for user {user}"),
        (Some(service), None) => format!("service:{service}"),
        (None, _) => access.caller_id.to_string(),
    }
}

fn report(
    service: &'static str,
    method: Option<&Method>,
    observed: &Observed,
    response: &Response,
    started: Instant,
) {
    let status = Status::from_header_map(response.headers());
    let code = status.as_ref().map_or(Code::Ok, Status::code);
    let elapsed = started.elapsed();
    count(service, method, code, elapsed.as_secs_f64());
    let method = method.map_or("other", |method| &method.path);
    let access = observed.caller.get();
    let (tenant, caller) = (access.map(|access| access.tenant_id).unwrap_or_default(), caller(access));
    let (statements, database_micros) = observed.statistics.read();
    let millis = elapsed.as_secs_f64() * 1000.0;
    let request_id = observed.request_id.as_ref();
    let database_ms = f64::from(u32::try_from(database_micros).unwrap_or(u32::MAX)) / 1000.0;
    if matches!(code, Code::Internal | Code::Unknown | Code::DataLoss | Code::Unavailable) {
        let cause = response
            .extensions()
            .get::<Status>()
            .and_then(|status| std::error::Error::source(status).map(|cause| format!("{cause:?}")));
        tracing::error!(service, method, ?code, %tenant, %caller, millis, statements, database_ms, request_id, cause, "rpc");
    } else {
        tracing::info!(service, method, ?code, %tenant, %caller, millis, statements, database_ms, request_id, "rpc");
    }
}

/// Counts an answer. The usual case finds its counter where the last answer left it.
fn count(service: &'static str, method: Option<&Method>, code: Code, seconds: f64) {
    let name = || method.map_or("other", |method| &method.path).to_owned();
    let counter = || {
        let code = format!("{code:?}");
        metrics::counter!("crm_rpc_requests_total", "service" => service, "method" => name(), "code" => code)
    };
    let histogram = || metrics::histogram!("crm_rpc_seconds", "service" => service, "method" => name());
    let Some(method) = method else {
        counter().increment(1);
        histogram().record(seconds);
        return;
    };
    match code {
        Code::Ok => method.answered.get_or_init(counter).increment(1),
        _ => counter().increment(1),
    }
    method.times.get_or_init(histogram).record(seconds);
}
