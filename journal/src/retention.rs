//! How long a journal keeps its text: `[retention]` in the configuration files.

use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Days, Utc};
use serde::Deserialize;

use crate::error::Error;
use crate::writer::{Retention, Retired, Writer};

/// How often a program should look.
pub const EVERY: Duration = Duration::from_secs(60 * 60);

/// What is kept; all of it where nothing is said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// Whole segments older than so many days go,
    pub keep_days: Option<u32>,
    /// and the oldest while they have more than so many MiB together.
    pub keep_mib: Option<u32>,
    /// A directory into which they are copied first.
    pub archive: Option<PathBuf>,
}

impl Policy {
    /// Which segments go at `now`; `None` when none ever does.
    #[must_use]
    pub fn at(&self, now: DateTime<Utc>) -> Option<Retention> {
        if self.keep_days.is_none() && self.keep_mib.is_none() {
            return None;
        }
        let days = |days: u32| now.checked_sub_days(Days::new(days.into()));
        Some(Retention {
            before: self.keep_days.and_then(days),
            beyond_bytes: self.keep_mib.map(|mib| u64::from(mib) * 1024 * 1024),
            keep_from: None,
            archive: self.archive.clone(),
        })
    }

    /// Retires what has to go at `now`; the entry names the configuration `file` as the reason.
    ///
    /// # Errors
    ///
    /// As for [`Writer::retire`].
    pub fn apply(
        &self,
        writer: &Writer,
        now: DateTime<Utc>,
        file: &str,
    ) -> Result<Option<Retired>, Error> {
        self.apply_below(u64::MAX, writer, now, file)
    }

    /// The same of segments that end before entry `keep_from`.
    ///
    /// # Errors
    ///
    /// As for [`Writer::retire`].
    pub fn apply_below(
        &self,
        keep_from: u64,
        writer: &Writer,
        now: DateTime<Utc>,
        file: &str,
    ) -> Result<Option<Retired>, Error> {
        let Some(mut which) = self.at(now) else {
            return Ok(None);
        };
        which.keep_from = Some(keep_from);
        writer.retire(&which, "policy", &self.reason(file))
    }

    fn reason(&self, file: &str) -> String {
        let days = self.keep_days.map(|days| format!("keep_days = {days}"));
        let mib = self.keep_mib.map(|mib| format!("keep_mib = {mib}"));
        let said: Vec<_> = days.into_iter().chain(mib).collect();
        format!("[retention] in {file}: {}", said.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_word_everything_is_kept() {
        let policy: Policy = toml::from_str("archive = \"/srv/archive\"").unwrap();
        assert_eq!(policy.at(Utc::now()), None);
        assert!(toml::from_str::<Policy>("keep_day = 3").is_err());
    }

    #[test]
    fn days_and_mebibytes_are_counted_from_now() {
        let policy: Policy = toml::from_str("keep_days = 2\nkeep_mib = 3").unwrap();
        let now = Utc::now();
        let which = policy.at(now).unwrap();
        assert_eq!(which.before, Some(now - chrono::TimeDelta::days(2)));
        assert_eq!(which.beyond_bytes, Some(3 << 20));
        assert_eq!(
            policy.reason("agent.toml"),
            "[retention] in agent.toml: keep_days = 2, keep_mib = 3"
        );
    }
}
