//! Log lines and metrics of a process.

use std::{io::IsTerminal as _, thread, time::Duration};

use crm_kit_api::{Error, Result};
pub use metrics_exporter_prometheus::PrometheusHandle;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

/// Bounds of histograms of durations, in seconds. Buckets of pods add up, quantiles do not.
const SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

/// How often samples are folded into their histograms, whether or not anybody reads the metrics.
const FOLD: Duration = Duration::from_secs(5);

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
    record_metrics()
}

fn record_metrics() -> Result<PrometheusHandle> {
    let durations = Matcher::Suffix("_seconds".to_owned());
    let recorder =
        PrometheusBuilder::new().set_buckets_for_metric(durations, &SECONDS).map_err(Error::internal)?;
    let metrics = recorder.install_recorder().map_err(Error::internal)?;
    let fold = metrics.clone();
    let fold = move || {
        loop {
            thread::sleep(FOLD);
            fold.run_upkeep();
        }
    };
    thread::Builder::new().name("metrics".to_owned()).spawn(fold).map_err(Error::internal)?;
    Ok(metrics)
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
