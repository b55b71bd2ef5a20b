//! How a process lives and ends: on a signal it stops taking requests, finishes those in work for a bounded time, and leaves. On a second
//! signal it leaves at once.

use std::{io, net::SocketAddr, time::Duration};

use crm_kit_api::{Error, Result};
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    server::{Server, local_address},
    telemetry::{self, PrometheusHandle},
};

/// Longest time tasks of one process with many services get to finish, after their servers.
const DRAIN: Duration = Duration::from_secs(25);
/// Time beyond the drain for connections that are closed on the peer's behalf.
const FAREWELL: Duration = Duration::from_secs(1);

/// Where a service listens, and what it shows of itself.
#[derive(Debug)]
pub struct Face<'a> {
    /// Address of the service.
    pub listen: &'a str,
    /// Address of `/metrics` and `/livez`.
    pub metrics_listen: &'a str,
    /// Renders the metrics.
    pub metrics: PrometheusHandle,
}

/// Runs a service as a process of its own until `shutdown`, and no longer than its drain time after it. `tasks` are waited for as well.
pub async fn run(
    server: Server,
    face: Face<'_>,
    tasks: TaskTracker,
    shutdown: CancellationToken,
) -> Result<()> {
    let Face { listen, metrics_listen, metrics } = face;
    let mut signals = Signals::new()?;
    let service = server.name();
    let listener = bind(listen).await?;
    let metrics_listener = bind(metrics_listen).await?;
    let over = {
        let (shutdown, limit) = (shutdown.clone(), server.drain() + FAREWELL);
        async move {
            shutdown.cancelled().await;
            tokio::time::sleep(limit).await;
        }
    };
    let address: SocketAddr = local_address(&listener)?;
    let metrics_address = local_address(&metrics_listener)?;
    server.set_ready(true).await;
    tracing::info!(service, %address, %metrics_address, "listening");
    let living = async {
        let metrics = telemetry::serve(metrics, metrics_listener, shutdown.clone());
        tokio::try_join!(server.serve(listener, shutdown.clone()), metrics)?;
        tasks.close();
        tasks.wait().await;
        Ok(())
    };
    tokio::select! {
        ended = living => ended,
        () = over => {
            tracing::warn!(service, "the drain time is over; what is still in work is cut short");
            Ok(())
        }
        () = signals.second() => Err(stopped_at_once()),
    }
}

async fn bind(address: &str) -> Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .map_err(|error| Error::internal(io::Error::new(error.kind(), format!("{address}: {error}"))))
}

/// Cancelled by Ctrl-C or SIGTERM.
pub fn shutdown_on_signal(tasks: &TaskTracker) -> Result<CancellationToken> {
    let token = CancellationToken::new();
    let mut signals = Signals::new()?;
    let cancelled = token.clone();
    tasks.spawn(async move {
        tokio::select! {
            () = signals.next() => {}
            () = cancelled.cancelled() => return,
        }
        tracing::info!("stopping; requests in work are finished first");
        cancelled.cancel();
    });
    Ok(token)
}

/// Ctrl-C and SIGTERM, heard from the moment this is made.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Listens from now on.
    pub fn new() -> Result<Self> {
        let listen = |kind| signal(kind).map_err(Error::internal);
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    /// Ends when somebody who already asked the process to end asks again.
    pub async fn second(&mut self) {
        self.next().await;
        self.next().await;
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// What a process says that was asked to end twice.
fn stopped_at_once() -> Error {
    Error::internal(io::Error::other("stopped at once; requests in work were cut short"))
}

/// Waits for every task, for at most 25 seconds; whether all ended.
pub async fn drain(tasks: &TaskTracker) -> bool {
    tasks.close();
    tokio::time::timeout(DRAIN, tasks.wait()).await.is_ok()
}
