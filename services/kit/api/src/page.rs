//! Pages: sizes, and opaque tokens that hold only for the request they came from.
//!
//! Not here: the SQL of a keyset page (kit/pg).

use std::str::FromStr;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use tonic::Code;
use uuid::Uuid;

use crate::error::{COMMON_DOMAIN, Error, Result};

const DEFAULT_SIZE: i32 = 50;
const MAX_SIZE: i32 = 1000;
const VERSION: u8 = 1;

/// Rows on a page: 0 becomes 50, more than 1000 becomes 1000.
pub fn size(requested: i32) -> usize {
    let size = if requested <= 0 { DEFAULT_SIZE } else { requested.min(MAX_SIZE) };
    usize::try_from(size).unwrap_or(50)
}

/// Fingerprint of everything in a list request that must not change between pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Binding([u8; 8]);

impl Binding {
    /// Fingerprint of the tenant and the request's parts.
    pub fn new(tenant: Uuid, parts: &[&str]) -> Self {
        let mut hash = Sha256::new();
        hash.update(tenant.as_bytes());
        for part in parts {
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part.as_bytes());
        }
        let mut fingerprint = [0; 8];
        fingerprint.copy_from_slice(&hash.finalize()[..8]);
        Self(fingerprint)
    }
}

/// Position after the last row of a page: the row's order keys as text, and its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Values of the order keys.
    pub keys: Vec<String>,
    /// Id of the row.
    pub id: Uuid,
}

impl Token {
    /// The token as the caller carries it.
    pub fn encode(&self, binding: Binding) -> String {
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(&binding.0);
        bytes.extend_from_slice(self.id.as_bytes());
        for key in &self.keys {
            bytes.extend_from_slice(&u32::try_from(key.len()).unwrap_or(u32::MAX).to_be_bytes());
            bytes.extend_from_slice(key.as_bytes());
        }
        let checksum = Sha256::digest(&bytes);
        bytes.extend_from_slice(&checksum[..4]);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a token; an empty text is the first page. A token that is damaged or belongs to another request fails with
    /// `INVALID_ARGUMENT / PAGE_TOKEN_INVALID`.
    pub fn decode(text: &str, binding: Binding, keys: usize) -> Result<Option<Self>> {
        if text.is_empty() {
            return Ok(None);
        }
        Self::read(text, binding, keys).map(Some).ok_or_else(|| {
            Error::new(
                Code::InvalidArgument,
                COMMON_DOMAIN,
                "PAGE_TOKEN_INVALID",
                "the page token is damaged or belongs to another request",
            )
        })
    }

    fn read(text: &str, binding: Binding, keys: usize) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (body, checksum) = bytes.split_last_chunk::<4>()?;
        if Sha256::digest(body)[..4] != checksum[..] {
            return None;
        }
        let (version, rest) = body.split_first()?;
        let (bound_to, rest) = rest.split_first_chunk::<8>()?;
        let (id, mut rest) = rest.split_first_chunk::<16>()?;
        if *version != VERSION || *bound_to != binding.0 {
            return None;
        }
        let mut values = Vec::with_capacity(keys);
        while !rest.is_empty() {
            let (length, after) = rest.split_first_chunk::<4>()?;
            let (value, after) = after.split_at_checked(u32::from_be_bytes(*length).try_into().ok()?)?;
            values.push(String::from_utf8(value.to_vec()).ok()?);
            rest = after;
        }
        (values.len() == keys).then_some(Self { keys: values, id: Uuid::from_bytes(*id) })
    }
}

/// What a request for a page of a list in one fixed order asks for, checked.
#[derive(Clone, Debug)]
pub struct Keyset {
    binding: Binding,
    after: Option<Token>,
    size: usize,
}

impl Keyset {
    /// Reads size and token. `keys` is how many order keys rows have beside their ids; `parts` name the list and what must not change between its pages.
    pub fn read(
        (tenant, parts): (Uuid, &[&str]),
        keys: usize,
        (page_size, page_token): (i32, &str),
    ) -> Result<Self> {
        let binding = Binding::new(tenant, parts);
        let after = Token::decode(page_token, binding, keys)?;
        Ok(Self { binding, after, size: size(page_size) })
    }

    /// Id of the last row of the page before; nil on the first page.
    pub fn id(&self) -> Uuid {
        self.after.as_ref().map_or(Uuid::nil(), |token| token.id)
    }

    /// The first order key of the last row of the page before; `start` on the first page.
    pub fn key<K: FromStr>(&self, start: K) -> Result<K> {
        let Some(token) = &self.after else { return Ok(start) };
        let damaged = || Error::bug("a page token passed its checksum with a value of another type");
        token.keys.first().and_then(|key| key.parse().ok()).ok_or_else(damaged)
    }

    /// Rows to read: one more than the page has, to know whether there is another.
    pub fn rows(&self) -> i64 {
        i64::try_from(self.size).unwrap_or(i64::MAX).saturating_add(1)
    }

    /// Cuts the page out of what was read, and makes the token of the next one: empty on the last page.
    pub fn cut<T>(&self, found: &mut Vec<T>, place: impl Fn(&T) -> Token) -> String {
        let more = found.len() > self.size;
        found.truncate(self.size);
        let last = found.last().filter(|_| more).map(place);
        last.map(|token| token.encode(self.binding)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pages_of_a_keyset_hold_every_row_once() {
        let rows: Vec<i64> = (1..=7).collect();
        let (mut token, mut seen) = (String::new(), Vec::new());
        loop {
            let page = Keyset::read((Uuid::nil(), &["rows"]), 1, (3, &token)).unwrap();
            let after: i64 = page.key(0).unwrap();
            let rest = rows.iter().copied().filter(|row| *row > after);
            let mut found: Vec<i64> = rest.take(usize::try_from(page.rows()).unwrap()).collect();
            token = page.cut(&mut found, |row| Token { keys: vec![row.to_string()], id: Uuid::nil() });
            assert!(found.len() <= 3);
            seen.extend(found);
            if token.is_empty() {
                break;
            }
        }
        assert_eq!(seen, rows);
        let page = Keyset::read((Uuid::nil(), &["rows"]), 1, (3, "")).unwrap();
        let token = page.cut(&mut vec![1; 4], |_| Token { keys: vec!["x".into()], id: Uuid::nil() });
        assert!(Keyset::read((Uuid::nil(), &["other"]), 1, (3, &token)).is_err());
        assert!(Keyset::read((Uuid::nil(), &["rows"]), 1, (3, &token)).unwrap().key(0_i64).is_err());
    }

    proptest! {
        #[test]
        fn a_token_comes_back_only_for_its_own_request(keys in prop::collection::vec(".*", 0..4), other in ".+") {
            let token = Token { keys, id: Uuid::new_v4() };
            let tenant = Uuid::new_v4();
            let binding = Binding::new(tenant, &["filter", "order"]);
            let text = token.encode(binding);
            prop_assert_eq!(Token::decode(&text, binding, token.keys.len()).unwrap(), Some(token.clone()));
            let foreign = Binding::new(tenant, &["filter", "order", &other]);
            prop_assert!(Token::decode(&text, foreign, token.keys.len()).is_err());
            let other_tenant = Binding::new(Uuid::new_v4(), &["filter", "order"]);
            prop_assert!(Token::decode(&text, other_tenant, token.keys.len()).is_err());
        }

        #[test]
        fn a_damaged_token_is_refused_and_never_panics(text in ".+") {
            let binding = Binding::new(Uuid::new_v4(), &[]);
            prop_assert!(Token::decode(&text, binding, 1).is_err());
        }
    }

    #[test]
    fn sizes_are_clamped() {
        assert_eq!([size(-1), size(0), size(7), size(5000)], [50, 50, 7, 1000]);
    }
}
