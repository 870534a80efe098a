//! Keeps somebody who knocks all day from filling the journal: so many refusals per address and minute are told one by
//! one, the rest are counted and told with the next.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use daypass_protocol::event::Event;

const SPAN: Duration = Duration::from_secs(60);
const PER_SPAN: u32 = 10;
/// Addresses that are remembered; beyond, the oldest spans are forgotten.
const ADDRESSES: usize = 4096;

/// Says in an event how many before it were not told.
pub(super) fn with_untold(event: Event, untold: u32) -> Event {
    if untold == 0 {
        return event;
    }
    event.detail("refusals_not_told_before", untold)
}

/// Counts refusals by address.
#[derive(Debug, Default)]
pub(super) struct Flood {
    seen: Mutex<BTreeMap<Option<IpAddr>, Seen>>,
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    since: Instant,
    told: u32,
    untold: u32,
}

impl Flood {
    /// Whether this refusal is to be told, and how many were not told before it.
    pub(super) fn tell(&self, address: Option<IpAddr>) -> Option<u32> {
        self.tell_at(address, Instant::now())
    }

    fn tell_at(&self, address: Option<IpAddr>, now: Instant) -> Option<u32> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= ADDRESSES {
            seen.retain(|_, entry| entry.untold > 0 || now.duration_since(entry.since) < SPAN);
        }
        let entry = seen.entry(address).or_insert(Seen {
            since: now,
            told: 0,
            untold: 0,
        });
        if now.duration_since(entry.since) >= SPAN {
            *entry = Seen {
                since: now,
                told: 0,
                untold: entry.untold,
            };
        }
        if entry.told >= PER_SPAN {
            entry.untold += 1;
            return None;
        }
        entry.told += 1;
        Some(std::mem::take(&mut entry.untold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_told_is_counted_with_the_next() {
        let flood = Flood::default();
        let here: Option<IpAddr> = Some("192.0.2.1".parse().unwrap());
        let start = Instant::now();
        let told = (0..15)
            .filter(|_| flood.tell_at(here, start).is_some())
            .count();
        assert_eq!(told, 10);
        assert_eq!(
            flood.tell_at(None, start),
            Some(0),
            "another address has a count of its own"
        );
        assert_eq!(flood.tell_at(here, start + SPAN), Some(5));
        assert_eq!(flood.tell_at(here, start + SPAN), Some(0));
    }
}
