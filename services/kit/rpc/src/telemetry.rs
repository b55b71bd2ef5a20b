//! Log lines and metrics of a process.

use crm_kit_api::{Error, Result};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For machines: one JSON object a line.
    Json,
    /// For people.
    Text,
}

/// Starts log lines on standard error, filtered by `RUST_LOG` (default `info`), and metrics. The handle renders metrics for Prometheus. Call it once.
pub fn install(format: LogFormat) -> Result<PrometheusHandle> {
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,sqlx::query=error"));
    let lines =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    let installed = match format {
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
        LogFormat::Text => lines.compact().try_init(),
    };
    installed.map_err(|error| Error::bug(error.to_string()))?;
    PrometheusBuilder::new().install_recorder().map_err(Error::internal)
}
