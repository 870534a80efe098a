//! Counts by address: so many in a period, and no more.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Addresses that are counted at once; when there are more, the others share one count.
const ADDRESSES: usize = 4096;

/// The counts.
pub(crate) struct Tally {
    limit: u32,
    period: Duration,
    counts: HashMap<Option<IpAddr>, Count>,
}

struct Count {
    since: Instant,
    taken: u32,
}

impl Tally {
    /// Allows `limit` in each `period`, of each address.
    pub(crate) fn new(limit: u32, period: Duration) -> Self {
        Self {
            limit,
            period,
            counts: HashMap::new(),
        }
    }

    /// Counts one of `address`; an error says how long until the next is allowed.
    pub(crate) fn take(&mut self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        let period = self.period;
        let age = |count: &Count| now.saturating_duration_since(count.since);
        if self.counts.len() >= ADDRESSES {
            self.counts.retain(|_, count| age(count) < period);
        }
        let address = Some(address).filter(|_| self.counts.len() < ADDRESSES);
        let fresh = Count {
            since: now,
            taken: 0,
        };
        let count = self.counts.entry(address).or_insert(fresh);
        if age(count) >= period {
            *count = Count {
                since: now,
                taken: 0,
            };
        }
        if count.taken >= self.limit {
            return Err(period.saturating_sub(age(count)));
        }
        count.taken += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_has_its_own_count_in_each_period() {
        let period = Duration::from_secs(60);
        let mut tally = Tally::new(2, period);
        let (one, other) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
        let now = Instant::now();
        assert_eq!(
            [tally.take(one, now), tally.take(one, now)],
            [Ok(()), Ok(())]
        );
        assert_eq!(tally.take(one, now), Err(period));
        assert_eq!(tally.take(other, now), Ok(()));
        assert_eq!(tally.take(one, now + period), Ok(()));
    }
}
