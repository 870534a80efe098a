//! Keeps somebody who knocks all day from filling the journal: so many refusals per address and minute are told one by
//! one, the rest are counted and told with the next.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use daypass_protocol::event::Event;

const SPAN: Duration = Duration::from_secs(60);
const PER_SPAN: u32 = 10;
/// Addresses that are remembered; beyond, those of spans that are over are forgotten, or else all.
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
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    seen: BTreeMap<Option<IpAddr>, Seen>,
    /// What was not told of addresses that are forgotten: it goes with whoever is told of next.
    forgotten: u32,
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
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        let Book { seen, forgotten } = &mut *book;
        if seen.len() >= ADDRESSES && !seen.contains_key(&address) {
            forget(seen, forgotten, |entry| {
                now.duration_since(entry.since) >= SPAN
            });
        }
        // As many in one minute: whoever has so many addresses is told of once more.
        if seen.len() >= ADDRESSES && !seen.contains_key(&address) {
            forget(seen, forgotten, |_| true);
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
            entry.untold = entry.untold.saturating_add(1);
            return None;
        }
        entry.told += 1;
        let untold = std::mem::take(&mut entry.untold);
        Some(untold.saturating_add(std::mem::take(forgotten)))
    }
}

/// Forgets these addresses, and keeps what was not told of them.
fn forget(
    seen: &mut BTreeMap<Option<IpAddr>, Seen>,
    forgotten: &mut u32,
    which: impl Fn(&Seen) -> bool,
) {
    seen.retain(|_, entry| {
        let goes = which(entry);
        if goes {
            *forgotten = forgotten.saturating_add(entry.untold);
        }
        !goes
    });
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

    #[test]
    fn whoever_knocks_from_ever_more_addresses_takes_no_more_memory_and_is_counted() {
        let flood = Flood::default();
        let start = Instant::now();
        let mut told = 0;
        let mut untold = 0;
        for number in 0..2 * 4096_u32 {
            let address = Some(IpAddr::from(number.to_be_bytes()));
            for _ in 0..12 {
                if let Some(before) = flood.tell_at(address, start) {
                    told += 1;
                    untold += before;
                }
            }
        }
        let book = flood.book.lock().unwrap();
        assert!(book.seen.len() <= ADDRESSES);
        let held: u32 = book.seen.values().map(|entry| entry.untold).sum();
        assert_eq!(told + untold + book.forgotten + held, 2 * 4096 * 12);
    }
}
