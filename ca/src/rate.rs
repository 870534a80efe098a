//! How much one address may ask: a bucket of tokens for each, refilled evenly.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Addresses remembered at most; beyond it the full buckets are forgotten first.
const ADDRESSES: usize = 16_384;

/// The limit, shared by all connections.
pub struct RateLimit {
    per_minute: f64,
    buckets: Mutex<HashMap<IpAddr, Bucket>>,
}

#[derive(Clone, Copy)]
struct Bucket {
    tokens: f64,
    filled: Instant,
}

impl RateLimit {
    /// Allows `per_minute` requests of each address in a minute, all at once if need be.
    pub fn new(per_minute: u32) -> Self {
        Self {
            per_minute: f64::from(per_minute.max(1)),
            buckets: Mutex::new(HashMap::new()),
        }
    }

    /// Takes one request off `address`'s bucket.
    ///
    /// # Errors
    /// When it is empty: how long until there is a token again.
    pub fn take(&self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= ADDRESSES {
            let full = self.per_minute;
            buckets.retain(|_, bucket| self.refilled(*bucket, now) < full);
        }
        if buckets.len() >= ADDRESSES {
            // More addresses are busy than we can count: a flood. Start over rather than grow.
            buckets.clear();
        }
        let bucket = buckets.entry(widen(address)).or_insert(Bucket {
            tokens: self.per_minute,
            filled: now,
        });
        let tokens = self.refilled(*bucket, now);
        *bucket = Bucket {
            tokens,
            filled: now,
        };
        if tokens < 1.0 {
            return Err(Duration::from_secs_f64(
                (1.0 - tokens) * 60.0 / self.per_minute,
            ));
        }
        bucket.tokens -= 1.0;
        Ok(())
    }

    fn refilled(&self, bucket: Bucket, now: Instant) -> f64 {
        let passed = now.saturating_duration_since(bucket.filled).as_secs_f64();
        (bucket.tokens + passed * self.per_minute / 60.0).min(self.per_minute)
    }
}

/// One IPv6 customer has a whole /64: they share a bucket.
fn widen(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn more_than_the_limit_is_told_how_long_to_wait() {
        let limit = RateLimit::new(2);
        let now = Instant::now();
        assert_eq!(limit.take(ADDRESS, now), Ok(()));
        assert_eq!(limit.take(ADDRESS, now), Ok(()));
        assert_eq!(limit.take(ADDRESS, now), Err(Duration::from_secs(30)));
        assert_eq!(limit.take(ADDRESS, now + Duration::from_secs(31)), Ok(()));
    }

    #[test]
    fn one_address_does_not_use_up_anothers() {
        let limit = RateLimit::new(1);
        let now = Instant::now();
        limit.take(ADDRESS, now).unwrap();
        assert_eq!(limit.take("192.0.2.1".parse().unwrap(), now), Ok(()));
    }

    #[test]
    fn addresses_of_one_network_share_a_bucket() {
        let limit = RateLimit::new(1);
        let now = Instant::now();
        limit.take("2001:db8::1".parse().unwrap(), now).unwrap();
        assert!(limit.take("2001:db8::2".parse().unwrap(), now).is_err());
    }
}
