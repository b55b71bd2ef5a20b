//! Credentials, and what they allow.
//!
//! People and systems outside show an access token or an API key. Two implementations of [`Authenticate`] know them: the platform looks into
//! its own database, every other service asks the platform ([`RemoteAccess`]) and keeps the answer for as long as the platform says.
//!
//! Services of this installation show an identity token ([`service`]), which every service verifies by itself.
//!
//! Not here: how access tokens are made and verified, which is the platform's; calls to other services ([`crate::peer`]).

mod remote;
pub mod service;

use std::sync::Arc;

use crm_kit_api::{Error, Result, call::Access};
use http::HeaderMap;
use uuid::Uuid;

pub use remote::{RemoteAccess, access_from_wire};

/// Longest credential that is looked at.
const MAX_LENGTH: usize = 8 * 1024;

/// What a caller shows to prove who it is: an access token or an API key, as sent after `Bearer`.
#[derive(Clone)]
pub struct Credential(String);

impl std::fmt::Debug for Credential {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Credential")
    }
}

impl Credential {
    /// A credential from its text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Reads the `authorization` header: exactly one, of the scheme `Bearer`.
    pub fn from_headers(headers: &HeaderMap) -> Result<Option<Self>> {
        let mut values = headers.get_all(http::header::AUTHORIZATION).iter();
        let Some(value) = values.next() else { return Ok(None) };
        let text = value.to_str().ok().filter(|text| text.len() <= MAX_LENGTH && values.next().is_none());
        let (scheme, token) =
            text.and_then(|text| text.split_once(' ')).ok_or_else(Error::credential_invalid)?;
        if scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty() {
            Ok(Some(Self(token.trim().to_owned())))
        } else {
            Err(Error::credential_invalid())
        }
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.0
    }
}

/// Tells what a credential allows.
#[tonic::async_trait]
pub trait Authenticate: Send + Sync + 'static {
    /// The access of `credential`, or `UNAUTHENTICATED / CREDENTIAL_INVALID`.
    async fn authenticate(&self, credential: &Credential) -> Result<Arc<Access>>;

    /// The access now of a credential that was good when a stream was opened with it, while the stream goes on. For most that is the same as
    /// [`Authenticate::authenticate`]; the identity of a service was proved once for all, whatever the life of its token.
    async fn authenticate_again(&self, credential: &Credential) -> Result<Arc<Access>> {
        self.authenticate(credential).await
    }

    /// The access of a user, for a service that goes on with that user's work when no credential of the user is at hand any more;
    /// `UNAUTHENTICATED / CREDENTIAL_INVALID` unless user and tenant are active.
    async fn user_access(&self, tenant_id: Uuid, user_id: Uuid) -> Result<Arc<Access>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (http::header::AUTHORIZATION, value.parse().unwrap())).collect()
    }

    #[test]
    fn only_one_bearer_header_of_sane_length_is_a_credential() {
        assert_eq!(Credential::from_headers(&headers(&["bearer abc"])).unwrap().unwrap().text(), "abc");
        assert!(Credential::from_headers(&HeaderMap::new()).unwrap().is_none());
        let long = format!("Bearer {}", "x".repeat(MAX_LENGTH));
        for bad in [&["Basic abc"][..], &["Bearer "], &["abc"], &[""], &["Bearer a", "Bearer b"], &[&long]] {
            assert_eq!(
                Credential::from_headers(&headers(bad)).unwrap_err().reason(),
                "CREDENTIAL_INVALID",
                "{bad:?}"
            );
        }
    }
}
