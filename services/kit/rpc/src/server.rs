//! The server: every service runs the same one.

use std::{io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use crm_kit_api::{Error, Result, clock::Clock, sensitivity::Masker};
use futures::{Stream, StreamExt as _};
use prost_protovalidate::Validator;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::Semaphore,
};
use tokio_util::sync::CancellationToken;
use tonic::{service::Routes, transport::server::Connected};
use tonic_health::server::HealthReporter;
use tower::ServiceBuilder;

use crate::{
    auth::Authenticate,
    connection::{Closable, Counted},
    layer::{
        guard::{Guard, Walls},
        limit::Limit,
        methods::Methods,
        observe::Observe,
    },
};

/// Limits of a server. The defaults suit a pod of one or two cores.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Requests in work at once; more are refused with OVERLOADED.
    pub requests: usize,
    /// Streams of answers open at once, all callers together; more are refused with TOO_MANY_STREAMS.
    pub streams: usize,
    /// Connections; more wait to be accepted.
    pub connections: usize,
    /// Streams of one connection.
    pub streams_per_connection: u32,
    /// Bytes of one request message.
    pub message_bytes: usize,
    /// Bytes of one request's metadata.
    pub header_bytes: u32,
    /// Seconds after which a silent connection is asked whether it still lives.
    pub keep_alive_seconds: u64,
    /// Seconds that requests in work get when the server stops; then their connections are closed.
    pub drain_seconds: u64,
}

impl Limits {
    /// Time that requests in work get when the server stops.
    pub fn drain(&self) -> Duration {
        Duration::from_secs(self.drain_seconds)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            requests: 512,
            streams: 1024,
            connections: 1024,
            streams_per_connection: 256,
            message_bytes: 4 << 20,
            header_bytes: 16 << 10,
            keep_alive_seconds: 30,
            drain_seconds: 25,
        }
    }
}

/// A service ready to be served, over the network or in memory.
#[derive(Clone, Debug)]
pub struct Server {
    name: &'static str,
    routes: Routes,
    walls: Arc<Walls>,
    limits: Limits,
    places: Arc<Semaphore>,
    health: HealthReporter,
}

impl Server {
    /// A server of `routes` behind the walls of the contract.
    pub async fn new(
        name: &'static str,
        routes: Routes,
        authenticator: Arc<dyn Authenticate>,
        clock: Clock,
        limits: Limits,
    ) -> Result<Self> {
        let pool = crm_proto::pool();
        let masker = Masker::new(pool);
        let walls = Walls {
            methods: Methods::new(pool, &masker)?,
            masker,
            validator: Validator::new(),
            authenticator,
            clock,
            message_limit: limits.message_bytes,
            streams: Arc::new(Semaphore::new(limits.streams)),
            stream_limit: limits.streams,
        };
        let (health, health_service) = tonic_health::server::health_reporter();
        health.set_service_status("", tonic_health::ServingStatus::NotServing).await;
        let reflection = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(crm_proto::DESCRIPTORS)
            .build_v1()
            .map_err(Error::internal)?;
        let routes = routes.add_service(health_service).add_service(reflection).prepare();
        let places = Arc::new(Semaphore::new(limits.requests));
        Ok(Self { name, routes, walls: Arc::new(walls), limits, places, health })
    }

    /// States whether the service is ready for requests, for health checks and load balancers.
    pub async fn set_ready(&self, ready: bool) {
        let status = if ready {
            tonic_health::ServingStatus::Serving
        } else {
            tonic_health::ServingStatus::NotServing
        };
        self.health.set_service_status("", status).await;
    }

    /// Name of the service.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Time that requests in work get when the server stops.
    pub fn drain(&self) -> Duration {
        self.limits.drain()
    }

    /// Serves a TCP port until `shutdown`, then finishes the requests in work for as long as the limits allow.
    pub async fn serve(self, listener: TcpListener, shutdown: CancellationToken) -> Result<()> {
        let connections = Arc::new(Semaphore::new(self.limits.connections));
        let incoming =
            futures::stream::unfold((listener, connections), |(listener, connections)| async move {
                let place = Arc::clone(&connections).acquire_owned().await.ok()?;
                let accepted = listener.accept().await.map(|(stream, _)| {
                    let _ = stream.set_nodelay(true);
                    Counted::new(stream, place)
                });
                Some((accepted, (listener, connections)))
            });
        self.serve_streams(incoming, shutdown).await
    }

    /// Serves connections from anywhere.
    pub async fn serve_streams<I, C>(self, incoming: I, shutdown: CancellationToken) -> Result<()>
    where
        I: Stream<Item = io::Result<C>> + Send,
        C: AsyncRead + AsyncWrite + Connected + Unpin + Send + 'static,
        C::ConnectInfo: Clone + Send + Sync + 'static,
    {
        let Self { name, routes, walls, limits, places, .. } = self;
        let observed = Arc::clone(&walls);
        // Outermost first. Everything a request passes before its handler stands in this list.
        let layers = ServiceBuilder::new()
            // Request id, one log line, metrics; a panic becomes INTERNAL.
            .layer_fn(move |inner| Observe::new(inner, name, Arc::clone(&observed)))
            // Requests beyond the limit are refused at once.
            .layer_fn(move |inner| Limit::new(inner, Arc::clone(&places)))
            // Deadline, credential, permission, bounds, idempotency key; on the way back, masks.
            .layer_fn(move |inner| Guard::new(inner, Arc::clone(&walls)))
            .into_inner();
        let keep_alive = Duration::from_secs(limits.keep_alive_seconds);
        // A peer that reads nothing could hold its connection for ever.
        let close = CancellationToken::new();
        let closing = close.clone();
        let incoming =
            incoming.map(move |accepted| accepted.map(|stream| Closable::new(stream, closing.child_token())));
        let over = {
            let (shutdown, limit) = (shutdown.clone(), limits.drain());
            async move {
                shutdown.cancelled().await;
                tokio::time::sleep(limit).await;
            }
        };
        let serving = tonic::transport::Server::builder()
            .accept_http1(false)
            .max_concurrent_streams(limits.streams_per_connection)
            .http2_max_header_list_size(limits.header_bytes)
            .http2_keepalive_interval(Some(keep_alive))
            .http2_keepalive_timeout(Some(Duration::from_secs(20)))
            .initial_stream_window_size(1 << 20)
            .initial_connection_window_size(4 << 20)
            .layer(layers)
            .add_routes(routes)
            .serve_with_incoming_shutdown(Box::pin(incoming), shutdown.cancelled_owned());
        let mut serving = pin!(serving);
        let served = tokio::select! {
            served = &mut serving => served,
            () = over => {
                tracing::warn!(service = name, "the drain time is over; connections are closed");
                close.cancel();
                serving.await
            }
        };
        served.map_err(Error::internal)
    }
}

/// Where a listener listens, for log lines and tests.
pub fn local_address(listener: &TcpListener) -> Result<SocketAddr> {
    listener.local_addr().map_err(Error::internal)
}
