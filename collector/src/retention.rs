//! How long text is kept: `[retention]` in the configuration. What proves stays for ever.

use std::collections::BTreeMap;

use daypass_protocol::event::{Action, Event, Outcome};
use daypass_protocol::name::HostName;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::alerts::StoreError;
use crate::checkpoints::CheckpointError;
use crate::clock::Now;
use crate::collector::{Collector, CollectorError};
use crate::origin::{Origin, Owner};
use crate::rewrite::{self, RewriteError};

/// Segments that are looked up at once.
const LOOK: usize = 256;
const DAY: i64 = 24 * 60 * 60 * 1_000_000;

/// What is kept, in days since it was stored here; all of it where nothing is said.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// Of every journal that is not named below.
    pub keep_days: Option<u32>,
    /// Of a host's journals.
    pub hosts: BTreeMap<HostName, u32>,
    /// Of the CA's.
    pub ca: Option<u32>,
}

/// How far each journal was retired, so that no segment is looked at twice: the number of the last segment. It may be lost.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Progress(BTreeMap<String, u64>);

/// Why nothing was retired, or not all.
#[derive(Debug, thiserror::Error)]
pub enum RetainError {
    /// The list of segments.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// Our own journal: what is not journalled is not done.
    #[error(transparent)]
    Collector(#[from] CollectorError),
    /// Segments or index.
    #[error(transparent)]
    Rewrite(#[from] RewriteError),
    /// Alerts.
    #[error(transparent)]
    Alerts(#[from] StoreError),
}

impl Policy {
    /// Days that a journal's text is kept; `None`: for ever.
    pub fn days(&self, log: &Origin) -> Option<u32> {
        match log.owner() {
            Owner::Ca => self.ca.or(self.keep_days),
            // Our own says what was taken out of the others.
            Owner::Collector => None,
            Owner::Host(host) => self.hosts.get(host).copied().or(self.keep_days),
        }
    }

    /// Whether everything is kept.
    pub fn keeps_all(&self) -> bool {
        *self == Self::default()
    }
}

/// Retires what was stored too long ago, by our own clock: a host's says what the host wants. Says of how many segments.
///
/// # Errors
/// What was done stays done, and the next call goes on.
pub fn retire(
    collector: &Collector,
    policy: &Policy,
    progress: &mut Progress,
    now: Now,
) -> Result<u64, RetainError> {
    let mut count = 0;
    for (registration, _) in collector.stores().checkpoints.logs()? {
        let log = registration.log;
        if let Some(days) = policy.days(&log) {
            count += retire_log(collector, &log, days, progress, now)?;
        }
    }
    Ok(count)
}

fn retire_log(
    collector: &Collector,
    log: &Origin,
    days: u32,
    progress: &mut Progress,
    now: Now,
) -> Result<u64, RetainError> {
    let before = now.micros() - i64::from(days) * DAY;
    let done = progress.0.get(&log.to_string()).copied().unwrap_or(0);
    let (mut old, mut at) = (Vec::new(), 0);
    loop {
        let segments = collector.stores().checkpoints.segments_of(log, at, LOOK)?;
        let Some(end) = segments.last().map(|segment| segment.name.size) else {
            break;
        };
        let is_over = segments.iter().any(|segment| segment.stored >= before);
        let ripe = |segment: &crate::checkpoints::StoredSegment| {
            segment.stored < before && segment.number > done
        };
        old.extend(segments.into_iter().filter(ripe));
        if is_over {
            break;
        }
        at = end;
    }
    let (Some(first), Some(last)) = (old.first(), old.last()) else {
        return Ok(0);
    };
    let event = Event::new(Action::LogRetired)
        .outcome(Outcome::Done)
        .detail("log", log.to_string())
        .detail("entries", json!([[first.name.first, last.name.size - 1]]))
        .detail("keep_days", days);
    collector.record(&event)?;
    let newest = last.number;
    let mut count = 0;
    for segment in &old {
        let retired = collector.with_log(log, || {
            let lost = &mut collector.tells_of_lost();
            rewrite::retire(collector.stores(), collector.index(), segment, lost)
        });
        count += u64::from(retired?.is_some());
    }
    // What people were told of them goes as well.
    collector
        .alerts()
        .erase(log, &[(first.name.first, last.name.size - 1)])?;
    progress.0.insert(log.to_string(), newest);
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_is_kept_as_long_as_its_own_line_says() {
        let policy: Policy = toml::from_str(
            "keep_days = 400\nca = 4000\n[hosts]\nweb1 = 30\n\"db1.example.org\" = 90",
        )
        .unwrap();
        let days = |owner: &str| {
            let log = format!("daypass/0123456789abcdef/{owner}/00000000000000ff");
            policy.days(&log.parse().unwrap())
        };
        assert_eq!(days("host/web1"), Some(30));
        assert_eq!(days("host/db1.example.org"), Some(90));
        assert_eq!(days("host/other"), Some(400));
        assert_eq!(days("ca"), Some(4000));
        assert_eq!(days("collector"), None);
        assert!(Policy::default().keeps_all());
        assert!(toml::from_str::<Policy>("keep_day = 3").is_err());
    }
}
