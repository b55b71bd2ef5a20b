//! The gateway put together: tables built at start, and the one function every request passes.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr},
    panic::AssertUnwindSafe,
    sync::Arc,
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::State,
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use futures::FutureExt as _;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, header};
use prost_reflect::DescriptorPool;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::{
    service::Routes as LocalRoutes,
    transport::{Channel, Endpoint},
};
use tower::{Layer as _, Service as _};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

use crate::{
    call::Backend,
    config::Settings,
    docs,
    drain::Drain,
    error::{Failure, Result},
    health,
    json::Shapes,
    limit::Limiter,
    metadata::{self, Caller, REQUEST_ID},
    observe::{Label, Record},
    openapi,
    passthrough::{self, Passthrough},
    rest,
    route::{
        Routes, Target,
        rule::{self, SHARED_PACKAGES, Unroutable},
        table::Match,
    },
    server,
};

/// Why a gateway cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error("the contract cannot be served: {0}")]
    Unroutable(#[from] Unroutable),
    #[error("the descriptors cannot be read: {0}")]
    Descriptors(#[from] prost_reflect::DescriptorError),
    #[error("the reflection service cannot be built: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
    #[error("two backends serve `{0}`")]
    PackageTwice(String),
}

/// Serves one contract at one address.
#[derive(Clone)]
pub struct Gateway {
    shared: Arc<Shared>,
}

/// What every request reads.
pub struct Shared {
    pub shapes: Shapes,
    pub routes: Routes,
    pub packages: HashMap<String, Target>,
    pub backends: Vec<Backend>,
    pub settings: Settings,
    pub drain: Drain,
    /// Health and reflection of the gateway itself.
    pub local: LocalRoutes,
    limiter: Option<Limiter>,
    openapi: Bytes,
    metrics: Option<RenderMetrics>,
}

/// Prints the metrics in Prometheus' text format.
pub type RenderMetrics = Arc<dyn Fn() -> String + Send + Sync>;

/// Address of the connection's other end, put into each request by the server.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub IpAddr);

impl Gateway {
    /// Builds every table. A pool with comments gives a documented `/openapi.json`; [`crate::contract`] has them.
    pub fn new(
        pool: DescriptorPool,
        backends: Vec<Backend>,
        settings: Settings,
    ) -> std::result::Result<Self, BuildError> {
        let pool = with_error_details(pool)?;
        let mut packages = HashMap::from(SHARED_PACKAGES.map(|package| (package.to_owned(), Target::Named)));
        for (index, backend) in backends.iter().enumerate() {
            for package in &backend.packages {
                if packages.insert(package.clone(), Target::Backend(index)).is_some() {
                    return Err(BuildError::PackageTwice(package.clone()));
                }
            }
        }
        let shapes = Shapes::compile(&pool);
        let routes = rule::compile(&pool, &shapes, |package| packages.get(package).copied())?;
        let mounted: Vec<&str> = packages.keys().map(String::as_str).collect();
        let openapi = Bytes::from(openapi::document(&pool, &mounted).to_string());
        Ok(Self {
            shared: Arc::new(Shared {
                local: local_services(&pool)?,
                limiter: Limiter::new(&settings),
                drain: Drain::default(),
                metrics: None,
                shapes,
                routes,
                packages,
                backends,
                settings,
                openapi,
            }),
        })
    }

    /// Serves `/metrics` with what the function prints. To be called before the gateway is shared.
    #[must_use]
    pub fn with_metrics(mut self, render: impl Fn() -> String + Send + Sync + 'static) -> Self {
        if let Some(shared) = Arc::get_mut(&mut self.shared) {
            shared.metrics = Some(Arc::new(render));
        }
        self
    }

    /// Every face of the gateway as one service.
    pub fn router(&self) -> Router {
        let router = Router::new().fallback(handle).with_state(Arc::clone(&self.shared));
        match cors(&self.shared.settings) {
            Some(cors) => router.layer(cors),
            None => router,
        }
    }

    /// Serves connections until `shutdown`, then lets requests in flight finish within the settings' limit.
    pub async fn serve(&self, listener: TcpListener, shutdown: CancellationToken) -> std::io::Result<()> {
        server::run(self.router(), listener, &self.shared.settings, &self.shared.drain, shutdown).await
    }
}

impl Shared {
    pub fn backend_named(&self, name: &str) -> Option<&Backend> {
        self.backends.iter().find(|backend| backend.name == name)
    }

    pub fn check_rate(&self, headers: &HeaderMap, caller: &Caller) -> Result<()> {
        let credential = headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
        self.limiter.as_ref().map_or(Ok(()), |limiter| limiter.check(credential, caller.address))
    }
}

/// What every request passes: a name, a log line, a net for panics, and the headers of the answer.
async fn handle(State(shared): State<Arc<Shared>>, request: Request<Body>) -> Response {
    let caller = Caller {
        request_id: metadata::request_id(request.headers()),
        address: address(&shared.settings, &request),
    };
    let record = Record::begin(request.method(), request.headers(), caller.request_id.clone());
    let answered = AssertUnwindSafe(dispatch(&shared, &caller, request)).catch_unwind().await;
    let mut response = answered.unwrap_or_else(|_| {
        tracing::error!(target: "crm_gateway", request_id = ?caller.request_id, "a request panicked");
        Failure::internal(caller.request_id.to_str().unwrap_or_default()).into_response(&shared.shapes)
    });
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, caller.request_id);
    for (name, value) in SAFE_HEADERS {
        headers.entry(name).or_insert(value);
    }
    record.follow(response)
}

/// Answers are data: not to be sniffed, framed, cached or run.
const SAFE_HEADERS: [(HeaderName, HeaderValue); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; sandbox"),
    ),
];

async fn dispatch(shared: &Arc<Shared>, caller: &Caller, request: Request<Body>) -> Response {
    if passthrough::is_grpc(request.headers()) {
        let service = Passthrough { shared: Arc::clone(shared), caller: caller.clone() };
        let mut service = tonic_web::GrpcWebLayer::new().layer(service);
        return match service.call(passthrough::without_length(request)).await {
            Ok(response) => response.map(Body::new),
            Err(never) => match never {},
        };
    }
    if let Some(response) = own_page(shared, request.method(), request.uri().path()).await {
        return response;
    }
    let found = shared.routes.table.find(request.method(), request.uri().path());
    let (label, answered) = match found {
        Match::Found(route) => {
            let label = Some(Label(Arc::clone(&route.template)));
            let answered = match shared.check_rate(request.headers(), caller) {
                Ok(()) => rest::serve(Arc::clone(shared), route, caller.clone(), request).await,
                Err(failure) => Err(failure),
            };
            (label, answered)
        }
        nothing => (None, Err(rest::unroutable(nothing))),
    };
    let mut response = answered.unwrap_or_else(|failure| failure.into_response(&shared.shapes));
    if let Some(label) = label {
        response.extensions_mut().insert(label);
    }
    response
}

/// Pages that are no RPC.
async fn own_page(shared: &Shared, method: &Method, path: &str) -> Option<Response> {
    if !matches!(*method, Method::GET | Method::HEAD) {
        return None;
    }
    let mut response = match path {
        "/" => docs::index(),
        "/docs" | "/docs/" => docs::page(),
        "/docs/docs.js" => docs::script(),
        "/docs/docs.css" => docs::style(),
        "/openapi.json" => docs::openapi(shared.openapi.clone()),
        "/healthz" => health::live(),
        "/readyz" => health::ready(shared).await,
        "/metrics" => {
            let render = shared.metrics.clone()?;
            ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], render()).into_response()
        }
        _ => return None,
    };
    response.extensions_mut().insert(Label(Arc::from(path)));
    Some(response)
}

fn address(settings: &Settings, request: &Request<Body>) -> IpAddr {
    let forwarded = settings.trust_forwarded_for.then(|| {
        let last = request.headers().get_all("x-forwarded-for").iter().next_back()?;
        last.to_str().ok()?.rsplit(',').next()?.trim().parse().ok()
    });
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0);
    forwarded.flatten().or(peer).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}

fn cors(settings: &Settings) -> Option<CorsLayer> {
    if settings.cors_origins.is_empty() {
        return None;
    }
    let origins = if settings.cors_origins.iter().any(|origin| origin == "*") {
        AllowOrigin::any()
    } else {
        AllowOrigin::list(settings.cors_origins.iter().filter_map(|origin| origin.parse().ok()))
    };
    let exposed = ["x-request-id", "retry-after", "grpc-status", "grpc-message", "grpc-status-details-bin"];
    Some(
        CorsLayer::new()
            .allow_origin(origins)
            .allow_headers(AllowHeaders::mirror_request())
            .allow_methods([Method::GET, Method::POST, Method::PATCH, Method::PUT, Method::DELETE])
            .expose_headers(exposed.map(HeaderName::from_static))
            .max_age(Duration::from_hours(1)),
    )
}

/// No contract imports the messages of error details, yet every error carries some.
fn with_error_details(
    mut pool: DescriptorPool,
) -> std::result::Result<DescriptorPool, prost_reflect::DescriptorError> {
    const FILE: &str = "google/rpc/error_details.proto";
    let details = DescriptorPool::decode(tonic_types::pb::FILE_DESCRIPTOR_SET)?;
    let missing = |name: &str, pool: &DescriptorPool| pool.get_file_by_name(name).is_none();
    for name in ["google/protobuf/any.proto", "google/protobuf/duration.proto", FILE] {
        let file = details.files().find(|file| file.name().ends_with(name));
        if let (true, Some(file)) = (missing(name, &pool), file) {
            let mut file = file.file_descriptor_proto().clone();
            file.name = Some(name.to_owned());
            pool.add_file_descriptor_proto(file)?;
        }
    }
    Ok(pool)
}

fn local_services(
    pool: &DescriptorPool,
) -> std::result::Result<LocalRoutes, tonic_reflection::server::Error> {
    let encoded = pool.encode_to_vec();
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(&encoded)
        .build_v1()?;
    // A gateway that answers is healthy; `/readyz` tells about its backends. The reporter's initial state says so.
    let (_, health) = tonic_health::server::health_reporter();
    Ok(LocalRoutes::new(reflection).add_service(health).prepare())
}

/// A channel that connects when it is used, with the keep-alive and windows that suit a gateway. Several addresses, separated by commas,
/// share the calls.
pub fn channel(addresses: &str) -> std::result::Result<Channel, tonic::transport::Error> {
    let mut endpoints = Vec::new();
    for address in addresses.split(',') {
        let endpoint = Endpoint::from_shared(address.trim().to_owned())?
            .connect_timeout(Duration::from_secs(3))
            .tcp_nodelay(true)
            .http2_keep_alive_interval(Duration::from_secs(20))
            .keep_alive_timeout(Duration::from_secs(10))
            .initial_stream_window_size(1 << 20)
            .initial_connection_window_size(8 << 20);
        endpoints.push(endpoint);
    }
    Ok(match endpoints.as_slice() {
        [one] => one.connect_lazy(),
        _ => Channel::balance_list(endpoints.into_iter()),
    })
}
