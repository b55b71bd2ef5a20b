//! Native gRPC: a call of any known package goes to its backend byte for byte, with its metadata, streams and trailers.

use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
};

use axum::body::Body as AxumBody;
use futures::{FutureExt as _, future::BoxFuture, stream};
use http::{HeaderMap, HeaderValue, Request, Response, Uri, header};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use tonic::{Code, Status, body::Body};
use tower::Service;

use crate::{
    call::Backend,
    error::{Failure, Outcome, Result},
    gateway::Shared,
    metadata::{self, Caller, SERVICE},
    observe::Label,
    route::{Method, Target},
};

/// The gRPC face as a tower service, so that tonic-web can stand before it.
#[derive(Clone)]
pub struct Passthrough {
    pub shared: Arc<Shared>,
    pub caller: Caller,
}

impl Service<Request<Body>> for Passthrough {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, std::result::Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<std::result::Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let Self { shared, caller } = self.clone();
        async move {
            let method = find(&shared, request.uri().path());
            let label = Label(match &method {
                Some(method) => Arc::from(method.path.as_str()),
                None => Arc::from("grpc"),
            });
            let mut response = match forward(&shared, method.as_deref(), &caller, request).await {
                Ok(response) => response,
                Err(failure) => refuse(failure),
            };
            response.headers_mut().insert(metadata::REQUEST_ID, caller.request_id);
            response.extensions_mut().insert(label);
            Ok(response)
        }
        .boxed()
    }
}

/// Whether the request speaks gRPC or gRPC-Web.
pub fn is_grpc(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"))
}

/// tonic-web's decoded body still claims the length of the encoded one, which HTTP/2 takes for a broken request.
pub fn without_length(request: Request<AxumBody>) -> Request<AxumBody> {
    let kind = request.headers().get(header::CONTENT_TYPE);
    if kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc-web-text")) {
        return request.map(|body| AxumBody::from_stream(body.into_data_stream()));
    }
    request
}

async fn forward(
    shared: &Shared,
    method: Option<&Method>,
    caller: &Caller,
    mut request: Request<Body>,
) -> Result<Response<Body>> {
    shared.check_rate(request.headers(), caller)?;
    let path = request.uri().path();
    if path.starts_with("/grpc.health.v1.") || path.starts_with("/grpc.reflection.") {
        return Ok(local(shared, request).await);
    }
    let backend = backend(shared, path, request.headers())?.clone();
    let default = shared.settings.default_deadline.as_millis().min(99_999_999);
    let unary = method.is_some_and(|method| !method.client_streaming && !method.server_streaming);
    metadata::clean_grpc(request.headers_mut(), caller);
    if unary && !request.headers().contains_key("grpc-timeout") {
        let value = HeaderValue::from_str(&format!("{default}m"));
        request
            .headers_mut()
            .extend(value.ok().map(|value| (header::HeaderName::from_static("grpc-timeout"), value)));
    }
    let path = request.uri().path_and_query().cloned();
    *request.uri_mut() = path.map(Uri::from).unwrap_or_default();
    *request.version_mut() = http::Version::HTTP_2;
    let mut channel = backend.ready_channel().await?;
    let response = channel.call(request).await.map_err(|error| transport(&backend, error))?;
    let streams = method.is_none_or(|method| method.server_streaming);
    Ok(if streams { response.map(|body| until_drained(shared, body)) } else { response })
}

fn transport(backend: &Backend, error: tonic::transport::Error) -> Failure {
    let status = Status::from_error(error.into());
    match status.code() {
        Code::Cancelled | Code::DeadlineExceeded => Failure::deadline(),
        _ => backend.failure(status, None),
    }
}

fn find(shared: &Shared, path: &str) -> Option<Arc<Method>> {
    let (service, method) = path.strip_prefix('/')?.split_once('/')?;
    shared.routes.services.get(service)?.get(method).cloned()
}

/// The package decides, so that a method newer than this gateway works too.
fn backend<'a>(shared: &'a Shared, path: &str, headers: &HeaderMap) -> Result<&'a Backend> {
    let service = path.strip_prefix('/').and_then(|rest| rest.split_once('/')).map(|(service, _)| service);
    let package = service.and_then(|service| service.rsplit_once('.')).map(|(package, _)| package);
    match package.and_then(|package| shared.packages.get(package)) {
        Some(Target::Backend(index)) => Ok(&shared.backends[*index]),
        Some(Target::Named) => {
            let named = headers.get(SERVICE).map(|value| value.to_str().unwrap_or_default());
            let name = named.unwrap_or(&shared.settings.default_service);
            shared
                .backend_named(name)
                .ok_or_else(|| Failure::header(SERVICE.as_str(), "it names no service of this installation"))
        }
        None => Err(Failure::new(
            Code::Unimplemented,
            "ROUTE_NOT_FOUND",
            "no service of this installation has this method",
        )),
    }
}

/// Health and reflection are the gateway's own.
async fn local(shared: &Shared, request: Request<Body>) -> Response<Body> {
    let mut router = shared.local.clone();
    match router.call(request.map(AxumBody::new)).await {
        Ok(response) => response.map(Body::new),
        Err(never) => match never {},
    }
}

fn refuse(failure: Failure) -> Response<Body> {
    let code = failure.code();
    let mut response = failure.into_status().into_http::<Body>();
    response.extensions_mut().insert(Outcome(code));
    response
}

/// Ends a stream with UNAVAILABLE when the gateway stops.
fn until_drained(shared: &Shared, body: Body) -> Body {
    let drain = shared.drain.clone();
    let frames = stream::unfold(Some((body, drain)), |state| async move {
        let (mut body, drain) = state?;
        tokio::select! {
            biased;
            frame = body.frame() => frame.map(|frame| (frame, Some((body, drain)))),
            () = drain.stream_over() => {
                let mut trailers = HeaderMap::new();
                // A status this small always fits a header.
                let _ = Failure::draining().into_status().add_header(&mut trailers);
                Some((Ok(Frame::trailers(trailers)), None))
            }
        }
    });
    Body::new(StreamBody::new(frames))
}
