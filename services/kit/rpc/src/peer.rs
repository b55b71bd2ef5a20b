//! Calls to other services, in this service's name.
//!
//! [`Peers`] knows the channels and the key; an [`Errand`] says for whom a call is made and what travels with it. A typed client is made of both:
//! `UserServiceClient::new(peers.on("platform", Errand::of(&call))?)`. Every request of such a client carries a fresh identity token, the time that is
//! left, the request id, and an idempotency key of its own when the errand has one.
//!
//! Not here: channels ([`crate::client`]) and what a token proves ([`crate::auth::service`]).

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use crm_kit_api::{Call, Error, Result, call::TenantSettings, clock::Clock};
use crm_proto::crm::{
    event::v1::{StreamEventsRequest, SubscribeResponse, event_service_client::EventServiceClient},
    platform::v1::{GetUserRequest, User, user_service_client::UserServiceClient},
};
use futures::future::BoxFuture;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use tonic::{
    Code, GrpcMethod, Request, Status, Streaming,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::Channel,
};
use uuid::Uuid;

use crate::auth::{
    Authenticate,
    service::{Acting, ServiceKey, ServicesAnd},
};

/// Deadline of calls whose errand has none.
const DEADLINE: Duration = Duration::from_secs(10);

/// The other services as this one reaches them. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Peers {
    name: &'static str,
    key: Option<ServiceKey>,
    clock: Clock,
    channels: Arc<BTreeMap<&'static str, Channel>>,
}

/// For whom a call is made, and what travels with it.
#[derive(Clone, Debug)]
pub struct Errand {
    acting: Acting,
    deadline: Option<Instant>,
    request_id: Arc<str>,
    key: Option<Arc<str>>,
}

/// A channel on which every request carries the errand.
pub type Wire = InterceptedService<Channel, Errands>;

impl Peers {
    /// The peers of the service `name`. An empty secret: this service knows no other and none knows it.
    pub fn new(name: &'static str, secret: &SecretString, clock: Clock) -> Result<Self> {
        let secret = secret.expose_secret();
        let key = if secret.is_empty() { None } else { Some(ServiceKey::derive(secret)?) };
        Ok(Self { name, key, clock, channels: Arc::default() })
    }

    /// With the service `name` on `channel`.
    #[must_use]
    pub fn with(mut self, name: &'static str, channel: Channel) -> Self {
        Arc::make_mut(&mut self.channels).insert(name, channel);
        self
    }

    /// Knows services by their identity, and everybody else as `outside` does.
    pub fn and(&self, outside: Arc<dyn Authenticate>) -> Arc<dyn Authenticate> {
        Arc::new(ServicesAnd::new(self.name, self.key.clone(), self.clock.clone(), outside))
    }

    /// Whether this installation has the service.
    pub fn knows(&self, service: &str) -> bool {
        self.channels.contains_key(service)
    }

    /// This service's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// A channel to `service` for one errand. Fails with `INVALID_ARGUMENT / FIELD_INVALID` for `internal_secret` when this process has none.
    pub fn on(&self, service: &'static str, errand: Errand) -> Result<Wire> {
        let channel = self.channels.get(service);
        let channel = channel.ok_or_else(|| Error::bug(format!("no channel to {service}")))?.clone();
        let key = self.key.clone().ok_or_else(|| {
            let message = format!(
                "is not set; without it {} cannot call {service} nor follow its events. Set the same secret of at least 32 bytes in every service",
                self.name
            );
            Error::invalid_field("internal_secret", "SETTINGS_INVALID", message)
        })?;
        let errands = Errands { key, from: self.name, to: service, clock: self.clock.clone(), errand };
        Ok(InterceptedService::new(channel, errands))
    }

    /// What asks the platform for a user of the call's tenant; `None` when there is none.
    pub fn users(&self) -> impl Fn(&Call, Uuid) -> Asking + Send + Sync + use<> {
        let peers = self.clone();
        move |call, id| {
            let wire = peers.on("platform", Errand::of(call));
            Box::pin(async move {
                let mut users = UserServiceClient::new(wire?);
                match users.get_user(GetUserRequest { id: id.to_string() }).await {
                    Ok(user) => Ok(Some(user.into_inner())),
                    Err(status) if status.code() == Code::NotFound => Ok(None),
                    Err(status) => Err(failure("the platform service", status)),
                }
            }) as Asking
        }
    }

    /// What opens the event stream of `service` over all tenants.
    pub fn events(
        &self,
        service: &'static str,
    ) -> Result<impl Fn(StreamEventsRequest) -> Opening + Send + Sync + use<>> {
        let errand =
            Errand { acting: Acting::AllTenants, deadline: None, request_id: "follow".into(), key: None };
        let client = EventServiceClient::new(self.on(service, errand)?);
        Ok(move |request| {
            let mut client = client.clone();
            Box::pin(async move { Ok(client.stream_events(request).await?.into_inner()) }) as Opening
        })
    }
}

/// A user that is being asked for.
pub type Asking = BoxFuture<'static, Result<Option<User>>>;

/// A stream that is being opened.
pub type Opening = BoxFuture<'static, Result<Streaming<SubscribeResponse>, Status>>;

impl Errand {
    /// Part of the work of `call`: in its tenant, for its user, until its deadline, under its request id. With the service's rights.
    pub fn of(call: &Call) -> Self {
        Self {
            acting: Acting::Tenant {
                tenant_id: call.tenant_id(),
                user_id: call.access.user_id(),
                settings: call.access.tenant.clone(),
            },
            deadline: call.deadline,
            request_id: Arc::clone(&call.request_id),
            key: call.idempotency.as_ref().map(|idempotency| Arc::clone(&idempotency.key)),
        }
    }

    /// Work of the service itself in a tenant; `request_id` names what caused it.
    pub fn in_tenant(tenant_id: Uuid, settings: TenantSettings, request_id: &str) -> Self {
        let acting = Acting::Tenant { tenant_id, user_id: None, settings };
        Self { acting, deadline: None, request_id: request_id.into(), key: None }
    }

    /// On behalf of `user_id`, whom audit rows and events then name; with the service's rights.
    #[must_use]
    pub fn on_behalf_of(mut self, user: Uuid) -> Self {
        if let Acting::Tenant { user_id, .. } = &mut self.acting {
            *user_id = Some(user);
        }
        self
    }

    /// With the rights and masks of the user it is made for and no more; the service that is called asks the platform for them. Work that
    /// goes on after the user's own credential has expired is done this way. Without a user nothing changes.
    #[must_use]
    pub fn with_the_users_rights(mut self) -> Self {
        if let Acting::Tenant { tenant_id, user_id: Some(user_id), .. } = self.acting {
            self.acting = Acting::User { tenant_id, user_id };
        }
        self
    }

    /// Under a key of the caller's choice, for example the id of a saga and its step. Each method gets a key of its own made from it.
    #[must_use]
    pub fn under_key(mut self, key: &str) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Until `deadline`.
    #[must_use]
    pub fn until(mut self, deadline: Instant) -> Self {
        self.deadline = Some(deadline);
        self
    }
}

/// Puts an errand on requests.
#[derive(Clone, Debug)]
pub struct Errands {
    key: ServiceKey,
    from: &'static str,
    to: &'static str,
    clock: Clock,
    errand: Errand,
}

impl Errands {
    /// The caller's key may go to several methods of several services, each of which would take it for the same request with another body.
    fn method_key(&self, request: &Request<()>) -> Option<String> {
        let key = self.errand.key.as_ref()?;
        let method = request.extensions().get::<GrpcMethod<'_>>()?;
        let hash = Sha256::new()
            .chain_update(self.from)
            .chain_update([0])
            .chain_update(method.service())
            .chain_update([0])
            .chain_update(method.method())
            .chain_update([0])
            .chain_update(key.as_bytes())
            .finalize();
        Some(format!("{}-{hash:x}", self.from))
    }
}

impl Interceptor for Errands {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let Errand { acting, deadline, request_id, .. } = &self.errand;
        let ascii = |text: String| text.parse::<MetadataValue<Ascii>>().map_err(Error::internal);
        let token = self.key.sign(self.from, self.to, acting, self.clock.now())?;
        let key = self.method_key(&request);
        let metadata = request.metadata_mut();
        metadata.insert("authorization", ascii(format!("Bearer {token}"))?);
        metadata.insert("x-request-id", ascii(request_id.as_ref().to_owned())?);
        if let Some(key) = key {
            metadata.insert("idempotency-key", ascii(key)?);
        }
        let streams = *acting == Acting::AllTenants;
        if !streams && metadata.get("grpc-timeout").is_none() {
            let left = match deadline {
                Some(deadline) => {
                    deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
                }
                None => Some(DEADLINE),
            };
            request.set_timeout(left.ok_or_else(Error::deadline_exceeded)?);
        }
        Ok(request)
    }
}

/// What a caller is told when another service did not do its part. An answer about the errand itself keeps its code and words only when the
/// use case lets it through; a service that cannot be reached, is busy, or does not take our identity is a dependency that does not answer.
pub fn failure(what: &str, status: Status) -> Error {
    match status.code() {
        Code::DeadlineExceeded => Error::deadline_exceeded().caused_by(status),
        Code::Unavailable
        | Code::ResourceExhausted
        | Code::Aborted
        | Code::Unauthenticated
        | Code::Cancelled => Error::unavailable(what, status),
        _ => Error::internal(status),
    }
}
