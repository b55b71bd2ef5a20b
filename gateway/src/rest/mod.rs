//! REST/JSON: one HTTP request becomes one RPC and its answer JSON, whatever the RPC.
//!
//! [`request`] builds the request message, [`body`] reads request bodies within limits, [`intake`] turns a body into a stream of messages,
//! [`output`] turns a stream of messages into a body.

pub mod body;
mod intake;
mod output;
pub use output::Ending;
pub mod request;

use std::sync::Arc;

use axum::{body::Body, response::Response};
use bytes::Bytes;
use http::{HeaderValue, header, request::Parts};
use tokio::time::Instant;
use tonic::Code;

use crate::{
    call::{self, Backend, RawCodec},
    error::{Failure, Result},
    gateway::Shared,
    json::wire::{self, Fields, Raw},
    metadata::{self, Caller, LAST_EVENT_ID},
    route::{self, Route, Target},
};
use body::Expected;

/// One REST call under way.
struct Call {
    shared: Arc<Shared>,
    route: Arc<Route>,
    caller: Caller,
    parts: Parts,
    captured: Vec<String>,
    backend: Backend,
    deadline: Option<Instant>,
}

/// Answers a request whose route is known.
pub async fn serve(
    shared: Arc<Shared>,
    route: Arc<Route>,
    caller: Caller,
    request: http::Request<Body>,
) -> Result<Response> {
    let (parts, body) = request.into_parts();
    let captured = request::captured(&route, parts.uri.path())?;
    let backend = backend(&shared, &route, &captured)?.clone();
    let stated = metadata::timeout(&parts.headers)?;
    let streaming = route.method.client_streaming || route.method.server_streaming;
    let timeout = if streaming { stated } else { stated.or(Some(shared.settings.default_deadline)) };
    let deadline = timeout.map(|timeout| Instant::now() + timeout);
    let call = Call { shared, route, caller, parts, captured, backend, deadline };
    match (call.route.method.client_streaming, call.route.method.server_streaming) {
        (false, false) => call.unary(body).await,
        (false, true) => call.server_stream(body).await,
        (true, _) => call.client_stream(body).await,
    }
}

/// The backend of the route, which for shared packages the path names.
fn backend<'a>(shared: &'a Shared, route: &Route, captured: &[String]) -> Result<&'a Backend> {
    match route.method.target {
        Target::Backend(index) => Ok(&shared.backends[index]),
        Target::Named => {
            let name = route.service.and_then(|at| captured.get(at)).map_or("", String::as_str);
            shared
                .backend_named(name)
                .ok_or_else(|| Failure::field("service", "names no service of this installation"))
        }
    }
}

impl Call {
    async fn unary(self, body: Body) -> Result<Response> {
        let message = self.message(body).await?;
        let mut client = self.backend.client(self.shared.settings.response_limit).await?;
        let path = self.route.method.path.clone();
        let call = client.unary(self.request(message), path, RawCodec);
        let answered = match self.deadline {
            Some(at) => tokio::time::timeout_at(at, call).await.map_err(|_| Failure::deadline())?,
            None => call.await,
        };
        let answer = answered.map_err(|status| self.failure(status))?;
        self.answer(answer)
    }

    async fn server_stream(self, body: Body) -> Result<Response> {
        let message = self.message(body).await?;
        let mut client = self.backend.client(self.shared.settings.response_limit).await?;
        let path = self.route.method.path.clone();
        let call = client.server_streaming(self.request(message), path, RawCodec);
        let stream = self.within_deadline(call).await?;
        output::respond(self, stream, None).await
    }

    async fn client_stream(self, body: Body) -> Result<Response> {
        let (messages, watch) = intake::open(&self, body).await?;
        let mut client = self.backend.client(self.shared.settings.response_limit).await?;
        let path = self.route.method.path.clone();
        if self.route.method.server_streaming {
            let call = client.streaming(self.request(messages), path, RawCodec);
            let stream = watch.or(self.within_deadline(call)).await?;
            return output::respond(self, stream, Some(watch)).await;
        }
        let call = client.client_streaming(self.request(messages), path, RawCodec);
        let answer = watch.or(self.within_deadline(call)).await?;
        self.answer(answer)
    }

    /// The request message of a call that takes one.
    async fn message(&self, body: Body) -> Result<Bytes> {
        let settings = &self.shared.settings;
        let body = if matches!(self.route.body, route::Body::None) {
            body::refuse(body, settings).await?;
            Bytes::new()
        } else {
            body::check_type(&self.parts.headers, &body, Expected::Json)?;
            body::collect(body, settings).await?
        };
        let query = self.parts.uri.query().unwrap_or_default();
        let mut message = request::assemble(&self.shared.shapes, &self.route, &self.captured, query, &body)?;
        self.resume(&mut message);
        Ok(Bytes::from(message))
    }

    /// A browser that reconnects says where it was; that wins over what the URL said at first.
    fn resume(&self, message: &mut Vec<u8>) {
        let last = self.parts.headers.get(LAST_EVENT_ID).filter(|id| !id.is_empty());
        if let (Some(last), Some(resume)) = (last, self.route.method.resume)
            && std::str::from_utf8(last.as_bytes()).is_ok()
        {
            wire::put_tag(message, resume.start_from, 0);
            wire::put_varint(message, resume.after);
            wire::put_bytes(message, resume.cursor, last.as_bytes());
        }
    }

    fn request<T>(&self, message: T) -> tonic::Request<T> {
        let left = self.deadline.map(|at| at.saturating_duration_since(Instant::now()));
        call::request(message, metadata::from_rest(&self.parts.headers, &self.caller), left)
    }

    async fn within_deadline<T>(
        &self,
        call: impl Future<Output = std::result::Result<T, tonic::Status>>,
    ) -> Result<T> {
        let answered = match self.deadline {
            Some(at) => tokio::time::timeout_at(at, call).await.map_err(|_| Failure::deadline())?,
            None => call.await,
        };
        answered.map_err(|status| self.failure(status))
    }

    fn failure(&self, status: tonic::Status) -> Failure {
        self.backend.failure(status, self.deadline)
    }

    fn answer(&self, answer: tonic::Response<Bytes>) -> Result<Response> {
        let (metadata, message, _) = answer.into_parts();
        let mut response = if self.route.method.raw_output {
            let piece = HttpBody::read(&message);
            let mut response = Response::new(Body::from(message.slice_ref(piece.data)));
            file_headers(&mut response, piece.content_type);
            response
        } else {
            let mut json = Vec::with_capacity(message.len() * 2 + 256);
            self.write(&message, &mut json)?;
            let mut response = Response::new(Body::from(json));
            let json = HeaderValue::from_static("application/json");
            response.headers_mut().insert(header::CONTENT_TYPE, json);
            response
        };
        metadata::to_rest(&metadata, response.headers_mut());
        Ok(response)
    }

    fn write(&self, message: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let method = &self.route.method;
        self.shared.shapes.write(method.output, message, out).map_err(|error| {
            tracing::error!(target: "crm_gateway", method = %method.path, %error, "answer cannot be written as JSON");
            Failure::internal(self.caller.request_id.to_str().unwrap_or_default())
        })
    }
}

/// A `google.api.HttpBody`.
struct HttpBody<'a> {
    content_type: &'a str,
    data: &'a [u8],
}

impl<'a> HttpBody<'a> {
    fn read(message: &'a [u8]) -> Self {
        let mut piece = Self { content_type: "", data: &[] };
        for field in Fields(message).filter_map(std::result::Result::ok) {
            match field {
                (1, Raw::Bytes(text)) => piece.content_type = std::str::from_utf8(text).unwrap_or_default(),
                (2, Raw::Bytes(data)) => piece.data = data,
                _ => {}
            }
        }
        piece
    }
}

/// A file is saved, never shown: its content is a customer's.
fn file_headers(response: &mut Response, content_type: &str) {
    let fallback = HeaderValue::from_static("application/octet-stream");
    let declared = HeaderValue::from_str(content_type).ok().filter(|value| !value.is_empty());
    response.headers_mut().insert(header::CONTENT_TYPE, declared.unwrap_or(fallback));
    response.headers_mut().insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
}

/// No such path, or not with this method.
pub fn unroutable(found: route::table::Match) -> Failure {
    match found {
        route::table::Match::OtherMethods(mut verbs) => {
            if verbs.contains(&http::Method::GET) {
                verbs.push(http::Method::HEAD);
            }
            verbs.sort_by(|a, b| a.as_str().cmp(b.as_str()));
            verbs.dedup();
            let allow = verbs.iter().map(http::Method::as_str).collect::<Vec<_>>().join(", ");
            Failure::new(Code::Unimplemented, "METHOD_NOT_ALLOWED", format!("this path takes {allow}"))
                .with_http(http::StatusCode::METHOD_NOT_ALLOWED)
                .with_metadata("allow", allow.clone())
                .with_header(header::ALLOW, &allow)
        }
        _ => {
            Failure::new(Code::NotFound, "ROUTE_NOT_FOUND", "no call has this path; /openapi.json lists them")
        }
    }
}
