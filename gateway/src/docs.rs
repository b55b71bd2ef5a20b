//! The pages that people read: the index, and the browser of the API, which needs nothing from elsewhere.

use axum::response::{Html, IntoResponse as _, Response};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, header};
use serde_json::json;

/// Scripts and styles from this origin only; calls to this origin only.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                           img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub fn index() -> Response {
    axum::Json(json!({
        "name": "CRM suite",
        "links": {
            "documentation": "/docs",
            "openapi": "/openapi.json",
            "live": "/healthz",
            "ready": "/readyz",
            "metrics": "/metrics",
        },
    }))
    .into_response()
}

pub fn page() -> Response {
    cached(Html(include_str!("../assets/docs.html")).into_response())
}

pub fn script() -> Response {
    asset("text/javascript; charset=utf-8", include_str!("../assets/docs.js"))
}

pub fn style() -> Response {
    asset("text/css; charset=utf-8", include_str!("../assets/docs.css"))
}

pub fn openapi(document: Bytes) -> Response {
    cached(([(header::CONTENT_TYPE, "application/json")], document).into_response())
}

fn asset(kind: &'static str, text: &'static str) -> Response {
    cached(([(header::CONTENT_TYPE, kind)], text).into_response())
}

fn cached(mut response: Response) -> Response {
    let headers: [(HeaderName, HeaderValue); 2] = [
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE_POLICY)),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300")),
    ];
    response.headers_mut().extend(headers);
    response
}
