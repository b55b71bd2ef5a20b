//! Log lines and metrics of the binary. In one process with the services, theirs serve the gateway too.

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

/// Bounds of the duration histogram, in seconds.
const BUCKETS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

/// Starts JSON logs on standard output and the metrics recorder; the handle prints the metrics.
pub fn start(filter: &str) -> Result<PrometheusHandle, Box<dyn std::error::Error>> {
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_env_filter(EnvFilter::try_new(filter)?)
        .try_init()
        .map_err(|error| error.to_string())?;
    let name = Matcher::Full("crm_gateway_request_duration_seconds".to_owned());
    Ok(PrometheusBuilder::new().set_buckets_for_metric(name, &BUCKETS)?.install_recorder()?)
}

/// Waits for the signal that asks the process to stop.
pub async fn stop_signal() {
    let Ok(mut term) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) else {
        return;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
