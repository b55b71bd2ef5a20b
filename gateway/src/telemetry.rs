//! Log lines and metrics of the binary. In one process with the services, theirs serve the gateway too.

use std::{thread, time::Duration};

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// Bounds of the duration histogram, in seconds.
const BUCKETS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

/// How often samples are folded into their histograms, whether or not anybody reads the metrics.
const FOLD: Duration = Duration::from_secs(5);

/// Starts JSON logs on standard output and the metrics recorder; the handle prints the metrics.
pub fn start(filter: &str) -> Result<PrometheusHandle, Box<dyn std::error::Error>> {
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_env_filter(EnvFilter::try_new(filter)?)
        .try_init()
        .map_err(|error| error.to_string())?;
    let name = Matcher::Full("crm_gateway_request_duration_seconds".to_owned());
    let metrics = PrometheusBuilder::new().set_buckets_for_metric(name, &BUCKETS)?.install_recorder()?;
    let fold = metrics.clone();
    let fold = move || {
        loop {
            thread::sleep(FOLD);
            fold.run_upkeep();
        }
    };
    thread::Builder::new().name("metrics".to_owned()).spawn(fold)?;
    Ok(metrics)
}

/// The signals that ask the process to stop: Ctrl-C and SIGTERM.
#[derive(Debug)]
pub struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignals {
    /// Listens from now on.
    pub fn new() -> std::io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Waits for the next one.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
