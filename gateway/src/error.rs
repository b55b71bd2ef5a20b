//! The one place where a failure, the gateway's own or a service's, becomes an HTTP answer, a gRPC status or the last line of a stream.

use std::{collections::HashMap, time::Duration};

use axum::{body::Body, response::Response};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use prost::Message as _;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::json::{Shapes, read::Refused};

/// Domain of the gateway's own reasons, which are values of `crm.event.v1.ErrorReason`.
pub const DOMAIN: &str = "crm";

/// Why a request gets no answer.
#[derive(Debug)]
pub struct Failure(Box<Inner>);

#[derive(Debug)]
struct Inner {
    http: StatusCode,
    status: Status,
    details: ErrorDetails,
    headers: Vec<(HeaderName, HeaderValue)>,
}

pub type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    pub fn new(code: Code, reason: &str, message: impl Into<String>) -> Self {
        let details = ErrorDetails::with_error_info(reason, DOMAIN, HashMap::new());
        Self(Box::new(Inner {
            http: http_status(code),
            status: Status::new(code, message),
            details,
            headers: Vec::new(),
        }))
    }

    /// A request that breaks a rule at the field.
    pub fn field(field: &str, problem: &str) -> Self {
        let mut failure =
            Self::new(Code::InvalidArgument, "FIELD_INVALID", format!("{} {problem}", name(field)));
        failure.0.details.add_bad_request_violation(field, problem);
        failure
    }

    pub fn header(name: &str, problem: &str) -> Self {
        Self::new(
            Code::InvalidArgument,
            "FIELD_INVALID",
            format!("the header `{name}` cannot be used: {problem}"),
        )
        .with_violation(name, problem)
    }

    pub fn too_large(limit: usize) -> Self {
        Self::new(Code::InvalidArgument, "TOO_LARGE", format!("the body is larger than {limit} bytes"))
            .with_http(StatusCode::PAYLOAD_TOO_LARGE)
            .with_metadata("limit", limit.to_string())
    }

    pub fn slow_body() -> Self {
        Self::new(Code::DeadlineExceeded, "BODY_TIMEOUT", "the request body did not arrive in time")
            .with_http(StatusCode::REQUEST_TIMEOUT)
    }

    pub fn deadline() -> Self {
        Self::new(
            Code::DeadlineExceeded,
            "DEADLINE_EXCEEDED",
            "the deadline passed before the answer was ready",
        )
    }

    pub fn backend_down(backend: &str) -> Self {
        let message = format!("the service `{backend}` does not answer; try again");
        Self::new(Code::Unavailable, "DEPENDENCY_UNAVAILABLE", message)
            .with_metadata("service", backend.to_owned())
            .with_retry_after(Duration::from_secs(1))
    }

    pub fn draining() -> Self {
        Self::new(Code::Unavailable, "OVERLOADED", "the server is shutting down; connect again")
            .with_retry_after(Duration::from_secs(1))
    }

    /// What went wrong inside is logged by the caller and never told.
    pub fn internal(request_id: &str) -> Self {
        Self::new(Code::Internal, "INTERNAL", "the request met a fault on our side")
            .with_metadata("request_id", request_id.to_owned())
    }

    pub fn with_http(mut self, status: StatusCode) -> Self {
        self.0.http = status;
        self
    }

    pub fn with_metadata(mut self, key: &str, value: String) -> Self {
        if let Some(info) = self.0.details.error_info() {
            let mut info = info.clone();
            info.metadata.insert(key.to_owned(), value);
            self.0.details.set_error_info(info.reason, info.domain, info.metadata);
        }
        self
    }

    pub fn with_violation(mut self, field: &str, problem: &str) -> Self {
        self.0.details.add_bad_request_violation(field, problem);
        self
    }

    /// Says how long to wait: exactly in `RetryInfo`, in whole seconds in `Retry-After`.
    pub fn with_retry_after(mut self, wait: Duration) -> Self {
        self.0.details.set_retry_info(Some(wait));
        self.with_header(header::RETRY_AFTER, &whole_seconds(wait).to_string())
    }

    pub fn with_header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.0.headers.push((name, value));
        }
        self
    }

    pub fn code(&self) -> Code {
        self.0.status.code()
    }

    /// The failure as a gRPC status with typed details.
    pub fn into_status(self) -> Status {
        let Inner { status, details, .. } = *self.0;
        if status.details().is_empty() {
            Status::with_error_details(status.code(), status.message(), details)
        } else {
            status
        }
    }

    /// `{"error": {..}}`, with every detail decoded.
    pub fn json(&self, shapes: &Shapes) -> Vec<u8> {
        let status = &self.0.status;
        let encoded = if status.details().is_empty() {
            Status::with_error_details(status.code(), status.message(), self.0.details.clone())
        } else {
            Status::with_details(status.code(), status.message(), Bytes::copy_from_slice(status.details()))
        };
        let mut out = Vec::with_capacity(256);
        out.extend_from_slice(b"{\"error\":{\"code\":");
        out.extend_from_slice(self.0.http.as_str().as_bytes());
        out.extend_from_slice(b",\"status\":\"");
        out.extend_from_slice(code_name(status.code()).as_bytes());
        out.extend_from_slice(b"\",\"message\":");
        // Writing to a Vec cannot fail.
        let _ = serde_json::to_writer(&mut out, status.message());
        out.extend_from_slice(b",\"details\":[");
        write_details(shapes, encoded.details(), &mut out);
        out.extend_from_slice(b"]}}");
        out
    }

    pub fn into_response(self, shapes: &Shapes) -> Response {
        let mut response = Response::new(Body::from(self.json(shapes)));
        *response.status_mut() = self.0.http;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if self.0.http == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        for (name, value) in self.0.headers {
            headers.insert(name, value);
        }
        response.extensions_mut().insert(Outcome(self.0.status.code()));
        response
    }
}

impl From<Status> for Failure {
    /// A status from a service, details as they came.
    fn from(status: Status) -> Self {
        let mut headers = Vec::new();
        let wait = status.get_details_retry_info().and_then(|info| info.retry_delay);
        if let Some(wait) = wait {
            headers.push((header::RETRY_AFTER, HeaderValue::from(whole_seconds(wait))));
        } else if let Some(value) = status.metadata().get("retry-after") {
            headers.extend(HeaderValue::from_bytes(value.as_bytes()).ok().map(|v| (header::RETRY_AFTER, v)));
        }
        Self(Box::new(Inner {
            http: http_status(status.code()),
            status,
            details: ErrorDetails::new(),
            headers,
        }))
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Malformed { line, column, problem } => {
                let message = format!("the body is not JSON: {problem} at line {line}, column {column}");
                Self::new(Code::InvalidArgument, "FIELD_INVALID", message)
                    .with_metadata("line", line.to_string())
                    .with_metadata("column", column.to_string())
            }
            Refused::Field { path, problem } => Self::field(&path, &problem),
        }
    }
}

/// How a request ended, for the log line and the metrics. Absent means OK.
#[derive(Debug, Clone, Copy)]
pub struct Outcome(pub Code);

fn write_details(shapes: &Shapes, encoded: &[u8], out: &mut Vec<u8>) {
    let details = tonic_types::pb::Status::decode(encoded).map(|status| status.details).unwrap_or_default();
    let any = shapes.find("google.protobuf.Any");
    let mut first = true;
    for detail in details {
        let before = out.len();
        if !first {
            out.push(b',');
        }
        match any.map(|id| shapes.write(id, &detail.encode_to_vec(), out)) {
            Some(Ok(())) => first = false,
            _ => out.truncate(before),
        }
    }
}

fn name(field: &str) -> String {
    if field.is_empty() { "the body".to_owned() } else { format!("`{field}`") }
}

fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

/// As `google.rpc.Code` documents it.
pub fn http_status(code: Code) -> StatusCode {
    match code {
        Code::Ok => StatusCode::OK,
        Code::Cancelled => StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST),
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => StatusCode::BAD_REQUEST,
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::AlreadyExists | Code::Aborted => StatusCode::CONFLICT,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::Unknown | Code::Internal | Code::DataLoss => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

pub fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
