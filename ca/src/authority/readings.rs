//! Who reads the CA's journal: the pages of one answer, and a live view that asks again and again, are one reading.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use daypass_protocol::event::Event;
use daypass_protocol::name::Name;
use daypass_protocol::time::Time;

use super::Authority;
use crate::ledger::LedgerError;

/// A reading that goes on is journalled anew after so many seconds, as it is at the collector.
const READING: u64 = 600;
/// People that are remembered; with more at once, some are told of again.
const MOST: usize = 1024;

/// Readings that were journalled lately.
#[derive(Debug, Default)]
pub(super) struct Readings {
    told: Mutex<HashMap<Name, Told>>,
}

/// From where on somebody reads, by the entry that says so.
#[derive(Debug, Clone, Copy)]
struct Told {
    time: Time,
    since: u64,
}

impl Readings {
    /// Whether it is to be told that `person` reads from entry `since` on: not when an entry says as much already.
    fn is_news(&self, person: &Name, since: u64, now: Time) -> bool {
        let goes_on = |told: &Told| now < told.time.plus(READING);
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told
            .get(person)
            .is_some_and(|told| goes_on(told) && told.since <= since)
        {
            return false;
        }
        if told.len() >= MOST {
            told.retain(|_, told| goes_on(told));
        }
        if told.len() >= MOST {
            told.clear();
        }
        told.insert(person.clone(), Told { time: now, since });
        true
    }

    /// The entry was not made, so the next reading is news.
    fn forget(&self, person: &Name) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.remove(person);
    }
}

impl Authority {
    /// Makes the entry `event`, that `person` reads the journal from entry `since` on, unless one says so already.
    ///
    /// # Errors
    /// When it does not become durable: what is not journalled is not read.
    pub(crate) fn note_reading(
        &self,
        person: &Name,
        since: u64,
        event: &Event,
    ) -> Result<(), LedgerError> {
        if !self.readings.is_news(person, since, self.now()) {
            return Ok(());
        }
        self.note(event)
            .inspect_err(|_| self.readings.forget(person))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_on_from_what_was_told_is_one_reading() {
        let readings = Readings::default();
        let noon = Time::from_unix(1_795_428_000);
        let [carol, dave] = ["carol", "dave"].map(|name| name.parse().unwrap());
        assert!(readings.is_news(&carol, 100, noon));
        assert!(!readings.is_news(&carol, 100, noon.plus(1)));
        assert!(!readings.is_news(&carol, 1100, noon.plus(599)));
        assert!(readings.is_news(&carol, 99, noon.plus(2)));
        assert!(!readings.is_news(&carol, 99, noon.plus(601)));
        assert!(readings.is_news(&carol, 1200, noon.plus(602)));
        assert!(readings.is_news(&dave, 1200, noon));
        readings.forget(&dave);
        assert!(readings.is_news(&dave, 1200, noon));
    }
}
