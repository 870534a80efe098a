//! How a session stands that is open by its journal: a host that is not heard any more says nothing of its end, either.

use std::collections::{BTreeMap, BTreeSet};

use daypass_protocol::forwarding::SessionState;

use crate::checkpoints::{CheckpointError, CheckpointStore};
use crate::clock::Now;
use crate::index::session::Session;
use crate::origin::{Origin, Owner};

/// Seconds without a word after which a host with a contractor on it is silent: it has a heartbeat of five.
const SILENT_WITH_CONTRACTORS: u64 = 60;
/// Seconds that an end may take to be journalled, and to arrive here.
const GRACE: u64 = 60;

/// What is known of every journal.
pub(crate) struct Logs {
    /// When something of it was stored last, in microseconds since 1970.
    heard: BTreeMap<Origin, Option<i64>>,
    /// Those that a later one of their owner has followed.
    followed: BTreeSet<Origin>,
}

impl Logs {
    pub(crate) fn read(checkpoints: &dyn CheckpointStore) -> Result<Self, CheckpointError> {
        let logs = checkpoints.logs()?;
        let mut newest: BTreeMap<&Owner, (i64, &Origin)> = BTreeMap::new();
        for (registration, _) in &logs {
            let this = (registration.registered, &registration.log);
            let last = newest.entry(registration.log.owner()).or_insert(this);
            *last = (*last).max(this);
        }
        let is_newest = |log: &Origin| {
            newest
                .get(log.owner())
                .is_some_and(|(_, last)| *last == log)
        };
        let origins = logs.iter().map(|(registration, _)| &registration.log);
        Ok(Self {
            followed: origins.filter(|log| !is_newest(log)).cloned().collect(),
            heard: logs
                .iter()
                .map(|(registration, held)| {
                    let stored = held.as_ref().map(|held| held.stored);
                    (registration.log.clone(), stored)
                })
                .collect(),
        })
    }

    /// When something of a journal was stored last.
    pub(crate) fn heard(&self, log: &Origin) -> Option<i64> {
        self.heard.get(log).copied().flatten()
    }

    /// The journals of the CA.
    pub(crate) fn of_ca(&self) -> Vec<Origin> {
        let of_ca = self.heard.keys().filter(|log| *log.owner() == Owner::Ca);
        of_ca.cloned().collect()
    }
}

/// How a session stands now.
pub(crate) fn state(session: &Session, logs: &Logs, now: Now, silence_after: u64) -> SessionState {
    if session.end.is_some() {
        return SessionState::Over;
    }
    if logs.followed.contains(&session.log) {
        return SessionState::Lost;
    }
    let patience = match session.window.is_empty() {
        true => silence_after,
        false => SILENT_WITH_CONTRACTORS.min(silence_after),
    };
    let is_past = |micros: i64, seconds: u64| {
        let seconds = i64::try_from(seconds).unwrap_or(i64::MAX / 1_000_000);
        now.micros() > micros.saturating_add(seconds.saturating_mul(1_000_000))
    };
    if logs
        .heard(&session.log)
        .is_none_or(|heard| is_past(heard, patience))
    {
        return SessionState::Silent;
    }
    match session.closes {
        Some(closes) if is_past(closes, GRACE) => SessionState::Overdue,
        _ => SessionState::Live,
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::checkpoints::memory::MemoryCheckpoints;
    use crate::checkpoints::{Held, Mark, Registration};
    use crate::index::record::Record;
    use crate::index::session::Change;
    use crate::segments::SegmentName;

    fn log(incarnation: u8) -> Origin {
        let text = format!("daypass/0123456789abcdef/host/db1/{incarnation:016x}");
        text.parse().unwrap()
    }

    fn session(window: &str) -> Session {
        let line = format!(
            r#"{{"time":"1970-01-01T00:10:00Z","action":"session.open","identity":{{"window":"{window}"}},
            "origin":{{"session":"s-1"}},"detail":{{"closes":"1970-01-01T00:20:00Z"}}}}"#
        );
        match Record::of(&log(1), 0, &line).change {
            Some(Change::Opened(session)) => *session,
            other => panic!("{other:?}"),
        }
    }

    /// What is known when something of the first journal came after so many seconds.
    fn logs(heard: i64, incarnations: u8) -> Logs {
        let store = MemoryCheckpoints::default();
        for incarnation in 1..=incarnations {
            let registration = Registration {
                log: log(incarnation),
                record: "{}".to_owned(),
                signature: String::new(),
                registered: incarnation.into(),
            };
            store.register(&registration).unwrap();
        }
        let held = Held {
            mark: Mark {
                size: 1,
                root: [1; 32],
            },
            seal: String::new(),
            follower: String::new(),
            stored: heard * 1_000_000,
        };
        let name = SegmentName::of(0, 1, b"x");
        store
            .advance(&log(1), &Mark::empty(), &held, &name)
            .unwrap();
        Logs::read(&store).unwrap()
    }

    #[test]
    fn a_session_stands_as_what_is_heard_of_its_host_says() {
        for (window, heard, incarnations, now, expected) in [
            ("w-1", 1000, 1, 1010, SessionState::Live),
            ("w-1", 1000, 1, 1061, SessionState::Silent),
            ("", 1000, 1, 1061, SessionState::Live),
            ("", 1000, 1, 3800, SessionState::Silent),
            ("w-1", 1250, 1, 1250, SessionState::Live),
            ("w-1", 1250, 1, 1261, SessionState::Overdue),
            ("w-1", 1000, 2, 1010, SessionState::Lost),
        ] {
            let now = Now::from(UNIX_EPOCH + Duration::from_secs(now));
            let state = state(&session(window), &logs(heard, incarnations), now, 2700);
            assert_eq!(state, expected, "{window} {heard} {incarnations}");
        }
    }
}
