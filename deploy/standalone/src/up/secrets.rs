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
        if let Some(secrets) = private_file::read(&path)? {
            return Ok(secrets);
        }
        let secrets = Self { secret_key: random(), cursor_secret: random() };
        private_file::write(&path, &secrets)?;
        Ok(secrets)
    }

    /// The key under which signing keys are sealed.
    pub fn secret_key(&self) -> SecretString {
        self.secret_key.clone().into()
    }

    /// The secret that seals event cursors.
    pub fn cursor_secret(&self) -> Vec<u8> {
        self.cursor_secret.clone().into_bytes()
    }
}

fn random() -> String {
    BASE64_STANDARD.encode(rand::random::<[u8; 32]>())
}
