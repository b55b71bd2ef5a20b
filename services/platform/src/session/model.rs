//! What a session is, and what opening one hands out.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use crm_kit_api::{Error, Result, clock::Clock, id, time::timestamp};
use crm_kit_pg::Db;
use crm_proto::crm::platform::v1::{self as wire, SessionTokens};
use uuid::Uuid;

use super::Client;
use crate::{
    password::Hasher,
    secret::{RefreshText, Secret},
    signing_key::Keys,
    token::{self, Claims, Signer},
};

/// How long a session lives after it was last refreshed.
pub const LIFE: TimeDelta = TimeDelta::days(30);

/// One sign-in of one user on one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub id: Uuid,
    pub user_id: Uuid,
    pub create_time: DateTime<Utc>,
    pub refresh_time: DateTime<Utc>,
    pub expire_time: DateTime<Utc>,
    pub source: String,
    pub user_agent: String,
}

/// Opens, refreshes and ends sessions. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Sessions {
    pub db: Db,
    pub hasher: Hasher,
    pub keys: Keys,
    pub clock: Clock,
}

/// A session with fresh tokens. The database gets their hashes, the user gets them.
#[derive(Clone, Debug)]
pub struct Opening {
    pub session: Session,
    pub refresh: RefreshText,
    signer: Arc<Signer>,
    now: DateTime<Utc>,
}

impl Session {
    /// The session on the wire.
    pub fn to_wire(&self) -> wire::Session {
        wire::Session {
            id: self.id.to_string(),
            create_time: Some(timestamp(self.create_time)),
            refresh_time: Some(timestamp(self.refresh_time)),
            expire_time: Some(timestamp(self.expire_time)),
            user_id: self.user_id.to_string(),
            source: self.source.clone(),
            user_agent: self.user_agent.clone(),
        }
    }
}

impl Sessions {
    /// A new session, yet to be stored.
    pub fn opening(&self, tenant_id: Uuid, user_id: Uuid, client: &Client, now: DateTime<Utc>) -> Opening {
        let session = Session {
            id: id::new(now),
            user_id,
            create_time: now,
            refresh_time: now,
            expire_time: now + LIFE,
            source: client.source.map(|address| address.to_canonical().to_string()).unwrap_or_default(),
            user_agent: client.user_agent.clone(),
        };
        let (family, secret) = (Secret::random(), Secret::random());
        let refresh = RefreshText { tenant_id, session_id: session.id, family, secret };
        Opening { session, refresh, signer: self.keys.signer(), now }
    }

    /// The next tokens of a session whose row already holds the hash of `refresh`.
    pub fn continuing(&self, session: Session, refresh: RefreshText, now: DateTime<Utc>) -> Opening {
        Opening { session, refresh, signer: self.keys.signer(), now }
    }
}

impl Opening {
    /// What the user gets.
    pub fn tokens(&self, password_change_required: bool) -> Result<SessionTokens> {
        let claims = Claims::new(self.refresh.tenant_id, self.session.user_id, self.session.id, self.now);
        Ok(SessionTokens {
            access_token: self.signer.sign(&claims).map_err(Error::internal)?,
            expires_in: Some(prost_types::Duration { seconds: token::LIFE.num_seconds(), nanos: 0 }),
            refresh_token: self.refresh.reveal(),
            password_change_required,
            session: Some(self.session.to_wire()),
        })
    }
}
