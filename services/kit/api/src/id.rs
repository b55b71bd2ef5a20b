//! Time-ordered ids.
//!
//! Not here: human numbers such as `A000001`, which are data of the tenant.

use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};
use uuid::{Builder, Uuid};

use crate::error::{Error, Result};

/// A new UUIDv7 for the instant `now`. Ids of one process are unique and, within a millisecond, ascending.
pub fn new(now: DateTime<Utc>) -> Uuid {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let millis = u64::try_from(now.timestamp_millis()).unwrap_or(0);
    let mut random = *Uuid::new_v4().as_bytes();
    // 12 bits after the version hold a counter, so that ids made in the same millisecond sort in the order they were made.
    let count = COUNTER.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    random[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
    random[6] = 0x70 | (count[6] & 0x0f);
    random[7] = count[7];
    random[8] = 0x80 | (random[8] & 0x3f);
    Uuid::from_bytes(random)
}

/// The id that stands for a service as the author of a change: the same in every installation.
pub fn of_service(name: &str) -> Uuid {
    let hash = Sha256::new().chain_update(b"crm service\0").chain_update(name).finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    Builder::from_custom_bytes(bytes).into_uuid()
}

/// Reads an id of a request; `field` names it in the violation.
pub fn parse(field: &str, text: &str) -> Result<Uuid> {
    Uuid::try_parse(text).map_err(|_| Error::invalid_field(field, "ID_INVALID", "is not an id"))
}

/// Reads an id that may be empty.
pub fn parse_optional(field: &str, text: &str) -> Result<Option<Uuid>> {
    if text.is_empty() { Ok(None) } else { parse(field, text).map(Some) }
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone as _;

    use super::*;

    #[test]
    fn ids_carry_their_instant_and_version() {
        let now = Utc.timestamp_millis_opt(1_700_000_000_123).unwrap();
        let id = new(now);
        assert_eq!(id.get_version_num(), 7);
        assert_eq!(id.get_timestamp().map(|time| time.to_unix()), Some((1_700_000_000, 123_000_000)));
    }

    #[test]
    fn later_ids_sort_later() {
        let earlier = new(Utc.timestamp_millis_opt(1).unwrap());
        let later = new(Utc.timestamp_millis_opt(2).unwrap());
        assert!(earlier < later);
    }
}
