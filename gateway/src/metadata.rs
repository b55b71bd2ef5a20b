//! What travels between HTTP headers and gRPC metadata, and what does not.

use std::{net::IpAddr, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue, header};
use tonic::metadata::MetadataMap;

use crate::{
    config::parse_span,
    error::{Failure, Result},
};

pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Tells a service where a call came from. Only the gateway sets it.
pub const CLIENT_IP: HeaderName = HeaderName::from_static("x-crm-client-ip");
/// Picks the backend of a package that every service mounts.
pub const SERVICE: HeaderName = HeaderName::from_static("crm-service");
/// Tells the ids that were asked for and led to other records.
pub const REDIRECTED_FROM: HeaderName = HeaderName::from_static("crm-redirected-from");
pub const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const TIMEOUT: HeaderName = HeaderName::from_static("x-timeout");
const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// Headers a REST call hands on. Everything else stays behind, so no caller can speak in the gateway's name.
const CARRIED: [&str; 7] = [
    "authorization",
    "idempotency-key",
    "crm-override",
    "accept-language",
    "traceparent",
    "tracestate",
    "x-request-id",
];

/// Headers that concern one connection only.
const HOP_BY_HOP: [HeaderName; 8] = [
    header::CONNECTION,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::HOST,
    header::TE,
    header::PROXY_AUTHORIZATION,
    header::PROXY_AUTHENTICATE,
    header::TRAILER,
];

/// Where a request came from and what it is called.
#[derive(Debug, Clone)]
pub struct Caller {
    pub request_id: HeaderValue,
    pub address: IpAddr,
}

/// What the identity of a service begins with. Nobody outside has one, so none is let in.
const SERVICE_IDENTITY: &[u8] = b"crm~service~";

/// Whether an `authorization` header holds what only services of the installation have, however it is spelt around it.
fn is_service_identity(value: &HeaderValue) -> bool {
    value.as_bytes().windows(SERVICE_IDENTITY.len()).any(|window| window == SERVICE_IDENTITY)
}

/// Metadata of a REST call.
pub fn from_rest(headers: &HeaderMap, caller: &Caller) -> MetadataMap {
    let mut carried = HeaderMap::with_capacity(CARRIED.len() + 1);
    for name in CARRIED {
        if let Some(value) = headers.get(name).filter(|value| !is_service_identity(value)) {
            carried.insert(HeaderName::from_static(name), value.clone());
        }
    }
    mark(&mut carried, caller);
    MetadataMap::from_headers(carried)
}

/// Cleans the headers of a gRPC call in place.
pub fn clean_grpc(headers: &mut HeaderMap, caller: &Caller) {
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
    headers.remove("keep-alive");
    headers.remove("proxy-connection");
    let internal: Vec<HeaderName> =
        headers.keys().filter(|name| name.as_str().starts_with("x-crm-")).cloned().collect();
    for name in internal {
        headers.remove(name);
    }
    if headers.get_all(header::AUTHORIZATION).iter().any(is_service_identity) {
        headers.remove(header::AUTHORIZATION);
    }
    headers.insert(header::TE, HeaderValue::from_static("trailers"));
    mark(headers, caller);
}

fn mark(headers: &mut HeaderMap, caller: &Caller) {
    headers.insert(REQUEST_ID, caller.request_id.clone());
    if let Ok(address) = HeaderValue::from_str(&caller.address.to_string()) {
        headers.insert(CLIENT_IP, address);
    }
}

/// The caller's own request id when it is fit for logs, otherwise a new one.
pub fn request_id(headers: &HeaderMap) -> HeaderValue {
    let own = headers.get(REQUEST_ID).filter(|value| {
        let fit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':');
        (1..=128).contains(&value.len()) && value.as_bytes().iter().all(fit)
    });
    own.cloned().unwrap_or_else(|| {
        let id = uuid::Uuid::new_v4().to_string();
        HeaderValue::from_str(&id).unwrap_or(HeaderValue::from_static("unknown"))
    })
}

/// The time the caller gives, from `x-timeout` (`2`, `2s`, `500ms`) or `grpc-timeout` (`2S`).
pub fn timeout(headers: &HeaderMap) -> Result<Option<Duration>> {
    let (name, value) = match (headers.get(TIMEOUT), headers.get(GRPC_TIMEOUT)) {
        (Some(value), _) => (TIMEOUT, value),
        (None, Some(value)) => (GRPC_TIMEOUT, value),
        (None, None) => return Ok(None),
    };
    let text = value.to_str().unwrap_or_default();
    let span = if name == TIMEOUT { parse_span(text) } else { grpc_span(text) };
    match span.filter(|span| !span.is_zero()) {
        Some(span) => Ok(Some(span)),
        None => Err(Failure::header(name.as_str(), "it is not a time such as `2s`")),
    }
}

/// gRPC's own notation: up to eight digits and a unit.
pub fn grpc_span(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if number.len() > 8 || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: u64 = number.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(number * 3600)),
        "M" => Some(Duration::from_secs(number * 60)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

/// Response metadata that REST callers see.
pub fn to_rest(metadata: &MetadataMap, headers: &mut HeaderMap) {
    let wait = metadata.get("retry-after").and_then(|value| HeaderValue::from_bytes(value.as_bytes()).ok());
    if let Some(wait) = wait {
        headers.insert(header::RETRY_AFTER, wait);
    }
    let led = metadata
        .get(REDIRECTED_FROM.as_str())
        .and_then(|value| HeaderValue::from_bytes(value.as_bytes()).ok());
    if let Some(led) = led {
        headers.insert(REDIRECTED_FROM, led);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grpc_timeouts_read_with_each_unit() {
        assert_eq!(grpc_span("2S"), Some(Duration::from_secs(2)));
        assert_eq!(grpc_span("150m"), Some(Duration::from_millis(150)));
        for broken in ["", "S", "2", "-1S", "123456789S", "2s", "1秒"] {
            assert_eq!(grpc_span(broken), None, "{broken}");
        }
    }
}
