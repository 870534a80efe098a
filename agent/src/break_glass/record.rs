//! What is noted of a broken glass, so that it is made whole whatever happens.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use daypass_protocol::time::Time;
use serde::{Deserialize, Serialize};

use super::Lapse;
use crate::durable;
use crate::facts::since_boot;
use crate::invoker;
use crate::managed::Managed;

/// More than the managed file may hold.
const MAX_BYTES: u64 = 2 * 1024 * 1024;
/// The only form of the note.
const VERSION: u8 = 1;

/// Accounts that are let go, why, and until when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Glass {
    /// Always 1.
    pub v: u8,
    /// The accounts: uids with all of their names.
    pub accounts: BTreeMap<u32, Vec<String>>,
    /// What whoever broke it said.
    pub reason: String,
    /// Who that was, by the login.
    pub by: Option<String>,
    /// When it was.
    pub since: Time,
    /// When the accounts are taken back.
    pub until: Time,
    /// The boot during which it was.
    pub boot: String,
    /// The end in milliseconds since that boot, for a clock that is set back.
    pub until_since_boot: u64,
}

impl Glass {
    pub(super) fn new(let_go: &Managed, lapse: Lapse, reason: &str) -> Self {
        let now = Time::from(SystemTime::now());
        let end = since_boot().saturating_add(lapse.duration());
        Self {
            v: VERSION,
            accounts: let_go
                .iter()
                .map(|(uid, names)| (uid, names.to_vec()))
                .collect(),
            reason: reason.trim().to_owned(),
            by: invoker::invoker().account,
            since: now,
            until: now.plus(lapse.duration().as_secs()),
            boot: boot(),
            until_since_boot: u64::try_from(end.as_millis()).unwrap_or(u64::MAX),
        }
    }

    /// Whether its time is over: by the clock, by the time since boot, or because nobody could tell any more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        let now = Time::from(SystemTime::now());
        let by_boot =
            self.boot == boot() && since_boot().as_millis() >= u128::from(self.until_since_boot);
        // Before its beginning: the clock was set back, in another boot.
        let is_unknown = self.boot != boot() && now < self.since;
        now >= self.until || by_boot || is_unknown
    }

    /// Every name of its accounts.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.accounts.values().flatten().map(String::as_str)
    }

    pub(super) fn store(&self, path: &Path) -> Result<(), durable::Error> {
        // Our own type, of strings and numbers: it always has a JSON form.
        let bytes = serde_json::to_vec(self).unwrap_or_default();
        durable::replace(path, &bytes, 0o600)
    }

    pub(super) fn load(path: &Path) -> Result<Option<Self>, durable::Error> {
        let Some(bytes) = durable::read(path, MAX_BYTES)? else {
            return Ok(None);
        };
        let damaged = |why| durable::Error::Read {
            path: path.to_owned(),
            source: io::Error::new(io::ErrorKind::InvalidData, why),
        };
        let glass: Self = serde_json::from_slice(&bytes).map_err(|why| damaged(why.to_string()))?;
        if glass.v != VERSION {
            return Err(damaged(format!(
                "it is of version {}, this program knows version {VERSION}",
                glass.v
            )));
        }
        Ok(Some(glass))
    }
}

fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map(|text| text.trim().to_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn glass() -> Glass {
        let managed = Managed::parse("1001 deploy\n").unwrap();
        Glass::new(&managed, "1h".parse().unwrap(), " the CA is down\n")
    }

    #[test]
    fn it_is_found_again_as_it_was_noted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("break-glass");
        assert_eq!(Glass::load(&path).unwrap(), None);
        glass().store(&path).unwrap();
        let found = Glass::load(&path).unwrap().unwrap();
        assert_eq!(found.reason, "the CA is down");
        assert_eq!(found.names().collect::<Vec<_>>(), ["deploy"]);
        fs::write(&path, "{}").unwrap();
        assert!(Glass::load(&path).is_err());
        let newer = Glass { v: 2, ..glass() };
        newer.store(&path).unwrap();
        let refused = Glass::load(&path).unwrap_err().to_string();
        assert!(refused.contains("version 2"), "{refused}");
    }

    #[test]
    fn it_is_over_by_the_clock_or_by_the_time_since_boot_whichever_comes_first() {
        let glass = glass();
        assert!(!glass.is_over());
        let by_clock = Glass {
            until: glass.since.minus(1),
            ..glass.clone()
        };
        assert!(by_clock.is_over());
        let by_boot = Glass {
            until_since_boot: 0,
            ..glass.clone()
        };
        assert!(by_boot.is_over());
        let other_boot = Glass {
            boot: "another".to_owned(),
            until_since_boot: 0,
            ..glass.clone()
        };
        assert!(!other_boot.is_over());
        let set_back = Glass {
            since: glass.since.plus(3600),
            until: glass.until.plus(3600),
            ..other_boot
        };
        assert!(set_back.is_over());
    }
}
