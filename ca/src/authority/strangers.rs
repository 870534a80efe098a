//! Who knocks without a token or a key that is known here: so many of a minute are journalled, the rest are counted and told with
//! the next, so that nobody fills the journal from outside.

use std::sync::{Mutex, PoisonError};

use daypass_protocol::event::Event;
use daypass_protocol::time::Time;

use super::Authority;
use crate::ledger::LedgerError;

/// Seconds that are counted together.
const SPAN: i64 = 60;
/// Entries in that time, from wherever they come.
const MOST: u32 = 30;

/// This minute's.
#[derive(Debug, Default)]
pub(super) struct Strangers(Mutex<Minute>);

#[derive(Debug, Default)]
struct Minute {
    since: Option<Time>,
    told: u32,
    untold: u64,
}

impl Strangers {
    /// Whether this one is to be told, and how many were not before it.
    fn tell(&self, now: Time) -> Option<u64> {
        let mut minute = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back begins another minute, too.
        let goes_on = |since: Time| (0..SPAN).contains(&now.since(since));
        if !minute.since.is_some_and(goes_on) {
            minute.since = Some(now);
            minute.told = 0;
        }
        if minute.told >= MOST {
            minute.untold = minute.untold.saturating_add(1);
            return None;
        }
        minute.told += 1;
        Some(std::mem::take(&mut minute.untold))
    }
}

impl Authority {
    /// Makes the entry of a refusal of somebody who showed nothing that is known here, unless there were too many lately.
    ///
    /// # Errors
    /// When it does not become durable.
    pub(crate) fn note_stranger(&self, event: Event, code: &str) -> Result<(), LedgerError> {
        match self.strangers.tell(self.now()) {
            Some(0) => self.note(&event),
            Some(untold) => self.note(&event.detail("untold", untold)),
            None => {
                tracing::info!(code, "a stranger was refused");
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_are_told_and_the_rest_with_the_next_minutes_first() {
        let strangers = Strangers::default();
        let noon = Time::from_unix(1_795_428_000);
        let told = (0..50).filter(|_| strangers.tell(noon).is_some()).count();
        assert_eq!(told, 30);
        assert_eq!(strangers.tell(noon.plus(59)), None);
        assert_eq!(strangers.tell(noon.plus(60)), Some(21));
        assert_eq!(strangers.tell(noon.plus(60)), Some(0));
    }

    #[test]
    fn a_clock_that_is_set_back_silences_nobody() {
        let strangers = Strangers::default();
        let noon = Time::from_unix(1_795_428_000);
        while strangers.tell(noon).is_some() {}
        assert_eq!(strangers.tell(noon.minus(3600)), Some(1));
    }
}
