//! What looks wrong: a log with two pasts, one that went back, one that fell silent, one by a clock that cannot be right.

mod reading;
mod recall;
mod silence;

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use daypass_protocol::enrolment::Record;
use daypass_protocol::event::{Action, Event, Outcome, Resource};

use crate::checkpoints::Registration;
use crate::clock::Now;
use crate::ingest::Fork;
use crate::origin::{Origin, Owner};
use crate::segments::SegmentName;
use reading::{Anomaly, Clock, Seen};
pub use recall::silent;
use silence::Silences;

/// Alarms of one kind about one place are raised once in the life of a process; so many are remembered.
const REMEMBERED: usize = 65_536;
/// Forks of one log whose other side is kept, in the life of a process.
const EVIDENCE: usize = 16;

/// How a log looks from here.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// Nothing came yet.
    New,
    /// It is heard.
    Live,
    /// Nothing came for longer than it should take.
    Silent,
    /// It went for good, and said so.
    Retired,
}

/// Whether whoever writes a log goes on sending it here.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Presence {
    /// It does.
    Stays,
    /// It sends it to a collector that is preferred to this one from here on.
    Leaves,
}

/// What a log signed, and what contradicts it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Contradiction {
    /// Two entries at one place.
    Entries(Fork),
    /// Lines that are not what was sealed, or do not follow from what is held.
    Lines {
        /// The first entry that it is about.
        seq: u64,
        /// What does not hold.
        reason: String,
    },
    /// A signed checkpoint that does not follow from what is held.
    Checkpoint {
        /// How many entries are held.
        held: u64,
        /// How many it counts.
        size: u64,
    },
}

impl Contradiction {
    /// The first sequence number that it is about.
    pub fn seq(&self) -> u64 {
        match self {
            Self::Entries(fork) => fork.seq,
            Self::Lines { seq, .. } => *seq,
            Self::Checkpoint { held, size } => *held.min(size),
        }
    }
}

/// Whose alarms were raised already, and how each log looked last.
pub struct Watch {
    began: Now,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// By the log's name: those of other CAs have no origin of ours.
    raised: HashSet<(String, Alarm)>,
    evidence: HashMap<Origin, HashSet<SegmentName>>,
    seen: HashMap<Origin, Seen>,
    silences: Silences,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum Alarm {
    Contradiction(u64, String),
    Rollback(u64),
}

impl Watch {
    /// Nothing was seen yet.
    pub fn new(now: Now) -> Self {
        Self {
            began: now,
            inner: Mutex::default(),
        }
    }

    /// Reads lines of `log` that were taken in at `now`; the alarms about its clock.
    pub fn read(&self, log: &Origin, bytes: &[u8], now: Now) -> Vec<Event> {
        // Read on a copy: one log is taken in by one thread at a time, and megabytes take a while.
        let mut seen = self.lock().seen.get(log).cloned().unwrap_or_default();
        let reading = seen.read(bytes, now);
        let mut inner = self.lock();
        inner.seen.insert(log.clone(), seen);
        inner.silences.hears(log, Presence::Stays);
        // Only the CA says for whom it makes certificates.
        let issues = reading
            .issues
            .into_iter()
            .filter(|_| *log.owner() == Owner::Ca);
        for issue in issues {
            inner.silences.issued(issue, now);
        }
        reading
            .anomalies
            .iter()
            .map(|found| clock(log, found))
            .collect()
    }

    /// Something was heard of who writes `log`.
    pub fn hears(&self, log: &Origin, presence: Presence) {
        self.lock().silences.hears(log, presence);
    }

    /// Whether who writes this log has gone for good: by its own word, where the CA enrolled it as one that may.
    pub fn has_retired(&self, registration: &Registration) -> bool {
        let inner = self.lock();
        let says_so = inner.seen.get(&registration.log);
        says_so.is_some_and(|seen| seen.retires) && is_ephemeral(registration)
    }

    /// Whether the other side of a fork of `log` is to be kept; remembers it.
    pub fn takes_evidence(&self, log: &Origin, name: &SegmentName) -> bool {
        let mut inner = self.lock();
        let kept = inner.evidence.entry(log.clone()).or_default();
        kept.contains(name) || kept.len() < EVIDENCE && kept.insert(*name)
    }

    /// The alarm about a contradiction; `None` when it was raised before.
    pub fn contradiction(
        &self,
        log: &Origin,
        found: &Contradiction,
        evidence: Option<&SegmentName>,
    ) -> Option<Event> {
        let (seq, owner) = (found.seq(), log.owner());
        let forked = format!(
            "{owner}'s journal has two pasts from entry {seq} on, both signed: it was cloned, restored or rewritten"
        );
        let (kind, event) = match found {
            Contradiction::Entries(fork) => (
                fork.offered.to_string(),
                alarm(Action::AlarmFork, log)
                    .detail("held", fork.held.to_string())
                    .detail("offered", fork.offered.to_string())
                    .because("fork", forked),
            ),
            Contradiction::Checkpoint { size, .. } => (
                size.to_string(),
                alarm(Action::AlarmFork, log).detail("size", *size).because("fork", forked),
            ),
            Contradiction::Lines { reason, .. } => (
                reason.clone(),
                alarm(Action::AlarmTampered, log).detail("found", reason.clone()).because(
                    "tampered",
                    format!(
                        "from entry {seq} on, {owner}'s journal is not what was sealed, or does not follow from what is \
                         stored: it was rewritten, cloned or restored"
                    ),
                ),
            ),
        };
        let event = event.detail("seq", seq);
        let event = match evidence {
            Some(name) => event.detail("evidence", name.to_string()),
            None => event,
        };
        self.once(&log.to_string(), Alarm::Contradiction(seq, kind), event)
    }

    /// The alarm about a checkpoint that another CA's log signed, and that contradicts what was cosigned here; `None` when
    /// it was raised before.
    pub fn stranger(&self, log: &str, held: u64, size: u64) -> Option<Event> {
        let event = Event::new(Action::AlarmFork)
            .outcome(Outcome::Failed)
            .detail("log", log)
            .detail("seq", held.min(size))
            .detail("size", size)
            .because(
                "fork",
                format!("{log} has two pasts of {size} entries, both signed by it"),
            );
        self.once(
            log,
            Alarm::Contradiction(held.min(size), size.to_string()),
            event,
        )
    }

    /// The alarm about a log that says it has `size` entries where `held` are stored; `None` when it was raised before.
    pub fn rollback(&self, log: &Origin, size: u64, held: u64) -> Option<Event> {
        let event = alarm(Action::AlarmRollback, log)
            .detail("seq", size)
            .detail("size", size)
            .detail("held", held)
            .because(
                "rollback",
                format!(
                    "{}'s journal ends after {size} entries, {held} are stored here: its end was cut off or an old copy put back",
                    log.owner()
                ),
            );
        self.once(&log.to_string(), Alarm::Rollback(size), event)
    }

    fn once(&self, log: &str, alarm: Alarm, event: Event) -> Option<Event> {
        let mut inner = self.lock();
        if inner.raised.len() >= REMEMBERED {
            inner.raised.clear();
        }
        inner
            .raised
            .insert((log.to_owned(), alarm))
            .then_some(event)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the CA enrolled this log's host as one that may go for good by its own word.
fn is_ephemeral(registration: &Registration) -> bool {
    let record: Option<Record> = serde_json::from_str(&registration.record).ok();
    record.is_some_and(|record| record.ephemeral)
}

/// How a log looks whose last lines were stored at `stored` (microseconds since 1970).
pub fn condition(stored: Option<i64>, now: Now, silence_after: u64) -> Condition {
    match stored {
        None => Condition::New,
        Some(stored) if is_silent(stored, now, silence_after) => Condition::Silent,
        Some(_) => Condition::Live,
    }
}

fn is_silent(last: i64, now: Now, after: u64) -> bool {
    let micros = i64::try_from(after.saturating_mul(1_000_000)).unwrap_or(i64::MAX);
    now.micros().saturating_sub(last) > micros
}

fn clock(log: &Origin, found: &Anomaly) -> Event {
    let Anomaly { seq, seconds, kind } = *found;
    let owner = log.owner();
    let (code, reason) = match kind {
        Clock::Back => (
            "clock-back",
            format!("{owner}'s clock was set back by {seconds} s before entry {seq}"),
        ),
        Clock::Ahead => (
            "clock-ahead",
            format!("{owner}'s clock was {seconds} s ahead of this one at entry {seq}"),
        ),
    };
    alarm(Action::AlarmClock, log)
        .detail("seq", seq)
        .detail("seconds", seconds)
        .because(code, reason)
}

fn alarm(action: Action, log: &Origin) -> Event {
    Event::new(action)
        .outcome(Outcome::Failed)
        .on(Resource {
            host: log.owner().host().cloned(),
            ..Resource::default()
        })
        .detail("log", log.to_string())
}
