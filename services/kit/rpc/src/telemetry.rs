//! Log lines and metrics of a process.

use std::io::IsTerminal as _;

use crm_kit_api::{Error, Result};
use metrics_exporter_prometheus::PrometheusBuilder;
pub use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

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
    install_filtered(format, "info,sqlx::query=error")
}

/// As [`install`], with another default filter.
pub fn install_filtered(format: LogFormat, default_filter: &str) -> Result<PrometheusHandle> {
    install_to(format, default_filter, std::io::stderr)
}

/// As [`install_filtered`], with lines that go elsewhere.
pub fn install_to<W>(format: LogFormat, default_filter: &str, writer: W) -> Result<PrometheusHandle>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default_filter));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal());
    let installed = match format {
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
        LogFormat::Text => lines.compact().try_init(),
    };
    installed.map_err(|error| Error::bug(error.to_string()))?;
    PrometheusBuilder::new().install_recorder().map_err(Error::internal)
}

/// Serves `/metrics` for Prometheus and `/livez` on a port of their own until `shutdown`.
pub async fn serve(
    metrics: PrometheusHandle,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> Result<()> {
    let routes = axum::Router::new()
        .route("/metrics", axum::routing::get(move || std::future::ready(metrics.render())))
        .route("/livez", axum::routing::get(|| std::future::ready("ok\n")));
    let serving = axum::serve(listener, routes).with_graceful_shutdown(shutdown.cancelled_owned());
    serving.await.map_err(Error::internal)
}
