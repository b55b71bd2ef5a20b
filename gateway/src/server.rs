//! The listener: connections with limits that hyper leaves open, and the way they end.

use std::{io, pin::pin, sync::Arc, time::Duration};

use axum::Router;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::Service as _;

use crate::{config::Settings, drain::Drain, gateway::Peer};

mod busy;
mod sniff;

use busy::{Busy, Counted};

/// Part of the drain time kept for streams that are told to end.
const LAST_CALL: Duration = Duration::from_secs(2);

/// Accepts connections until `shutdown`, then drains.
pub async fn run(
    router: Router,
    listener: TcpListener,
    settings: &Settings,
    drain: &Drain,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let tasks = TaskTracker::new();
    let slots = Arc::new(Semaphore::new(settings.max_connections));
    let abort = CancellationToken::new();
    let host = Host { router, settings: Arc::new(settings.clone()), drain: drain.clone(), abort };
    loop {
        let accepted = tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                // Beyond the cap a connection is closed at once: the caller sees it and goes elsewhere.
                if let Ok(slot) = Arc::clone(&slots).try_acquire_owned() {
                    tasks.spawn(host.clone().connection(stream, Peer(peer.ip()), slot));
                } else {
                    metrics::counter!("crm_gateway_connections_refused_total").increment(1);
                }
            }
            // Out of file descriptors, mostly: existing connections must end first.
            Err(error) => {
                tracing::warn!(target: "crm_gateway", %error, "accept failed");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(listener);
    host.drain_all(&tasks).await;
    Ok(())
}

#[derive(Clone)]
struct Host {
    router: Router,
    settings: Arc<Settings>,
    drain: Drain,
    abort: CancellationToken,
}

impl Host {
    async fn drain_all(&self, tasks: &TaskTracker) {
        tracing::info!(target: "crm_gateway", connections = tasks.len(), "draining");
        tasks.close();
        self.drain.begun.cancel();
        let limit = self.settings.drain_timeout;
        let last = LAST_CALL.min(limit / 2);
        if tokio::time::timeout(limit.saturating_sub(last), tasks.wait()).await.is_ok() {
            return;
        }
        self.drain.last_call.cancel();
        if tokio::time::timeout(last, tasks.wait()).await.is_err() {
            tracing::warn!(target: "crm_gateway", connections = tasks.len(), "drain limit reached; closing connections");
            self.abort.cancel();
            tasks.wait().await;
        }
    }

    async fn connection(self, stream: TcpStream, peer: Peer, slot: OwnedSemaphorePermit) {
        let _slot = slot;
        let _ = stream.set_nodelay(true);
        let sniffed = tokio::select! {
            sniffed = tokio::time::timeout(self.settings.header_timeout, sniff::sniff(stream)) => sniffed,
            () = self.drain.begun.cancelled() => return,
        };
        let Ok(Ok((http2, stream))) = sniffed else { return };
        let busy = Busy::new();
        let service = self.service(peer, busy.clone());
        let builder = self.builder(http2);
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
        tokio::select! {
            _ = connection.as_mut() => return,
            () = busy.stalled(self.settings.stall_timeout) => return,
            () = self.drain.begun.cancelled() => {}
            () = busy.idle(self.settings.idle_timeout) => {}
        }
        connection.as_mut().graceful_shutdown();
        tokio::select! {
            _ = connection.as_mut() => {}
            () = busy.stalled(self.settings.stall_timeout) => {}
            () = self.abort.cancelled() => {}
            // A peer that does not even take a farewell.
            () = busy.idle(self.settings.stall_timeout) => {}
        }
    }

    fn service(
        &self,
        peer: Peer,
        busy: Busy,
    ) -> impl hyper::service::Service<
        Request<Incoming>,
        Response = Response<Counted>,
        Error = std::convert::Infallible,
        Future: Send + 'static,
    > + use<> {
        let router = self.router.clone();
        hyper::service::service_fn(move |mut request: Request<Incoming>| {
            let guard = busy.begin();
            request.extensions_mut().insert(peer);
            let answer = router.clone().call(request);
            async move { Ok(answer.await?.map(|body| Counted::new(body, guard))) }
        })
    }

    fn builder(&self, http2: bool) -> auto::Builder<TokioExecutor> {
        let settings = &self.settings;
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(settings.header_timeout)
            .max_buf_size((settings.header_limit as usize).max(8 << 10));
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_header_list_size(settings.header_limit)
            .max_concurrent_streams(settings.max_concurrent_streams)
            .keep_alive_interval(settings.keep_alive)
            .keep_alive_timeout(settings.keep_alive)
            .initial_stream_window_size(1 << 20)
            .initial_connection_window_size(4 << 20);
        if http2 { builder.http2_only() } else { builder.http1_only() }
    }
}
