//! How a process ends: on a signal it stops taking requests, finishes those in work, and leaves.

use std::time::Duration;

use crm_kit_api::{Error, Result};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Longest time requests and tasks in work get to finish.
const DRAIN: Duration = Duration::from_secs(25);

/// Cancelled by Ctrl-C or SIGTERM. Both end a second time at once.
pub fn shutdown_on_signal(tasks: &TaskTracker) -> Result<CancellationToken> {
    let token = CancellationToken::new();
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Error::internal)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(Error::internal)?;
    let cancelled = token.clone();
    tasks.spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            () = cancelled.cancelled() => return,
        }
        tracing::info!("stopping; requests in work are finished first");
        cancelled.cancel();
    });
    Ok(token)
}

/// Waits for every task, for at most 25 seconds; whether all ended.
pub async fn drain(tasks: &TaskTracker) -> bool {
    tasks.close();
    tokio::time::timeout(DRAIN, tasks.wait()).await.is_ok()
}
