//! The log's key is handed over: by itself when it is old, or when somebody asks for it.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::core::Core;
use super::{Inner, Receipt, Writer, lock};
use crate::entry::Event;
use crate::error::{DiskError, Error};
use crate::handover::Handover;
use crate::log_keys::KEY_LIMIT;
use crate::note::SignerKey;
use crate::own::{self, LogKey, Own};

/// So long a log's key seals: two years.
pub(super) const AGE: Duration = Duration::from_secs(2 * 365 * 24 * 60 * 60);

/// That a log goes on with another key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotated {
    /// The entry that hands it over.
    pub receipt: Receipt,
    /// The new key, as a vkey.
    pub key: String,
}

impl Writer {
    /// Hands the log over to a new key, because somebody, `by` name, asks for it. Returns once the entry that says so is
    /// sealed by the key before, which is wiped then.
    ///
    /// # Errors
    ///
    /// [`Error::LogKeys`] where there were as many as can be, else as for [`Writer::append`].
    pub fn rotate_log_key(&self, by: &str) -> Result<Rotated, Error> {
        self.handle.inner.hand_over(Why::Request(by))
    }
}

/// Why the log gets another key.
#[derive(Clone, Copy)]
enum Why<'a> {
    Age,
    Request(&'a str),
}

impl Why<'_> {
    fn entry(self, key: String) -> Own {
        let (reason, by) = match self {
            Self::Age => (own::Handover::Age, None),
            Self::Request(by) => (own::Handover::Request, Some(by.to_owned())),
        };
        Own::LogKey(LogKey {
            log_key: key,
            reason,
            by,
        })
    }
}

impl Inner {
    /// Hands an old key over. What keeps it from that keeps nobody from writing, and is tried again.
    pub(super) fn renew_log_key(&self) {
        let is_old = lock(&self.core).log_key_is_old(Utc::now());
        if is_old {
            // A failure that matters has stopped the writer.
            let _ = self.hand_over(Why::Age);
        }
    }

    fn hand_over(&self, why: Why<'_>) -> Result<Rotated, Error> {
        let _turn = lock(&self.handover);
        let (keys_dir, current) = {
            let core = lock(&self.core);
            if !core.log_keys.has_room() {
                return Err(Error::LogKeys { limit: KEY_LIMIT });
            }
            (core.keys_dir.clone(), core.log.public().clone())
        };
        lock(&self.queue).check()?;
        // Without the core, so that commits go on meanwhile.
        let (handover, heir) = Handover::begin(&keys_dir, &current)?;
        let key = heir.public().to_string();
        let entry = why.entry(key.clone());
        let receipt = {
            let mut core = lock(&self.core);
            // Closed meanwhile, or stopped: then nothing may be written any more.
            lock(&self.queue).check()?;
            core.hand_over(&entry, heir)
                .inspect_err(|failure| self.stop(failure))?
        };
        // The journal is sealed by a key that the disk knows under the heir's name alone; a start mends that.
        handover
            .finish()
            .inspect_err(|failure| self.stop(failure))?;
        Ok(Rotated { receipt, key })
    }
}

impl Core {
    /// Whether the log's key has sealed as long as one may and there may be another. By a clock that stepped forward it is
    /// handed over once; the entry then has that clock's time, and the next term begins there.
    fn log_key_is_old(&self, now: DateTime<Utc>) -> bool {
        self.log_keys.has_room() && is_over(self.options.log_key_age, self.log_since, now)
    }

    /// Writes the entry under a seal of its own, and goes over to the heir.
    fn hand_over(&mut self, entry: &Own, heir: SignerKey) -> Result<Receipt, DiskError> {
        self.settle()?;
        let committed = self.commit(&[Event::of_object(entry.to_json())])?;
        let seq = committed.first;
        let vkey = heir.public().to_string();
        // Fresh, of this name, and there is room: it is taken.
        let taken = self.log_keys.hand_over(&vkey, Some(seq));
        debug_assert_eq!(taken, Ok(()));
        self.log = heir;
        self.log_since = committed.stamp.time;
        Ok(Receipt {
            seq,
            time: committed.stamp.time,
        })
    }
}

/// Whether so much time has passed since then; none has where the clock went back.
fn is_over(term: Duration, since: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    let term = TimeDelta::from_std(term).unwrap_or(TimeDelta::MAX);
    now.signed_duration_since(since) >= term
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_term_ends_once_however_the_clock_jumps() {
        let made = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
        let days = |days| made + TimeDelta::days(days);
        assert!(!is_over(AGE, made, days(0)));
        assert!(!is_over(AGE, made, days(729)));
        assert!(is_over(AGE, made, days(730)));
        // The clock jumps by thirty years: the key is handed over then, and not again there, nor after it was set back.
        let jumped = days(10_950);
        assert!(is_over(AGE, made, jumped));
        assert!(!is_over(AGE, jumped, jumped + TimeDelta::days(1)));
        assert!(!is_over(AGE, jumped, days(1)));
        assert!(!is_over(Duration::MAX, made, jumped));
    }
}
