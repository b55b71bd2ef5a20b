//! From a credential to the access it gives.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use crm_kit_api::{Call, Error, Result, call::Access, clock::Clock};
use crm_kit_pg::Db;
use crm_kit_rpc::auth::{Authenticate, Credential};
use futures::FutureExt as _;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::store::{self, Named};
use crate::{
    secret::{ApiKeyText, equal},
    signing_key::Keys,
    tenant,
};

/// Looks credentials up in the platform's own database.
#[derive(Clone, Debug)]
pub struct Authenticator {
    db: Db,
    keys: Keys,
    clock: Clock,
    operator: Option<Arc<Operator>>,
}

/// The operator's key as a hash, so that comparing takes the same time for every length.
#[derive(Debug)]
struct Operator([u8; 32]);

impl Authenticator {
    /// An authenticator; without `operator_key` nobody is the operator.
    pub fn new(db: Db, keys: Keys, clock: Clock, operator_key: Option<&SecretString>) -> Self {
        let operator = operator_key.map(|key| Arc::new(Operator(Sha256::digest(key.expose_secret()).into())));
        Self { db, keys, clock, operator }
    }

    fn is_operator(&self, credential: &str) -> bool {
        let hash = Sha256::digest(credential);
        self.operator.as_ref().is_some_and(|operator| equal(&operator.0, &hash))
    }

    async fn api_key(&self, text: &str) -> Result<Access> {
        let key = ApiKeyText::parse(text).ok_or_else(Error::credential_invalid)?;
        self.caller(key.tenant_id, Named::ApiKey(key.id), |hash| {
            hash.is_some_and(|hash| key.secret.matches(hash))
        })
        .await
    }

    async fn access_token(&self, text: &str) -> Result<Access> {
        let verified = self.keys.verify(text, self.clock.now()).await?;
        let claims = verified.map_err(|refusal| {
            tracing::debug!(?refusal, "an access token was refused");
            Error::credential_invalid()
        })?;
        let named = Named::Session { user_id: claims.sub, session_id: claims.sid };
        self.caller(claims.tid, named, |_| true).await
    }

    async fn caller(
        &self,
        tenant_id: Uuid,
        named: Named,
        proven: impl Fn(Option<&[u8]>) -> bool,
    ) -> Result<Access> {
        let now = self.clock.now();
        let question = question(tenant_id, now);
        let caller =
            self.db.read(&question, |tx| store::caller(tx.conn(), tenant_id, named, now).boxed()).await?;
        let caller = caller.filter(|caller| proven(caller.secret_hash.as_deref()));
        caller.map(|caller| caller.access(tenant_id)).ok_or_else(Error::credential_invalid)
    }
}

/// A call of nobody in a tenant: what it takes to read before there is a caller.
fn question(tenant_id: Uuid, now: DateTime<Utc>) -> Call {
    Call {
        access: Arc::new(Access { tenant_id, ..tenant::ops::operator() }),
        now,
        deadline: None,
        request_id: "".into(),
        method: "".into(),
        idempotency: None,
        overrides: Arc::default(),
        statistics: Arc::default(),
    }
}

#[tonic::async_trait]
impl Authenticate for Authenticator {
    async fn authenticate(&self, credential: &Credential) -> Result<Arc<Access>> {
        let text = credential.text();
        let access = if self.is_operator(text) {
            tenant::ops::operator()
        } else if ApiKeyText::is_one(text) {
            self.api_key(text).await?
        } else {
            self.access_token(text).await?
        };
        Ok(Arc::new(access))
    }

    async fn user_access(&self, tenant_id: Uuid, user_id: Uuid) -> Result<Arc<Access>> {
        self.caller(tenant_id, Named::User(user_id), |_| true).await.map(Arc::new)
    }
}
