//! The keys in use, read from the database and read again when a token names another.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use crm_kit_api::{Error, Result, clock::Clock, id};
use crm_kit_pg::{Db, Tx};
use futures::FutureExt as _;
use parking_lot::RwLock;
use uuid::Uuid;

use super::{
    Sealer,
    store::{self, Stored},
};
use crate::token::{Claims, PublicKey, Refusal, Signer, Verifier};

/// Age at which a key is replaced.
const REPLACED: TimeDelta = TimeDelta::days(30);
/// How long a key verifies after its successor was made.
const KEPT: TimeDelta = TimeDelta::days(1);
/// How often a token of an unknown key makes us look for newer keys.
const PATIENCE: TimeDelta = TimeDelta::seconds(10);

/// The signing keys of the installation. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Keys {
    db: Db,
    clock: Clock,
    sealer: Arc<Sealer>,
    ring: Arc<RwLock<Ring>>,
}

#[derive(Clone, Debug)]
struct Ring {
    signer: Arc<Signer>,
    verifier: Verifier,
    public: Vec<PublicKey>,
    load_time: DateTime<Utc>,
}

impl Keys {
    /// Reads the keys, and makes the first one.
    pub async fn open(db: Db, clock: Clock, sealer: Sealer) -> Result<Self> {
        let sealer = Arc::new(sealer);
        let ring = load(&db, &sealer, clock.now()).await?;
        Ok(Self { db, clock, sealer, ring: Arc::new(RwLock::new(ring)) })
    }

    /// The key to sign with.
    pub fn signer(&self) -> Arc<Signer> {
        Arc::clone(&self.ring.read().signer)
    }

    /// The public halves, the one in use first.
    pub fn public(&self) -> Vec<PublicKey> {
        self.ring.read().public.clone()
    }

    /// The claims of a token that holds. The outer error is the database's.
    pub async fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Result<Claims, Refusal>> {
        let (verified, load_time) = {
            let ring = self.ring.read();
            (ring.verifier.verify(token, now), ring.load_time)
        };
        if verified != Err(Refusal::UnknownKey) || now - load_time < PATIENCE {
            return Ok(verified);
        }
        self.refresh().await?;
        Ok(self.ring.read().verifier.verify(token, now))
    }

    /// Reads the keys again; replaces the one in use when it is old, and drops those that nobody needs.
    pub async fn refresh(&self) -> Result<()> {
        let ring = load(&self.db, &self.sealer, self.clock.now()).await?;
        *self.ring.write() = ring;
        Ok(())
    }
}

async fn load(db: &Db, sealer: &Sealer, now: DateTime<Utc>) -> Result<Ring> {
    db.for_tenant(Uuid::nil(), |tx| load_in(tx, sealer, now).boxed()).await
}

async fn load_in(tx: &mut Tx<'_>, sealer: &Sealer, now: DateTime<Utc>) -> Result<Ring> {
    let mut stored = store::all(tx.conn()).await?;
    let due = |key: &Stored| now - key.create_time >= REPLACED;
    let usable = stored.iter().find_map(|key| signer(key, sealer).map(|signer| (signer, due(key))));
    let signer = if let Some((signer, false)) = usable {
        signer
    } else {
        // There is none, it is old, or it was sealed under another secret key.
        let (key, signer) = make(sealer, now)?;
        store::insert(tx.conn(), &key).await?;
        stored.insert(0, key);
        signer
    };
    let mut public = vec![signer.public().clone()];
    let mut successor: Option<DateTime<Utc>> = None;
    for key in &stored {
        if successor.is_some_and(|made| now - made >= KEPT) {
            store::delete(tx.conn(), key.id).await?;
        } else {
            public.extend(public_key(key).filter(|known| *known != public[0]));
        }
        successor = Some(key.create_time);
    }
    Ok(Ring { signer: Arc::new(signer), verifier: Verifier::new(&public), public, load_time: now })
}

fn signer(key: &Stored, sealer: &Sealer) -> Option<Signer> {
    let seed = sealer.open(key.id.as_bytes(), &key.sealed_seed)?;
    Signer::new(&key.id.to_string(), &seed)
}

fn public_key(key: &Stored) -> Option<PublicKey> {
    let bytes = key.public_key.as_slice().try_into().ok()?;
    Some(PublicKey { kid: key.id.to_string(), bytes })
}

fn make(sealer: &Sealer, now: DateTime<Utc>) -> Result<(Stored, Signer)> {
    let (id, seed) = (id::new(now), rand::random::<[u8; 32]>());
    let signer =
        Signer::new(&id.to_string(), &seed).ok_or_else(|| Error::bug("32 random bytes are no seed"))?;
    let key = Stored {
        id,
        create_time: now,
        public_key: signer.public().bytes.to_vec(),
        sealed_seed: sealer.seal(id.as_bytes(), &seed)?,
    };
    Ok((key, signer))
}
