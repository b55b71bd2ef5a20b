//! Identity of a service of this installation: a token that lives for two minutes, signed with a key that all services share and nobody outside has.
//!
//! A token names the service that calls, the service that is called, one tenant, and optionally the user the work is for. It proves that its bearer
//! is a service, never that it is that user. What it allows: everything within the tenant, unmasked; or, when the caller says so, what the
//! user may do. A token without a tenant opens the event streams of all tenants and nothing else.
//!
//! The gateway drops such tokens from requests that come from outside.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use crm_kit_api::{
    Error, Result,
    call::{Access, Permissions, TenantSettings},
    clock::Clock,
    id,
};
use ring::hmac;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Authenticate, Credential};

/// How identity tokens begin. The tilde stands in no access token and no API key.
pub const PREFIX: &str = "crm~service~";
/// Shortest secret, in bytes.
const SHORTEST_SECRET: usize = 32;
/// How long a token lives.
const LIFE: TimeDelta = TimeDelta::minutes(2);
/// Longest life that is accepted, and so the furthest a clock may be ahead.
const LONGEST_LIFE: TimeDelta = TimeDelta::minutes(5);
/// Permission of a call that spans tenants.
const EVENTS: &str = "event.events.read";

/// The key that services of one installation sign with.
#[derive(Clone)]
pub struct ServiceKey(Arc<hmac::Key>);

impl std::fmt::Debug for ServiceKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("ServiceKey")
    }
}

/// Whom a service acts for in another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acting {
    /// For all tenants: event streams only.
    AllTenants,
    /// For one tenant, with every right there, and for a user if one is behind the work.
    Tenant {
        /// The tenant.
        tenant_id: Uuid,
        /// The user whose work it is; audit rows and events name it.
        user_id: Option<Uuid>,
        /// Settings of the tenant, when the service knows them.
        settings: TenantSettings,
    },
    /// For a user of a tenant, with that user's rights and masks and no more.
    User {
        /// The tenant.
        tenant_id: Uuid,
        /// The user.
        user_id: Uuid,
    },
}

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    /// The service that calls.
    iss: String,
    /// The service that is called.
    aud: String,
    /// Expiry, in seconds since 1970.
    exp: i64,
    /// Tenant; absent for all.
    tid: Option<Uuid>,
    /// User the work is for.
    usr: Option<Uuid>,
    /// Whether the call has the user's rights.
    own: bool,
    /// Settings of the tenant.
    set: Option<TenantSettings>,
}

impl ServiceKey {
    /// The key of an installation's secret; `INVALID_ARGUMENT / FIELD_INVALID` for a secret shorter than 32 bytes.
    pub fn derive(secret: &str) -> Result<Self> {
        if secret.len() < SHORTEST_SECRET {
            let message = format!(
                "must have at least {SHORTEST_SECRET} bytes, the same in every service of the installation; services prove with it who they are"
            );
            return Err(Error::invalid_field("internal_secret", "SETTINGS_INVALID", message));
        }
        let root = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let derived = hmac::sign(&root, b"crm service identity 1");
        Ok(Self(Arc::new(hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()))))
    }

    /// A token with which `service` calls `audience`.
    pub fn sign(&self, service: &str, audience: &str, acting: &Acting, now: DateTime<Utc>) -> Result<String> {
        let (tid, usr, own, set) = match acting {
            Acting::AllTenants => (None, None, false, None),
            Acting::Tenant { tenant_id, user_id, settings } => {
                (Some(*tenant_id), *user_id, false, Some(settings.clone()))
            }
            Acting::User { tenant_id, user_id } => (Some(*tenant_id), Some(*user_id), true, None),
        };
        let exp = (now + LIFE).timestamp();
        let claims = Claims { iss: service.to_owned(), aud: audience.to_owned(), exp, tid, usr, own, set };
        let claims = serde_json::to_vec(&claims).map_err(Error::internal)?;
        let signature = hmac::sign(&self.0, &claims);
        let (claims, signature) = (URL_SAFE_NO_PAD.encode(claims), URL_SAFE_NO_PAD.encode(signature));
        Ok(format!("{PREFIX}{claims}.{signature}"))
    }

    /// The name of the service that calls `audience` and whom it acts for; `None` for everything but a token of this key that is alive.
    fn verify(&self, token: &str, audience: &str, now: DateTime<Utc>) -> Option<(Arc<str>, Acting)> {
        let (service, acting, expiry) = self.read(token, audience)?;
        let left = expiry - now.timestamp();
        (left > 0 && left <= LONGEST_LIFE.num_seconds()).then_some((service, acting))
    }

    /// What a token of this key says, alive or not, and when it expires, in seconds since 1970.
    fn read(&self, token: &str, audience: &str) -> Option<(Arc<str>, Acting, i64)> {
        let (claims, signature) = token.strip_prefix(PREFIX)?.split_once('.')?;
        let claims = URL_SAFE_NO_PAD.decode(claims).ok()?;
        hmac::verify(&self.0, &claims, &URL_SAFE_NO_PAD.decode(signature).ok()?).ok()?;
        let claims: Claims = serde_json::from_slice(&claims).ok()?;
        if claims.aud != audience {
            return None;
        }
        let settings = claims.set.unwrap_or_default();
        let acting = match (claims.tid.filter(|tenant| !tenant.is_nil()), claims.usr, claims.own) {
            (None, None, false) if claims.tid.is_none() => Acting::AllTenants,
            (Some(tenant_id), user_id, false) => Acting::Tenant { tenant_id, user_id, settings },
            (Some(tenant_id), Some(user_id), true) => Acting::User { tenant_id, user_id },
            _ => return None,
        };
        Some((claims.iss.into(), acting, claims.exp))
    }
}

/// Knows services by their identity tokens, and everybody else as `outside` does.
pub struct ServicesAnd {
    name: &'static str,
    key: Option<ServiceKey>,
    clock: Clock,
    outside: Arc<dyn Authenticate>,
}

impl ServicesAnd {
    /// For the service `name`; without a key no service is known.
    pub fn new(
        name: &'static str,
        key: Option<ServiceKey>,
        clock: Clock,
        outside: Arc<dyn Authenticate>,
    ) -> Self {
        Self { name, key, clock, outside }
    }

    async fn service(&self, token: &str) -> Result<Arc<Access>> {
        let verified = self.key.as_ref().and_then(|key| key.verify(token, self.name, self.clock.now()));
        let Some((service, acting)) = verified else {
            // A setting that differs between services shows here first.
            tracing::warn!(
                "an identity token of a service was refused; internal_secret and clocks must be the same in every service"
            );
            return Err(Error::credential_invalid());
        };
        self.access(service, acting).await
    }

    async fn access(&self, service: Arc<str>, acting: Acting) -> Result<Arc<Access>> {
        let access = match acting {
            Acting::AllTenants => {
                let own = id::of_service(&service);
                let all = Access::of_service(service, Uuid::nil(), own, TenantSettings::default());
                Access { permissions: Permissions::new([EVENTS.to_owned()]), ..all }
            }
            Acting::Tenant { tenant_id, user_id, settings } => {
                let caller = user_id.unwrap_or_else(|| id::of_service(&service));
                Access::of_service(service, tenant_id, caller, settings)
            }
            Acting::User { tenant_id, user_id } => {
                let access = self.outside.user_access(tenant_id, user_id).await?;
                // The work was begun while the user's password was good.
                Access { service: Some(service), password_change_required: false, ..Access::clone(&access) }
            }
        };
        Ok(Arc::new(access))
    }
}

#[tonic::async_trait]
impl Authenticate for ServicesAnd {
    async fn authenticate(&self, credential: &Credential) -> Result<Arc<Access>> {
        if credential.text().starts_with(PREFIX) {
            self.service(credential.text()).await
        } else {
            self.outside.authenticate(credential).await
        }
    }

    async fn authenticate_again(&self, credential: &Credential) -> Result<Arc<Access>> {
        let token = credential.text();
        if !token.starts_with(PREFIX) {
            return self.outside.authenticate_again(credential).await;
        }
        let read = self.key.as_ref().and_then(|key| key.read(token, self.name));
        let (service, acting, _) = read.ok_or_else(Error::credential_invalid)?;
        self.access(service, acting).await
    }

    async fn user_access(&self, tenant_id: Uuid, user_id: Uuid) -> Result<Arc<Access>> {
        self.outside.user_access(tenant_id, user_id).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "a secret of thirty-two bytes or more";

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    fn all() -> [Acting; 4] {
        let (tenant_id, user_id) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let settings = TenantSettings { region_code: "CN".to_owned(), ..TenantSettings::default() };
        [
            Acting::AllTenants,
            Acting::Tenant { tenant_id, user_id: None, settings: TenantSettings::default() },
            Acting::Tenant { tenant_id, user_id: Some(user_id), settings },
            Acting::User { tenant_id, user_id },
        ]
    }

    #[test]
    fn a_token_tells_who_calls_for_whom_and_only_its_audience_takes_it() {
        let key = ServiceKey::derive(SECRET).unwrap();
        for acting in all() {
            let token = key.sign("sales", "platform", &acting, now()).unwrap();
            assert_eq!(key.verify(&token, "platform", now()), Some(("sales".into(), acting)));
            assert_eq!(key.verify(&token, "customers", now()), None);
        }
    }

    #[test]
    fn a_token_dies_after_two_minutes_and_none_may_claim_more_than_five() {
        let key = ServiceKey::derive(SECRET).unwrap();
        let token = key.sign("sales", "platform", &Acting::AllTenants, now()).unwrap();
        let alive = |at| key.verify(&token, "platform", at).is_some();
        assert!(alive(now() + TimeDelta::seconds(119)) && !alive(now() + TimeDelta::seconds(120)));
        assert!(alive(now() - TimeDelta::seconds(60)) && !alive(now() - TimeDelta::seconds(200)));
        // What it said stays readable for a stream that goes on, to its audience and under its key alone.
        assert!(key.read(&token, "platform").is_some() && key.read(&token, "customer").is_none());
        let foreign = ServiceKey::derive(&SECRET.to_uppercase()).unwrap();
        assert!(foreign.read(&token, "platform").is_none());
    }

    #[test]
    fn no_changed_or_foreign_token_is_taken() {
        let key = ServiceKey::derive(SECRET).unwrap();
        let token = key.sign("sales", "platform", &all()[1], now()).unwrap();
        let foreign = ServiceKey::derive(&SECRET.to_uppercase()).unwrap();
        assert_eq!(foreign.verify(&token, "platform", now()), None);
        for at in PREFIX.len()..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'Q' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert_eq!(key.verify(&changed, "platform", now()), None, "byte {at}");
        }
    }

    #[test]
    fn a_nil_tenant_is_not_all_tenants() {
        let key = ServiceKey::derive(SECRET).unwrap();
        let acting =
            Acting::Tenant { tenant_id: Uuid::nil(), user_id: None, settings: TenantSettings::default() };
        let token = key.sign("sales", "platform", &acting, now()).unwrap();
        assert_eq!(key.verify(&token, "platform", now()), None);
    }

    #[test]
    fn a_short_secret_is_refused_with_the_name_of_the_setting() {
        let error = ServiceKey::derive("short").unwrap_err();
        assert_eq!(error.violations()[0].field, "internal_secret");
    }
}
