//! Hashing on a bounded blocking pool.

use std::{num::NonZero, sync::Arc, time::Duration};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use crm_kit_api::{Error, Result};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use unicode_normalization::UnicodeNormalization as _;

const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// How long a sign-in waits for its turn.
const PATIENCE: Duration = Duration::from_secs(3);

/// Hashes passwords, as many at once as there are cores. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Hasher {
    places: Arc<Semaphore>,
    /// Hash of a password nobody knows, for users there are none of.
    nobody: Arc<str>,
}

impl Hasher {
    /// Makes the hash that stands in for unknown users, which takes as long as any.
    pub fn new() -> Result<Self> {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        let nobody = hash(&super::first())?;
        Ok(Self { places: Arc::new(Semaphore::new(cores)), nobody: nobody.into() })
    }

    /// The hash of a password, as a PHC string.
    pub async fn hash(&self, password: &str) -> Result<String> {
        let password = password.to_owned();
        self.run(move || hash(&password)).await
    }

    /// Whether `password` belongs to `hash`. Without a hash it belongs to nothing, after the same work.
    pub async fn verify(&self, hash: Option<&str>, password: &str) -> Result<bool> {
        let known = hash.is_some();
        let stored = hash.unwrap_or(&self.nobody).to_owned();
        let password = password.to_owned();
        let equal = self.run(move || verify(&stored, &password)).await?;
        Ok(known && equal)
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        let place = self.place().await?;
        let done = tokio::task::spawn_blocking(move || {
            // Held by the work itself: a caller that goes away does not free the core.
            let _place = place;
            work()
        });
        done.await.map_err(Error::internal)?
    }

    async fn place(&self) -> Result<OwnedSemaphorePermit> {
        let place = tokio::time::timeout(PATIENCE, Arc::clone(&self.places).acquire_owned()).await;
        let busy = |_| Error::exhausted("OVERLOADED", "too many sign-ins at this moment", PATIENCE);
        place.map_err(busy)?.map_err(Error::internal)
    }
}

fn argon2() -> Result<Argon2<'static>> {
    let params =
        Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|error| Error::bug(error.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// The same password typed on two keyboards may differ in composition.
fn normalized(password: &str) -> String {
    password.nfkc().collect()
}

fn hash(password: &str) -> Result<String> {
    let hash = argon2()?.hash_password(normalized(password).as_bytes());
    hash.map(|hash| hash.to_string()).map_err(|error| Error::bug(error.to_string()))
}

fn verify(hash: &str, password: &str) -> Result<bool> {
    let hash = PasswordHash::new(hash).map_err(|error| Error::bug(error.to_string()))?;
    Ok(argon2()?.verify_password(normalized(password).as_bytes(), &hash).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_belongs_to_its_own_hash_only() {
        let hasher = Hasher::new().unwrap();
        let hash = hasher.hash("correct horse é").await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(hasher.verify(Some(&hash), "correct horse e\u{301}").await.unwrap());
        assert!(!hasher.verify(Some(&hash), "correct horse").await.unwrap());
        assert!(!hasher.verify(None, "correct horse").await.unwrap());
    }
}
