//! Signing in and refreshing.
//!
//! A sign-in runs the same statements and the same hash whatever is wrong with it, and only then decides.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use crm_kit_api::{
    Call, Error, Result,
    call::{Access, Permissions, Scope, Statistics},
};
use crm_kit_pg::Tx;
use crm_proto::crm::platform::v1::{CreateSessionRequest, SessionTokens};
use futures::FutureExt as _;
use uuid::Uuid;

use super::{
    Client, Sessions,
    guard::Kind,
    model::Opening,
    ops,
    store::{self, Candidate, Exchange},
};
use crate::{
    reason,
    role::model::Rights,
    secret::{RefreshText, Secret},
    tenant::{
        self,
        model::{State, Tenant},
    },
    text,
};

/// A request without a caller yet.
#[derive(Clone, Debug)]
pub struct Origin {
    pub client: Client,
    pub request_id: Arc<str>,
    pub method: Arc<str>,
    pub statistics: Arc<Statistics>,
}

/// What the database says to a sign-in, before the password is looked at.
struct Found {
    candidate: Option<Candidate>,
    locked: bool,
}

impl Sessions {
    /// Signs a user in.
    pub async fn sign_in(&self, request: &CreateSessionRequest, origin: &Origin) -> Result<SessionTokens> {
        let now = self.clock.now();
        let tenant = self.admit(&request.tenant, &origin.client, now).await?;
        let found = self.find(tenant.as_ref(), request, now).await?;
        let hash = found.candidate.as_ref().and_then(|candidate| candidate.password_hash.as_deref());
        let right = self.hasher.verify(hash, &request.password).await?;
        let outcome = match (tenant, found.candidate) {
            (Some(tenant), Some(user)) if right && !found.locked && user.may_sign_in => Ok((tenant, user)),
            _ => Err(reason::sign_in_failed()),
        };
        let result = if outcome.is_ok() { "success" } else { "failure" };
        metrics::counter!("crm_platform_sign_ins_total", "result" => result).increment(1);
        let (tenant, user) = outcome?;
        if tenant.state == State::Suspended {
            return Err(reason::tenant_suspended());
        }
        let opening = self.opening(tenant.id, user.id, &origin.client, now);
        self.open(&tenant, &request.username, &opening, origin).await?;
        opening.tokens(user.password_change_required)
    }

    /// The tenant of a slug, if the network address may try at all.
    async fn admit(&self, slug: &str, client: &Client, now: DateTime<Utc>) -> Result<Option<Tenant>> {
        let slug = text::key(slug);
        let subject = client.network().map(|network| ops::source_subject(&network));
        self.db.for_tenant(Uuid::nil(), |tx| admit_in(tx, &slug, subject.as_deref(), now).boxed()).await?
    }

    async fn find(
        &self,
        tenant: Option<&Tenant>,
        request: &CreateSessionRequest,
        now: DateTime<Utc>,
    ) -> Result<Found> {
        let tenant_id = tenant.map_or(Uuid::nil(), |tenant| tenant.id);
        // Names of tenants that do not exist are counted in the nil tenant, apart from each other.
        let unknown = if tenant.is_none() { request.tenant.as_str() } else { "" };
        let subject = ops::name_subject(&format!(
            "{}{}{unknown}",
            request.username,
            if unknown.is_empty() { "" } else { "\n" }
        ));
        let key = text::key(&request.username);
        self.db.for_tenant(tenant_id, |tx| find_in(tx, &key, &subject, now).boxed()).await
    }

    async fn open(&self, tenant: &Tenant, username: &str, opening: &Opening, origin: &Origin) -> Result<()> {
        let call = acting(tenant, opening.session.user_id, origin, opening.session.create_time);
        self.db.write(&call, "session.create", |tx| open_in(tx, username, opening).boxed()).await?;
        let Some(network) = origin.client.network() else { return Ok(()) };
        let subject = ops::source_subject(&network);
        self.db.for_tenant(Uuid::nil(), |tx| store::take_back(tx.conn(), Uuid::nil(), &subject).boxed()).await
    }

    /// Exchanges a refresh token. One that was exchanged before ends its session: either it or its successor was stolen.
    pub async fn refresh(&self, text: &str, origin: &Origin) -> Result<SessionTokens> {
        let token = &RefreshText::parse(text).ok_or_else(Error::credential_invalid)?;
        let (now, next) = (self.clock.now(), &Secret::random());
        let exchange =
            self.db.for_tenant(token.tenant_id, |tx| store::exchange(tx.conn(), token, next, now).boxed());
        match exchange.await? {
            Exchange::Done { session, password_change_required } => {
                let refresh = RefreshText { secret: next.clone(), ..token.clone() };
                self.continuing(session, refresh, now).tokens(password_change_required)
            }
            Exchange::Reused => {
                self.revoke(token, origin, now).await?;
                Err(Error::credential_invalid())
            }
            Exchange::Unknown => Err(Error::credential_invalid()),
        }
    }

    async fn revoke(&self, token: &RefreshText, origin: &Origin, now: DateTime<Utc>) -> Result<()> {
        tracing::warn!(session = %token.session_id, "a refresh token was used twice; the session ends");
        metrics::counter!("crm_platform_refresh_tokens_reused_total").increment(1);
        let call = acting(&Tenant::new(token.tenant_id, now), Uuid::nil(), origin, now);
        let ended = self
            .db
            .write(&call, "session.revoke", |tx| ops::delete_in(tx, token.session_id, None).boxed())
            .await;
        match ended {
            Err(error) if error.reason() != "NOT_FOUND" => Err(error),
            _ => Ok(()),
        }
    }
}

async fn admit_in(
    tx: &mut Tx<'_>,
    slug: &str,
    subject: Option<&str>,
    now: DateTime<Utc>,
) -> Result<Result<Option<Tenant>>> {
    if let Some(subject) = subject
        && let Err(wait) = ops::count(tx, Kind::Source, subject, now).await?
    {
        let message = "too many failed sign-ins from this network address";
        return Ok(Err(Error::exhausted("RATE_LIMITED", message, wait)));
    }
    tenant::store::find_by_slug(tx.conn(), slug).await.map(Ok)
}

async fn find_in(tx: &mut Tx<'_>, key: &str, subject: &str, now: DateTime<Utc>) -> Result<Found> {
    let tenant_id = tx.tenant_id();
    let candidate = store::candidate(tx.conn(), tenant_id, key).await?;
    let locked = ops::count(tx, Kind::Name, subject, now).await?.is_err();
    Ok(Found { candidate, locked })
}

async fn open_in(tx: &mut Tx<'_>, username: &str, opening: &Opening) -> Result<SessionTokens> {
    ops::forgive(tx, username).await?;
    ops::open(tx, opening).await?;
    Ok(SessionTokens::default())
}

/// A call made as a user that has just been recognized, or as the platform itself (nil).
fn acting(tenant: &Tenant, user_id: Uuid, origin: &Origin, now: DateTime<Utc>) -> Call {
    let access = Access {
        tenant_id: tenant.id,
        caller_id: user_id,
        service: None,
        permissions: Permissions::default(),
        scope: Scope::Owners(Arc::default()),
        masks: Rights::none().masks,
        tenant: tenant.settings(),
        groups: Arc::default(),
        password_change_required: false,
    };
    Call {
        access: Arc::new(access),
        now,
        deadline: None,
        request_id: Arc::clone(&origin.request_id),
        method: Arc::clone(&origin.method),
        idempotency: None,
        overrides: Arc::default(),
        statistics: Arc::clone(&origin.statistics),
    }
}
