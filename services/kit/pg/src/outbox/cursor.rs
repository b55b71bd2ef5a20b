//! Cursors: a position in the log, sealed.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use crm_kit_api::{Error, Result};
use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// A place between two rows of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    pub tx: i64,
    pub seq: i64,
}

/// Seals cursors. Every process of a service has the same key.
#[derive(Clone)]
pub struct CursorKey([u8; 32]);

impl std::fmt::Debug for CursorKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("CursorKey")
    }
}

impl CursorKey {
    /// A key derived from a secret of the deployment and the service's name.
    pub fn derive(secret: &[u8], service: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"event cursor\0");
        hash.update(service.as_bytes());
        hash.update([0]);
        hash.update(secret);
        Self(hash.finalize().into())
    }

    /// The cursor of a position, for one tenant.
    pub(super) fn seal(&self, tenant: Uuid, position: Position) -> String {
        let mut plain = [0; 16];
        plain[..8].copy_from_slice(&position.tx.to_be_bytes());
        plain[8..].copy_from_slice(&position.seq.to_be_bytes());
        let tag = self.tag(tenant, &plain);
        // The position is hidden under a pad made from the tag, so that a cursor does not tell how busy the system is.
        let pad = self.tag(tenant, &tag);
        let mut sealed = tag.to_vec();
        sealed.extend(plain.iter().zip(pad).map(|(byte, pad)| byte ^ pad));
        URL_SAFE_NO_PAD.encode(sealed)
    }

    /// The position of a cursor of the same tenant; `INVALID_ARGUMENT / FIELD_INVALID` for anything else.
    pub(super) fn open(&self, tenant: Uuid, cursor: &str) -> Result<Position> {
        self.read(tenant, cursor)
            .ok_or_else(|| Error::invalid_field("cursor", "CURSOR_INVALID", "is not a cursor of this stream"))
    }

    fn read(&self, tenant: Uuid, cursor: &str) -> Option<Position> {
        let sealed = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (tag, hidden) = sealed.split_first_chunk::<16>()?;
        let hidden: &[u8; 16] = hidden.try_into().ok()?;
        let pad = self.tag(tenant, tag);
        let mut plain = [0; 16];
        for (plain, (hidden, pad)) in plain.iter_mut().zip(hidden.iter().zip(pad)) {
            *plain = hidden ^ pad;
        }
        if self.tag(tenant, &plain) != *tag {
            return None;
        }
        let (tx, seq) = plain.split_first_chunk::<8>()?;
        Some(Position { tx: i64::from_be_bytes(*tx), seq: i64::from_be_bytes(seq.try_into().ok()?) })
    }

    fn tag(&self, tenant: Uuid, message: &[u8]) -> [u8; 16] {
        let mut tag = [0; 16];
        // HMAC takes keys of any length.
        if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) {
            mac.update(tenant.as_bytes());
            mac.update(message);
            tag.copy_from_slice(&mac.finalize().into_bytes()[..16]);
        }
        tag
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_opens_only_for_its_tenant_service_and_deployment() {
        let (tenant, position) = (Uuid::new_v4(), Position { tx: 77, seq: 5 });
        let key = CursorKey::derive(b"secret", "customer");
        let cursor = key.seal(tenant, position);
        assert_eq!(key.open(tenant, &cursor).unwrap(), position);
        assert!(key.open(Uuid::new_v4(), &cursor).is_err());
        assert!(CursorKey::derive(b"secret", "platform").open(tenant, &cursor).is_err());
        assert!(CursorKey::derive(b"other", "customer").open(tenant, &cursor).is_err());
        assert!(key.open(tenant, "x").is_err() && key.open(tenant, "").is_err());
    }
}
