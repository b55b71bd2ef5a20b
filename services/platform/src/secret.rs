//! Secrets that machines keep: API keys and refresh tokens. Both name their tenant and record, so that they are found under row-level security, and
//! carry 256 random bits, of which the database keeps a SHA-256 only: there is nothing to guess, so a slow hash would buy nothing.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

const API_KEY: &str = "crmk";
const REFRESH_TOKEN: &str = "crmr";

/// 256 random bits.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret([u8; 32]);

impl std::fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Secret")
    }
}

impl Secret {
    /// A new one.
    pub fn random() -> Self {
        Self(rand::random())
    }

    /// What the database keeps of it.
    pub fn hash(&self) -> Vec<u8> {
        Sha256::digest(self.0).to_vec()
    }

    /// Whether `hash` is its own.
    pub fn matches(&self, hash: &[u8]) -> bool {
        equal(&self.hash(), hash)
    }

    fn write(&self, text: &mut String) {
        for byte in self.0 {
            let _ = write!(text, "{byte:02x}");
        }
    }

    fn read(text: &str) -> Option<Self> {
        if text.len() != 64 || !text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return None;
        }
        let mut bytes = [0; 32];
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(text.get(index * 2..index * 2 + 2)?, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

/// Whether two byte strings are equal, in a time that does not tell where they differ.
pub fn equal(one: &[u8], other: &[u8]) -> bool {
    one.ct_eq(other).into()
}

/// The credential of a service account: `crmk_<tenant>_<id>_<secret>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKeyText {
    pub tenant_id: Uuid,
    pub id: Uuid,
    pub secret: Secret,
}

impl ApiKeyText {
    /// Whether a credential claims to be an API key.
    pub fn is_one(text: &str) -> bool {
        text.starts_with(API_KEY)
    }

    /// Reads a key.
    pub fn parse(text: &str) -> Option<Self> {
        let [tenant_id, id, secret] = parts(API_KEY, text)?;
        Some(Self { tenant_id: uuid(tenant_id)?, id: uuid(id)?, secret: Secret::read(secret)? })
    }

    /// The key as its service account keeps it.
    pub fn reveal(&self) -> String {
        let mut text = format!("{API_KEY}_{}_{}_", self.tenant_id.simple(), self.id.simple());
        self.secret.write(&mut text);
        text
    }
}

/// Gets the next pair of tokens of a session: `crmr_<tenant>_<session>_<family><secret>`. All tokens of one session share the family; whoever
/// shows a family with a secret that is not the current one holds a token that was used before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshText {
    pub tenant_id: Uuid,
    pub session_id: Uuid,
    pub family: Secret,
    pub secret: Secret,
}

impl RefreshText {
    /// Reads a token.
    pub fn parse(text: &str) -> Option<Self> {
        let [tenant_id, session_id, secrets] = parts(REFRESH_TOKEN, text)?;
        let (family, secret) = secrets.split_at_checked(64)?;
        Some(Self {
            tenant_id: uuid(tenant_id)?,
            session_id: uuid(session_id)?,
            family: Secret::read(family)?,
            secret: Secret::read(secret)?,
        })
    }

    /// The token as its user keeps it.
    pub fn reveal(&self) -> String {
        let mut text = format!("{REFRESH_TOKEN}_{}_{}_", self.tenant_id.simple(), self.session_id.simple());
        self.family.write(&mut text);
        self.secret.write(&mut text);
        text
    }
}

fn parts<'t>(prefix: &str, text: &'t str) -> Option<[&'t str; 3]> {
    let mut parts = text.split('_');
    if parts.next() != Some(prefix) {
        return None;
    }
    let found = [parts.next()?, parts.next()?, parts.next()?];
    parts.next().is_none().then_some(found)
}

fn uuid(text: &str) -> Option<Uuid> {
    (text.len() == 32).then(|| Uuid::try_parse(text).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key() -> ApiKeyText {
        ApiKeyText { tenant_id: Uuid::new_v4(), id: Uuid::new_v4(), secret: Secret::random() }
    }

    #[test]
    fn keys_and_tokens_come_back_as_they_were() {
        let key = key();
        assert_eq!(ApiKeyText::parse(&key.reveal()), Some(key.clone()));
        assert!(ApiKeyText::is_one(&key.reveal()));
        let token = RefreshText {
            tenant_id: Uuid::new_v4(),
            session_id: Uuid::new_v4(),
            family: Secret::random(),
            secret: Secret::random(),
        };
        assert_eq!(RefreshText::parse(&token.reveal()), Some(token.clone()));
        assert_eq!(ApiKeyText::parse(&token.reveal()), None);
        assert_eq!(RefreshText::parse(&key.reveal()), None);
    }

    #[test]
    fn a_secret_matches_its_own_hash_only_and_does_not_print() {
        let (one, other) = (Secret::random(), Secret::random());
        assert!(one.matches(&one.hash()) && !one.matches(&other.hash()) && !one.matches(&[]));
        assert_eq!(format!("{:?}", key()).matches("Secret").count(), 1);
    }

    proptest! {
        #[test]
        fn a_changed_key_is_another_key_or_none(at in 0_usize..135, byte in 0x20_u8..0x7f) {
            let key = key();
            let mut text = key.reveal().into_bytes();
            let at = at % text.len();
            prop_assume!(!text[at].eq_ignore_ascii_case(&byte));
            text[at] = byte;
            prop_assert_ne!(ApiKeyText::parse(std::str::from_utf8(&text).unwrap()), Some(key));
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in "(crm[kr])?.*") {
            let _ = (ApiKeyText::parse(&text), RefreshText::parse(&text));
        }
    }
}
