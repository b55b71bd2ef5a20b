//! Signing in to a server, for the commands that talk to one through its gateway.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use crm_proto::crm::platform::v1::{
    CreateSessionRequest, RefreshSessionRequest, SessionTokens, session_service_client::SessionServiceClient,
};
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::Channel,
};

use crate::{
    cli::Connection,
    failure::{Failure, Result},
    terminal,
};

/// A token is renewed when it has less than this left.
const RENEW_BEFORE: Duration = Duration::from_mins(2);

/// A channel on which every call carries the credential.
pub type Authorised = InterceptedService<Channel, Bearer>;

/// Adds the credential to every call. Clones share it, so that a renewed one holds for all.
#[derive(Clone, Debug)]
pub struct Bearer {
    credential: Arc<Mutex<MetadataValue<Ascii>>>,
    /// Which service is meant by calls of methods that several services have.
    service: Option<MetadataValue<Ascii>>,
}

impl Bearer {
    /// A bearer of this token or API key.
    pub fn new(token: &str) -> Result<Self> {
        Ok(Self { credential: Arc::new(Mutex::new(header(token)?)), service: None })
    }

    fn replace(&self, token: &str) -> Result<()> {
        *self.credential.lock().unwrap_or_else(PoisonError::into_inner) = header(token)?;
        Ok(())
    }
}

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let value = self.credential.lock().unwrap_or_else(PoisonError::into_inner).clone();
        request.metadata_mut().insert("authorization", value);
        if let Some(service) = &self.service {
            request.metadata_mut().insert("crm-service", service.clone());
        }
        Ok(request)
    }
}

fn header(token: &str) -> Result<MetadataValue<Ascii>> {
    let value = format!("Bearer {token}").parse::<MetadataValue<Ascii>>();
    let mut value = value.map_err(|_| Failure::new("the token holds characters that no token has"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// A way to the server, with a credential that is kept fresh.
#[derive(Debug)]
pub struct Session {
    channel: Channel,
    bearer: Bearer,
    renewal: Option<Renewal>,
}

#[derive(Debug)]
struct Renewal {
    refresh_token: String,
    due: Instant,
}

impl Session {
    /// Reaches the server and signs in, unless a token is given.
    pub async fn open(connection: &Connection) -> Result<Self> {
        let channel = crm_kit_rpc::client::connect(&connection.server)
            .map_err(|_| Failure::new(format!("not the address of a server: {}", connection.server)))?;
        match (&connection.token, &connection.tenant, &connection.user) {
            (Some(token), ..) => Ok(Self { channel, bearer: Bearer::new(token)?, renewal: None }),
            (None, Some(tenant), Some(user)) => {
                let password = match std::env::var("CRM_PASSWORD") {
                    Ok(password) => password,
                    Err(_) => terminal::ask_secret(&format!("Password of {user} in {tenant}: "))?,
                };
                Self::sign_in(channel, tenant, user, &password).await
            }
            _ => Err(Failure::new("either --token, or --tenant and --user, says who asks")),
        }
    }

    /// Signs in over a channel.
    pub async fn sign_in(channel: Channel, tenant: &str, username: &str, password: &str) -> Result<Self> {
        let request = CreateSessionRequest {
            tenant: tenant.to_owned(),
            username: username.to_owned(),
            password: password.to_owned(),
        };
        let tokens = SessionServiceClient::new(channel.clone()).create_session(request).await?.into_inner();
        if tokens.password_change_required {
            return Err(Failure::new(
                "this password must be changed first: POST /v1/users/me:changePassword (see README.md)",
            ));
        }
        let bearer = Bearer::new(&tokens.access_token)?;
        Ok(Self { channel, bearer, renewal: Some(renewal(tokens)) })
    }

    /// Has calls of methods that several services have go to this one.
    pub fn keep_to(&mut self, service: &'static str) {
        self.bearer.service = Some(MetadataValue::from_static(service));
    }

    /// The credential, for another channel to the same installation.
    pub fn bearer(&self) -> Bearer {
        self.bearer.clone()
    }

    /// The channel with the credential, renewed when it is about to expire. Ask again before each call of a long job.
    pub async fn channel(&mut self) -> Result<Authorised> {
        if let Some(due) = self.renewal.as_ref().filter(|renewal| Instant::now() >= renewal.due) {
            let request = RefreshSessionRequest { refresh_token: due.refresh_token.clone() };
            let mut sessions = SessionServiceClient::new(self.channel.clone());
            let tokens = sessions.refresh_session(request).await?.into_inner();
            self.bearer.replace(&tokens.access_token)?;
            self.renewal = Some(renewal(tokens));
        }
        Ok(InterceptedService::new(self.channel.clone(), self.bearer.clone()))
    }
}

fn renewal(tokens: SessionTokens) -> Renewal {
    let seconds = tokens.expires_in.map_or(0, |left| left.seconds).max(0).unsigned_abs();
    let left = Duration::from_secs(seconds).saturating_sub(RENEW_BEFORE);
    Renewal { refresh_token: tokens.refresh_token, due: Instant::now() + left }
}
