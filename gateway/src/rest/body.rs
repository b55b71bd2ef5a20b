//! Reading request bodies within their limits.

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, header};
use http_body::Body as _;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use tonic::Code;

use crate::{
    config::Settings,
    error::{Failure, Result},
};

/// What a body is declared to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    Json,
    /// JSON texts, one a line.
    Lines,
}

/// Reads a body of limited size in limited time.
pub async fn collect(body: Body, settings: &Settings) -> Result<Bytes> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let limit = settings.json_body_limit;
    if body.size_hint().lower() > limit as u64 {
        return Err(Failure::too_large(limit));
    }
    match tokio::time::timeout(settings.body_timeout, Limited::new(body, limit).collect()).await {
        Err(_) => Err(Failure::slow_body()),
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Failure::too_large(limit)),
        Ok(Err(_)) => Err(broken()),
    }
}

/// The caller went away, or sent something that is not HTTP, within the body.
pub fn broken() -> Failure {
    Failure::new(Code::Cancelled, "BODY_INCOMPLETE", "the request body broke off")
        .with_http(http::StatusCode::BAD_REQUEST)
}

/// Refuses a body on a call that takes none.
pub async fn refuse(body: Body, settings: &Settings) -> Result<()> {
    if collect(body, settings).await?.is_empty() {
        return Ok(());
    }
    Err(Failure::field("", "is not expected: this call takes none"))
}

/// Refuses a body declared to be something else. One without a content type is taken as what is expected, and none may be called anything.
pub fn check_type(headers: &HeaderMap, body: &Body, expected: Expected) -> Result<()> {
    if body.is_end_stream() {
        return Ok(());
    }
    let Some(declared) = headers.get(header::CONTENT_TYPE) else { return check_encoding(headers) };
    let declared = declared.to_str().unwrap_or_default().to_ascii_lowercase();
    let mut parts = declared.split(';').map(str::trim);
    let kind = parts.next().unwrap_or_default();
    let (fits, wanted) = match expected {
        Expected::Json => (is_json(kind), "application/json"),
        Expected::Lines => {
            let lines = ["application/x-ndjson", "application/ndjson", "application/jsonl"];
            (lines.contains(&kind) || is_json(kind), "application/x-ndjson")
        }
    };
    let foreign = parts
        .filter_map(|part| part.strip_prefix("charset="))
        .any(|charset| charset.trim_matches('"') != "utf-8");
    if !fits || foreign {
        return Err(unsupported(format!("the body must be {wanted} in UTF-8")));
    }
    check_encoding(headers)
}

fn is_json(kind: &str) -> bool {
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

fn check_encoding(headers: &HeaderMap) -> Result<()> {
    match headers.get(header::CONTENT_ENCODING) {
        Some(encoding) if encoding != "identity" => {
            Err(unsupported("compressed bodies are not taken".to_owned()))
        }
        _ => Ok(()),
    }
}

fn unsupported(message: String) -> Failure {
    Failure::new(Code::InvalidArgument, "MEDIA_TYPE_UNSUPPORTED", message)
        .with_http(http::StatusCode::UNSUPPORTED_MEDIA_TYPE)
}
