//! Signing of access tokens.

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use ring::signature::{Ed25519KeyPair, KeyPair as _};

use super::{Claims, PublicKey, provider};

/// The private half of a key.
#[derive(Clone)]
pub struct Signer {
    header: Header,
    key: EncodingKey,
    public: PublicKey,
}

impl Signer {
    /// A signer from the 32 bytes of a seed; `None` when it is no seed.
    pub fn new(kid: &str, seed: &[u8]) -> Option<Self> {
        provider::install();
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).ok()?;
        let bytes = pair.public_key().as_ref().try_into().ok()?;
        let header = Header { kid: Some(kid.to_owned()), ..Header::new(Algorithm::EdDSA) };
        Some(Self {
            header,
            key: EncodingKey::from_ed_der(seed),
            public: PublicKey { kid: kid.to_owned(), bytes },
        })
    }

    /// The half that others verify with.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The signed token.
    pub fn sign(&self, claims: &Claims) -> Result<String, jsonwebtoken::errors::Error> {
        encode(&self.header, claims, &self.key)
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Signer").field("public", &self.public).finish_non_exhaustive()
    }
}
