//! Seals secrets at rest: AES-256-GCM with a random nonce before the ciphertext, bound to the record it belongs to.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use crm_kit_api::{Error, Result};
use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hmac,
};
use secrecy::{ExposeSecret as _, SecretString};

/// Seals and opens under the key of the settings.
pub struct Sealer(LessSafeKey);

impl std::fmt::Debug for Sealer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Sealer")
    }
}

impl Sealer {
    /// A sealer from the setting `secret_key`: 32 bytes in base64. The key itself is not used, but one derived for `purpose`.
    pub fn new(secret_key: &SecretString, purpose: &str) -> Result<Self> {
        let bytes = STANDARD.decode(secret_key.expose_secret().trim()).ok().filter(|bytes| bytes.len() == 32);
        let bytes = bytes.ok_or_else(|| {
            Error::invalid_field("secret_key", "SETTINGS_INVALID", "must be 32 random bytes in base64")
        })?;
        let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &bytes), purpose.as_bytes());
        let key = UnboundKey::new(&AES_256_GCM, derived.as_ref());
        key.map(LessSafeKey::new).map(Self).map_err(|_| Error::bug("an HMAC of 32 bytes is no AES-256 key"))
    }

    /// The sealed form of a secret of the record `name`.
    pub fn seal(&self, name: &[u8], secret: &[u8]) -> Result<Vec<u8>> {
        let nonce: [u8; NONCE_LEN] = rand::random();
        let mut sealed = secret.to_vec();
        let done = self.0.seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(name),
            &mut sealed,
        );
        done.map_err(|_| Error::bug("a secret could not be sealed"))?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// The secret, or `None` when it was sealed under another key or for another record.
    pub fn open(&self, name: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, text) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut text = text.to_vec();
        let secret =
            self.0.open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(name), &mut text).ok()?;
        Some(secret.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer(byte: u8) -> Sealer {
        Sealer::new(&STANDARD.encode([byte; 32]).into(), "tests").unwrap()
    }

    #[test]
    fn a_secret_opens_under_its_own_key_for_its_own_record_only() {
        let sealed = sealer(1).seal(b"record", b"secret").unwrap();
        assert_eq!(sealer(1).open(b"record", &sealed).as_deref(), Some(&b"secret"[..]));
        assert_eq!(sealer(1).open(b"another", &sealed), None);
        assert_eq!(sealer(2).open(b"record", &sealed), None);
        assert_eq!(sealer(1).open(b"record", &sealed[..8]), None);
        assert_ne!(sealer(1).seal(b"record", b"secret").unwrap(), sealed);
    }

    #[test]
    fn a_short_key_is_refused() {
        assert!(Sealer::new(&"c2hvcnQ=".to_owned().into(), "tests").is_err());
    }
}
