//! Who uses a revoked key: told once per key and minute, so that whoever has it cannot fill the journal.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use daypass_protocol::key::Fingerprint;
use daypass_protocol::time::Time;

/// Seconds between two entries about one key.
const EVERY: u64 = 60;
/// Keys that are remembered; with more at once, some are told of again.
const MOST: usize = 1024;

/// When each key was told of last.
#[derive(Debug, Default)]
pub(super) struct RevokedUses {
    told: Mutex<HashMap<Fingerprint, Time>>,
}

impl RevokedUses {
    /// Whether this use is to be told.
    pub(super) fn is_news(&self, key: Fingerprint, now: Time) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.get(&key).is_some_and(|last| now < last.plus(EVERY)) {
            return false;
        }
        if told.len() >= MOST {
            told.retain(|_, last| now < last.plus(EVERY));
        }
        if told.len() >= MOST {
            told.clear();
        }
        told.insert(key, now);
        true
    }
}
