//! Whether the gateway lives, and whether it and all its backends can serve.

use std::time::Duration;

use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use serde_json::json;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use crate::{call::Backend, gateway::Shared};

/// Time a backend has to say that it is well.
const PATIENCE: Duration = Duration::from_secs(2);

pub fn live() -> Response {
    axum::Json(json!({"status": "SERVING"})).into_response()
}

/// 200 when every backend serves; otherwise 503 with the ones that do not.
pub async fn ready(shared: &Shared) -> Response {
    let checks = futures::future::join_all(shared.backends.iter().map(check)).await;
    let draining = shared.drain.begun.is_cancelled();
    let well = !draining && checks.iter().all(|(_, state)| *state == "SERVING");
    let backends: serde_json::Map<_, _> =
        checks.into_iter().map(|(name, state)| (name, json!(state))).collect();
    let body = json!({
        "status": if well { "SERVING" } else { "NOT_SERVING" },
        "draining": draining,
        "backends": backends,
    });
    let status = if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, axum::Json(body)).into_response()
}

async fn check(backend: &Backend) -> (String, &'static str) {
    let mut client = HealthClient::new(backend.channel.clone());
    let answer =
        tokio::time::timeout(PATIENCE, client.check(HealthCheckRequest { service: String::new() })).await;
    let state = match answer {
        Ok(Ok(answer)) if answer.get_ref().status() == ServingStatus::Serving => "SERVING",
        Ok(Ok(_)) => "NOT_SERVING",
        Ok(Err(_)) => "UNREACHABLE",
        Err(_) => "TIMEOUT",
    };
    (backend.name.clone(), state)
}
