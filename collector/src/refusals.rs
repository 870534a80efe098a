//! Refusals in the journal, so many a minute of each address: nobody fills the disk by being refused.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::tally::Tally;

/// Refusals of one address that are journalled in one [`PERIOD`].
const ENTRIES: u32 = 60;
const PERIOD: Duration = Duration::from_secs(60);

/// What has been journalled lately.
pub struct Refusals {
    inner: Mutex<(Tally, u64)>,
}

/// Whether a refusal is to be journalled.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// It is, with the number of those that were not since the last one that was.
    Record {
        /// How many.
        unrecorded: u64,
    },
    /// It is counted only.
    Count,
}

impl Default for Refusals {
    fn default() -> Self {
        Self {
            inner: Mutex::new((Tally::new(ENTRIES, PERIOD), 0)),
        }
    }
}

impl Refusals {
    /// Judges a refusal of `address` at `now`.
    pub fn judge(&self, address: IpAddr, now: Instant) -> Verdict {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let (tally, unrecorded) = &mut *inner;
        match tally.take(address, now) {
            Ok(()) => Verdict::Record {
                unrecorded: std::mem::take(unrecorded),
            },
            Err(_) => {
                *unrecorded += 1;
                Verdict::Count
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_the_bound_refusals_are_counted_and_the_count_is_not_lost() {
        let refusals = Refusals::default();
        let (one, other) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
        let now = Instant::now();
        for _ in 0..ENTRIES {
            assert_eq!(refusals.judge(one, now), Verdict::Record { unrecorded: 0 });
        }
        assert_eq!(refusals.judge(one, now), Verdict::Count);
        assert_eq!(refusals.judge(one, now), Verdict::Count);
        assert_eq!(
            refusals.judge(other, now),
            Verdict::Record { unrecorded: 2 }
        );
    }
}
