//! Access tokens: JSON Web Tokens (RFC 7519) signed with Ed25519 (RFC 8037), and nothing else.
//!
//! What a token may look like is fixed to the last header field: `{"typ":"JWT","alg":"EdDSA","kid":..}` and the claims of [`Claims`]. The
//! cryptography behind the `jsonwebtoken` crate is our own choice ([`provider`]): it knows one algorithm, so that no header can ask for
//! another. Times are checked against the instant the caller of [`Verifier::verify`] gives, not against the machine's clock.
//!
//! Not here: where keys come from and whether the session behind a token still lives. This module knows nothing of the platform.

mod provider;
mod sign;
mod verify;

pub use sign::Signer;
pub use verify::{PublicKey, Refusal, Verifier};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Who signs.
pub const ISSUER: &str = "crm-platform";
/// Whom tokens are for.
pub const AUDIENCE: &str = "crm";
/// How long a token lasts.
pub const LIFE: TimeDelta = TimeDelta::minutes(10);
/// Longest token that is looked at, in bytes.
pub const MAX_LENGTH: usize = 8 * 1024;
/// How far the clocks of two machines may lie apart.
const SKEW: TimeDelta = TimeDelta::seconds(30);

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// Issuer.
    pub iss: String,
    /// Audience.
    pub aud: String,
    /// User.
    pub sub: Uuid,
    /// Tenant of the user.
    pub tid: Uuid,
    /// Session the token belongs to.
    pub sid: Uuid,
    /// Id of the token.
    pub jti: Uuid,
    /// When it was signed, in seconds of the epoch.
    pub iat: i64,
    /// From when it holds.
    pub nbf: i64,
    /// Until when it holds.
    pub exp: i64,
}

impl Claims {
    /// Claims of a token signed now.
    pub fn new(tenant_id: Uuid, user_id: Uuid, session_id: Uuid, now: DateTime<Utc>) -> Self {
        Self {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: user_id,
            tid: tenant_id,
            sid: session_id,
            jti: Uuid::new_v4(),
            iat: now.timestamp(),
            nbf: now.timestamp(),
            exp: (now + LIFE).timestamp(),
        }
    }

    /// Until when the token holds.
    pub fn expire_time(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(self.exp, 0).unwrap_or_default()
    }
}
