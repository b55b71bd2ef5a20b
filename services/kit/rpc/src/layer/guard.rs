//! The walls of the contract, for every method alike: deadline, credential, permission, bounds, idempotency key, masks. A handler behind the guard
//! never checks any of them.

use std::{
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bytes::Bytes;
use crm_kit_api::{
    Call, Error, Result,
    call::{Access, Idempotency},
    clock::Clock,
    error::{COMMON_DOMAIN, Violation},
    sensitivity::Masker,
};
use futures::{FutureExt as _, future::BoxFuture};
use http_body_util::BodyExt as _;
use prost_protovalidate::Validator;
use prost_reflect::DynamicMessage;
use sha2::{Digest as _, Sha256};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::{Code, Status, body::Body};
use tower::Service;

use super::{
    Answer, Request, Response,
    frames::{self, Frames},
    methods::{Method, Methods, Permission},
    observe::Observed,
    refuse,
};
use crate::{
    auth::{Authenticate, Credential},
    rows::RowChecks,
};

/// Deadline of unary calls that state none.
const DEFAULT_DEADLINE: Duration = Duration::from_secs(30);
/// Longest deadline that is honoured for unary calls.
const LONGEST_DEADLINE: Duration = Duration::from_mins(5);
/// Longest time a unary request may take to arrive. It holds a place among the requests in work meanwhile.
const ARRIVAL: Duration = Duration::from_secs(10);
/// Longest time of a health check.
const HEALTH: Duration = Duration::from_secs(5);
/// Longest deadline that is honoured for streams.
const LONGEST_STREAM: Duration = Duration::from_hours(24);
/// Most rules that one request sets aside.
const MAX_OVERRIDES: usize = 5;
/// How often the credential of an open stream is checked again.
pub const RECHECK: Duration = Duration::from_secs(20);

/// What guards share.
pub struct Walls {
    /// The contract's methods.
    pub methods: Methods,
    /// Masks responses.
    pub masker: Masker,
    /// Checks bounds.
    pub validator: Validator,
    /// Knows credentials.
    pub authenticator: Arc<dyn Authenticate>,
    /// Tells the time.
    pub clock: Clock,
    /// Most bytes of one request message.
    pub message_limit: usize,
    /// Streams of answers that may be open at once, all callers together.
    pub streams: Arc<Semaphore>,
    /// How many those are.
    pub stream_limit: usize,
}

impl std::fmt::Debug for Walls {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Walls")
    }
}

/// Guards a service.
#[derive(Clone, Debug)]
pub struct Guard<S> {
    inner: S,
    walls: Arc<Walls>,
}

impl<S> Guard<S> {
    /// Puts the walls before `inner`.
    pub fn new(inner: S, walls: Arc<Walls>) -> Self {
        Self { inner, walls }
    }
}

impl<S> Service<Request> for Guard<S>
where
    S: Service<Request, Response = Response, Error = std::convert::Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response;
    type Error = std::convert::Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Answer {
        let walls = Arc::clone(&self.walls);
        // The clone takes the place of the service that was polled ready.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        Box::pin(async move {
            let path = request.uri().path();
            if path == "/grpc.health.v1.Health/Check" {
                let checked = tokio::time::timeout(HEALTH, inner.call(request)).await;
                return checked.unwrap_or_else(|_| Ok(refuse(Error::deadline_exceeded())));
            }
            if path.starts_with("/grpc.health.") || path.starts_with("/grpc.reflection.") {
                return inner.call(request).await;
            }
            let Some(method) = walls.methods.get(path) else {
                return Ok(refuse(Status::unimplemented("there is no such method")));
            };
            let admitted = match walls.admit(method, request).await {
                Ok(admitted) => admitted,
                Err(status) => return Ok(refuse(status)),
            };
            let Admitted { request, call, credential, time_limit, place } = admitted;
            let response = match time_limit {
                None => inner.call(request).await?,
                Some(limit) => match tokio::time::timeout(limit, inner.call(request)).await {
                    Ok(response) => response?,
                    Err(_) => return Ok(refuse(Error::deadline_exceeded())),
                },
            };
            Ok(walls.release(method, response, call, credential, place))
        })
    }
}

/// A request that passed the walls.
struct Admitted {
    request: Request,
    call: Option<Call>,
    credential: Option<Credential>,
    time_limit: Option<Duration>,
    /// Its place among the open streams.
    place: Option<OwnedSemaphorePermit>,
}

impl Walls {
    async fn admit(self: &Arc<Self>, method: &Method, request: Request) -> Result<Admitted, Status> {
        let time_limit = time_limit(method, request.headers())?;
        let credential = Credential::from_headers(request.headers())?;
        let access = self.access(method, credential.as_ref()).await?;
        let observed = request.extensions().get::<Arc<Observed>>().cloned().unwrap_or_default();
        if let Some(access) = &access {
            let _ = observed.caller.set(Arc::clone(access));
        }
        let place = self.stream_place(method, access.as_deref())?;
        let key = idempotency_key(method, request.headers())?;
        let overrides = overrides(access.as_deref(), request.headers())?;
        let (parts, body) = request.into_parts();
        let arrival = time_limit.map_or(ARRIVAL, |limit| limit.min(ARRIVAL));
        let rows = method.tells_rows.then(RowChecks::default);
        let arrived = tokio::time::timeout(arrival, self.check_body(method, body, rows.clone())).await;
        let (body, message) = arrived.unwrap_or_else(|_| Err(Error::deadline_exceeded().into()))?;
        let mut request = Request::from_parts(parts, body);
        let idempotency =
            key.zip(message).map(|(key, message)| Idempotency { key, request_hash: hash(method, &message) });
        let call = access.map(|access| Call {
            access,
            now: self.clock.now(),
            deadline: time_limit.map(|limit| Instant::now() + limit),
            request_id: Arc::clone(&observed.request_id),
            method: Arc::clone(&method.path),
            idempotency,
            overrides,
            statistics: Arc::clone(&observed.statistics),
        });
        if let Some(call) = &call {
            request.extensions_mut().insert(call.clone());
        }
        if let Some(rows) = rows {
            request.extensions_mut().insert(rows);
        }
        Ok(Admitted { request, call, credential, time_limit, place })
    }

    /// A place among the open streams. Other services of the installation are few and always get in.
    fn stream_place(&self, method: &Method, access: Option<&Access>) -> Result<Option<OwnedSemaphorePermit>> {
        if !method.streams_out || access.is_some_and(|access| access.service.is_some()) {
            return Ok(None);
        }
        Arc::clone(&self.streams).try_acquire_owned().map(Some).map_err(|_| {
            metrics::counter!("crm_rpc_streams_refused_total").increment(1);
            let message = "the server has as many open streams as it allows; try again";
            Error::exhausted("TOO_MANY_STREAMS", message, Duration::from_secs(5))
                .with("limit", self.stream_limit)
        })
    }

    /// The caller's access, when the method needs a caller and the caller may call it.
    async fn access(&self, method: &Method, credential: Option<&Credential>) -> Result<Option<Arc<Access>>> {
        if method.permission == Permission::Public {
            return Ok(None);
        }
        let credential = credential.ok_or_else(Error::credential_missing)?;
        let access = self.authenticator.authenticate(credential).await?;
        if let Permission::Named(permission) = &method.permission {
            if access.password_change_required {
                return Err(password_change_required());
            }
            if !access.permissions.allows(permission) {
                return Err(Error::permission_missing(permission));
            }
        }
        Ok(Some(access))
    }

    /// Checks the bounds of every request message: of a unary request before the handler runs, of a stream as its messages arrive. Rows pass, and
    /// what is wrong with them is kept in `rows`.
    async fn check_body(
        self: &Arc<Self>,
        method: &Method,
        body: Body,
        rows: Option<RowChecks>,
    ) -> Result<(Body, Option<Bytes>), Status> {
        if method.streams_in {
            let (walls, input) = (Arc::clone(self), method.input.clone());
            let check = move |message: Bytes| -> Result<Bytes, Status> {
                let checked = walls.check_bounds(&decode(&input, &message)?);
                match &rows {
                    Some(rows) => rows.keep(checked.err()),
                    None => checked?,
                }
                Ok(message)
            };
            return Ok((Body::new(Frames::request(body, self.message_limit, Box::new(check))), None));
        }
        let limited = http_body_util::Limited::new(body, self.message_limit + 5);
        let collected = limited.collect().await.map_err(|error| {
            if error.is::<http_body_util::LengthLimitError>() {
                Status::from(frames::too_large(self.message_limit))
            } else {
                Status::from_error(error)
            }
        })?;
        let bytes = collected.to_bytes();
        let message = frames::decode_single(bytes.clone(), self.message_limit)?;
        self.check_bounds(&decode(&method.input, &message)?)?;
        Ok((Body::new(http_body_util::Full::new(bytes)), Some(message)))
    }

    fn check_bounds(&self, message: &DynamicMessage) -> Result<()> {
        match self.validator.validate(message) {
            Ok(()) => Ok(()),
            Err(prost_protovalidate::Error::Validation(error)) => {
                Err(Error::invalid(error.violations().iter().map(violation).collect()))
            }
            Err(error) => Err(Error::internal(error)),
        }
    }

    /// The response as the caller may see it.
    fn release(
        self: &Arc<Self>,
        method: &Method,
        response: Response,
        call: Option<Call>,
        credential: Option<Credential>,
        place: Option<OwnedSemaphorePermit>,
    ) -> Response {
        let Some(call) = call else { return response };
        let masks = call.access.masks;
        let masked = method.maskable && masks.any();
        if !masked && !method.streams_out {
            return response;
        }
        let walls = Arc::clone(self);
        let output = method.output.clone();
        let map = move |message: Bytes| {
            if masked {
                walls.masker.apply(&output, &message, &masks).map_err(Status::from)
            } else {
                Ok(message)
            }
        };
        // What a service may read of all tenants does not change while it runs.
        let watched = method.streams_out && !call.access.spans_tenants();
        let watch = credential.filter(|_| watched).map(|credential| self.watch(credential, call.access));
        response.map(|body| Body::new(Frames::response(body, Box::new(map), watch).holding(place)))
    }

    /// Ready when the stream's caller may no longer have what it gets.
    fn watch(self: &Arc<Self>, credential: Credential, access: Arc<Access>) -> BoxFuture<'static, Status> {
        let walls = Arc::clone(self);
        async move {
            loop {
                tokio::time::sleep(RECHECK).await;
                match walls.authenticator.authenticate_again(&credential).await {
                    Ok(now) if now.same_rights(&access) => {}
                    Ok(_) => return Status::unavailable("your rights changed; open the stream again"),
                    Err(error) if error.code() == Code::Unauthenticated => return error.into(),
                    // The platform does not answer; the rights known last hold until it does.
                    Err(_) => {}
                }
            }
        }
        .boxed()
    }
}

fn decode(input: &prost_reflect::MessageDescriptor, message: &Bytes) -> Result<DynamicMessage> {
    DynamicMessage::decode(input.clone(), message.clone()).map_err(|error| {
        Error::invalid_field("", "MALFORMED", "the message does not decode").caused_by(error)
    })
}

/// Time a unary call may take, and the limit a stream states itself.
fn time_limit(method: &Method, headers: &http::HeaderMap) -> Result<Option<Duration>> {
    let stated = headers.get("grpc-timeout").map(|value| value.to_str().ok().and_then(parse_timeout));
    let stated = match stated {
        Some(None) => {
            return Err(Error::invalid_field("grpc-timeout", "TIMEOUT_INVALID", "is not a gRPC timeout"));
        }
        Some(Some(stated)) => Some(stated),
        None => None,
    };
    if method.streams_in || method.streams_out {
        return Ok(stated.map(|limit| limit.min(LONGEST_STREAM)));
    }
    Ok(Some(stated.unwrap_or(DEFAULT_DEADLINE).min(LONGEST_DEADLINE)))
}

/// The header of the gRPC specification: up to eight digits and a unit.
fn parse_timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let count: u64 = digits.parse().ok().filter(|_| digits.len() <= 8 && !digits.starts_with('+'))?;
    match unit {
        "H" => Some(Duration::from_secs(count * 3600)),
        "M" => Some(Duration::from_secs(count * 60)),
        "S" => Some(Duration::from_secs(count)),
        "m" => Some(Duration::from_millis(count)),
        "u" => Some(Duration::from_micros(count)),
        "n" => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

/// The rules a caller sets aside: permissions in `crm-override`, separated by commas, which it must hold.
fn overrides(access: Option<&Access>, headers: &http::HeaderMap) -> Result<Arc<[String]>> {
    let (Some(access), Some(value)) = (access, headers.get("crm-override")) else {
        return Ok(Arc::default());
    };
    let names: Vec<&str> = value.to_str().unwrap_or_default().split(',').map(str::trim).collect();
    let is_name = |name: &&str| {
        (1..=100).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'.')
    };
    if names.len() > MAX_OVERRIDES || !names.iter().all(is_name) {
        let message = format!("is not a list of at most {MAX_OVERRIDES} permissions");
        return Err(Error::invalid_field("crm-override", "OVERRIDE_INVALID", message));
    }
    if let Some(missing) = names.iter().find(|name| !access.permissions.allows(name)) {
        return Err(Error::permission_missing(missing));
    }
    Ok(names.into_iter().map(str::to_owned).collect())
}

/// The idempotency key of a unary change; reads and streams have none.
fn idempotency_key(method: &Method, headers: &http::HeaderMap) -> Result<Option<Arc<str>>> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let key = value
        .to_str()
        .ok()
        .filter(|key| (1..=128).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic()));
    match key {
        Some(_) if method.is_read || method.streams_in => Ok(None),
        Some(key) => Ok(Some(key.into())),
        None => Err(Error::invalid_field(
            "idempotency-key",
            "IDEMPOTENCY_KEY_INVALID",
            "must be 1 to 128 printable ASCII characters without blanks",
        )),
    }
}

fn hash(method: &Method, message: &Bytes) -> [u8; 32] {
    Sha256::new()
        .chain_update(method.path.as_bytes())
        .chain_update([0])
        .chain_update(message)
        .finalize()
        .into()
}

fn violation(violation: &prost_protovalidate::Violation) -> Violation {
    // `string.max_len` becomes `STRING_MAX_LEN`.
    let code = violation.rule_id().replace('.', "_").to_uppercase();
    let message = violation.message();
    let message = if message.is_empty() { "breaks a rule of the contract" } else { message };
    Violation::new(violation.field_path(), code, message.trim_start_matches("value "))
}

fn password_change_required() -> Error {
    let message = "a new password must be set first";
    Error::new(Code::FailedPrecondition, COMMON_DOMAIN, "PASSWORD_CHANGE_REQUIRED", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_read_as_the_specification_says() {
        assert_eq!(parse_timeout("2S"), Some(Duration::from_secs(2)));
        assert_eq!(parse_timeout("100m"), Some(Duration::from_millis(100)));
        for bad in ["", "S", "5", "-1S", "+1S", "123456789S", "1s", "1 S"] {
            assert_eq!(parse_timeout(bad), None, "{bad}");
        }
    }
}
