//! How many requests one caller may send: a token bucket for each credential, or for each address when there is none.

use std::{
    collections::hash_map::RandomState,
    hash::BuildHasher as _,
    net::IpAddr,
    num::NonZeroU32,
    sync::atomic::{AtomicU64, Ordering},
};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter, clock::Clock as _};
use tonic::Code;

use crate::{
    config::Settings,
    error::{Failure, Result},
};

/// Buckets kept at most before callers with made-up credentials are told apart by address only.
const MANY: usize = 100_000;
/// Checks between two clean-ups of idle buckets.
const CLEAN_EVERY: u64 = 50_000;

#[derive(Debug)]
pub struct Limiter {
    buckets: DefaultKeyedRateLimiter<Key>,
    keys: RandomState,
    checks: AtomicU64,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    /// Keyed hash: the credential itself is not kept.
    Credential(u64),
    Address(IpAddr),
}

impl Limiter {
    /// Nothing when the settings turn the limit off.
    pub fn new(settings: &Settings) -> Option<Self> {
        let rate = NonZeroU32::new(settings.rate_per_second)?;
        let burst = NonZeroU32::new(settings.rate_burst).unwrap_or(rate);
        Some(Self {
            buckets: RateLimiter::keyed(Quota::per_second(rate).allow_burst(burst)),
            keys: RandomState::new(),
            checks: AtomicU64::new(0),
        })
    }

    pub fn check(&self, credential: Option<&[u8]>, address: IpAddr) -> Result<()> {
        if self.checks.fetch_add(1, Ordering::Relaxed) % CLEAN_EVERY == CLEAN_EVERY - 1 {
            self.buckets.retain_recent();
            self.buckets.shrink_to_fit();
        }
        let key = match credential {
            Some(credential) if self.buckets.len() < MANY => Key::Credential(self.keys.hash_one(credential)),
            _ => Key::Address(network(address)),
        };
        self.buckets.check_key(&key).map_err(|refused| {
            let wait = refused.wait_time_from(self.buckets.clock().now());
            Failure::new(
                Code::ResourceExhausted,
                "RATE_LIMITED",
                "too many requests; wait before the next one",
            )
            .with_retry_after(wait)
        })
    }
}

/// One household has a whole /64 of IPv6 addresses.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(six) => match six.to_ipv4_mapped() {
            Some(four) => IpAddr::V4(four),
            None => IpAddr::V6((u128::from(six) >> 64 << 64).into()),
        },
    }
}
