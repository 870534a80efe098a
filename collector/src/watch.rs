//! What looks wrong: a log with two pasts, one that went back, one that fell silent.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use daypass_protocol::event::{Action, Event, Outcome, Resource};

use crate::checkpoints::{CheckpointError, CheckpointStore};
use crate::clock::Now;
use crate::ingest::Fork;
use crate::origin::{Origin, Owner};
use crate::segments::SegmentName;

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

/// Whose alarms were raised already.
#[derive(Default)]
pub struct Watch {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    raised: HashSet<(Origin, Alarm)>,
    evidence: HashMap<Origin, HashSet<SegmentName>>,
    silent: HashSet<Origin>,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum Alarm {
    Contradiction(u64, String),
    Rollback(u64),
}

impl Watch {
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
        self.once(log, Alarm::Contradiction(seq, kind), event)
    }

    /// The alarm about a log that says it has `size` entries where `held` are stored; `None` when it was raised before.
    pub fn rollback(&self, log: &Origin, size: u64, held: u64) -> Option<Event> {
        let event = alarm(Action::AlarmRollback, log)
            .detail("size", size)
            .detail("held", held)
            .because(
                "rollback",
                format!(
                    "{}'s journal ends after {size} entries, {held} are stored here: its end was cut off or an old copy put back",
                    log.owner()
                ),
            );
        self.once(log, Alarm::Rollback(size), event)
    }

    fn once(&self, log: &Origin, alarm: Alarm, event: Event) -> Option<Event> {
        let mut inner = self.lock();
        if inner.raised.len() >= REMEMBERED {
            inner.raised.clear();
        }
        inner.raised.insert((log.clone(), alarm)).then_some(event)
    }

    /// Looks who fell silent and who is heard again. Each log is named once for each silence; of an owner with several
    /// incarnations only the one heard last counts.
    ///
    /// # Errors
    /// When the store cannot say.
    pub fn look(
        &self,
        checkpoints: &dyn CheckpointStore,
        now: Now,
        silence_after: u64,
    ) -> Result<Vec<Event>, CheckpointError> {
        let mut newest: HashMap<Owner, (i64, Origin)> = HashMap::new();
        for (registration, held) in checkpoints.logs()? {
            let last = held.map_or(registration.registered, |held| held.stored);
            let log = registration.log;
            match newest.get(log.owner()) {
                Some((other, _)) if *other >= last => {}
                _ => {
                    newest.insert(log.owner().clone(), (last, log));
                }
            }
        }
        let mut inner = self.lock();
        let mut events = Vec::new();
        for (last, log) in newest.into_values() {
            let is_silent = is_silent(last, now, silence_after);
            if is_silent && inner.silent.insert(log.clone()) {
                events.push(silence(&log, last));
            } else if !is_silent && inner.silent.remove(&log) {
                let reason = format!("{}'s journal is heard again", log.owner());
                events.push(alarm(Action::AlarmOver, &log).because("heard", reason));
            }
        }
        Ok(events)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
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

fn silence(log: &Origin, last: i64) -> Event {
    let since = daypass_protocol::time::Time::from_unix(last / 1_000_000);
    alarm(Action::AlarmSilence, log).detail("since", since.to_string()).because(
        "silence",
        format!("nothing came from {}'s journal since {since}: see whether it runs, and what it hides", log.owner()),
    )
}

fn alarm(action: Action, log: &Origin) -> Event {
    let host = match log.owner() {
        Owner::Host(name) => Some(name.clone()),
        Owner::Ca => None,
    };
    Event::new(action)
        .outcome(Outcome::Failed)
        .on(Resource {
            host,
            ..Resource::default()
        })
        .detail("log", log.to_string())
}
