//! Secrets of the installation, made once.

use std::path::Path;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::private_file;
use crate::failure::Result;

/// What is kept in `secrets.json` in the data folder.
#[derive(Clone, Serialize, Deserialize)]
pub struct Secrets {
    /// 32 random bytes in base64, under which the keys of access tokens are sealed in the database.
    secret_key: String,
    /// Seals event cursors.
    cursor_secret: String,
    /// With it services prove to each other who they are. Data folders of before have none.
    #[serde(default)]
    internal_secret: String,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Secrets")
    }
}

impl Secrets {
    /// Reads the secrets of a data folder, or makes them. With the folder's lock held.
    pub fn open(folder: &Path) -> Result<Self> {
        let path = folder.join("secrets.json");
        let secrets = match private_file::read::<Self>(&path)? {
            Some(secrets) if !secrets.internal_secret.is_empty() => return Ok(secrets),
            Some(older) => Self { internal_secret: random(), ..older },
            None => Self { secret_key: random(), cursor_secret: random(), internal_secret: random() },
        };
        private_file::write(&path, &secrets)?;
        Ok(secrets)
    }

    /// The key under which signing keys are sealed.
    pub fn secret_key(&self) -> SecretString {
        self.secret_key.clone().into()
    }

    /// The secret of calls between services.
    pub fn internal_secret(&self) -> SecretString {
        self.internal_secret.clone().into()
    }

    /// The secret that seals event cursors.
    pub fn cursor_secret(&self) -> Vec<u8> {
        self.cursor_secret.clone().into_bytes()
    }
}

fn random() -> String {
    BASE64_STANDARD.encode(rand::random::<[u8; 32]>())
}
