//! What looks wrong: a log with two pasts, one that went back, one that fell silent, one by a clock that cannot be right.

mod alarm;
mod reading;
mod recall;
mod silence;

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use daypass_protocol::enrolment::Record;
use daypass_protocol::event::Event;

use crate::checkpoints::losses::{Loss, Losses};
use crate::checkpoints::{CheckpointError, Held, Registration, StoredSegment};
use crate::clock::Now;
use crate::ingest::Fork;
use crate::origin::{Origin, Owner};
use crate::segments::{SegmentError, SegmentName};
use reading::Seen;
pub use recall::silent;
use silence::Silences;

/// Alarms of one kind about one place are raised once in the life of a process; so many are remembered.
const REMEMBERED: usize = 65_536;
/// Of one log so many alarms of contradictions and of going back are told in a [`PERIOD`]; the rest is counted. Whoever has its key can
/// sign two pasts without end, and each alarm is a write to the disk.
const ALARMS: u32 = 20;
const PERIOD: Duration = Duration::from_secs(60);
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
    /// By the log's name: those of other CAs have no origin of ours. Held while an alarm is told, so that each is told once,
    /// and is taken as told only when it was.
    raised: Mutex<Raised>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Raised {
    alarms: HashSet<(String, Alarm)>,
    lately: HashMap<String, Lately>,
}

/// How many alarms of a log were told since, and how many were not.
struct Lately {
    since: Instant,
    told: u32,
    untold: u64,
}

#[derive(Default)]
struct Inner {
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
            raised: Mutex::default(),
            inner: Mutex::default(),
        }
    }

    /// Reads lines of `log` that were taken in at `now`, and tells the alarms about its clock.
    ///
    /// # Errors
    /// Those of `tell`: then nothing was read, and the same lines are told of when they come again.
    pub fn read<E>(
        &self,
        log: &Origin,
        bytes: &[u8],
        now: Now,
        tell: impl FnMut(&Event) -> Result<(), E>,
    ) -> Result<(), E> {
        // Read on a copy: one log is taken in by one thread at a time, and megabytes take a while.
        let mut seen = self.lock().seen.get(log).cloned().unwrap_or_default();
        let reading = seen.read(bytes, now);
        let alarms: Vec<Event> = reading
            .anomalies
            .iter()
            .map(|found| alarm::clock(log, found))
            .collect();
        alarms.iter().try_for_each(tell)?;
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
        Ok(())
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

    /// Tells the alarm about a contradiction, unless it was told before.
    ///
    /// # Errors
    /// Those of `tell`.
    pub fn contradiction<E>(
        &self,
        log: &Origin,
        found: &Contradiction,
        evidence: Option<&SegmentName>,
        tell: impl FnOnce(&Event) -> Result<(), E>,
    ) -> Result<(), E> {
        let (kind, event) = alarm::contradiction(log, found, evidence);
        let seq = found.seq();
        self.once(
            &log.to_string(),
            Alarm::Contradiction(seq, kind),
            &event,
            tell,
        )
    }

    /// Tells the alarm about a checkpoint that another CA's log signed, and that contradicts what was cosigned here, unless it
    /// was told before.
    ///
    /// # Errors
    /// Those of `tell`.
    pub fn stranger<E>(
        &self,
        log: &str,
        held: u64,
        size: u64,
        tell: impl FnOnce(&Event) -> Result<(), E>,
    ) -> Result<(), E> {
        let event = alarm::stranger(log, held, size);
        self.once(
            log,
            Alarm::Contradiction(held.min(size), size.to_string()),
            &event,
            tell,
        )
    }

    /// Tells the alarm about a log that says it has `size` entries where `held` are stored, unless it was told before.
    ///
    /// # Errors
    /// Those of `tell`.
    pub fn rollback<E>(
        &self,
        log: &Origin,
        size: u64,
        held: u64,
        tell: impl FnOnce(&Event) -> Result<(), E>,
    ) -> Result<(), E> {
        let event = alarm::rollback(log, size, held);
        self.once(&log.to_string(), Alarm::Rollback(size), &event, tell)
    }

    /// Tells the alarm about a segment whose bytes are gone or are others, unless it was told before: in the life of another
    /// process, too.
    ///
    /// # Errors
    /// Those of `tell`, and of the store that remembers it.
    pub fn lost<E: From<CheckpointError>>(
        &self,
        losses: &dyn Losses,
        segment: &StoredSegment,
        error: &SegmentError,
        tell: impl FnOnce(&Event) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some(loss) = Loss::of(segment, error) else {
            return Ok(());
        };
        let told = Loss { told: true, ..loss };
        let _raised = self.raised.lock().unwrap_or_else(PoisonError::into_inner);
        if losses.loss(loss.number)? == Some(told) {
            return Ok(());
        }
        tell(&alarm::lost(&segment.log, &loss, error))?;
        Ok(losses.lose(&told)?)
    }

    fn once<E>(
        &self,
        log: &str,
        alarm: Alarm,
        event: &Event,
        tell: impl FnOnce(&Event) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut raised = self.raised.lock().unwrap_or_else(PoisonError::into_inner);
        let Raised { alarms, lately } = &mut *raised;
        let alarm = (log.to_owned(), alarm);
        if alarms.contains(&alarm) {
            return Ok(());
        }
        let lately = lately.entry(log.to_owned()).or_insert_with(Lately::new);
        if !lately.has_room() {
            lately.untold = lately.untold.saturating_add(1);
            return Ok(());
        }
        match lately.untold {
            0 => tell(event)?,
            untold => tell(&event.clone().detail("untold", untold))?,
        }
        lately.told += 1;
        lately.untold = 0;
        if alarms.len() >= REMEMBERED {
            alarms.clear();
        }
        alarms.insert(alarm);
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lately {
    fn new() -> Self {
        Self {
            since: Instant::now(),
            told: 0,
            untold: 0,
        }
    }

    fn has_room(&mut self) -> bool {
        if self.since.elapsed() >= PERIOD {
            (self.since, self.told) = (Instant::now(), 0);
        }
        self.told < ALARMS
    }
}

/// Whether the CA enrolled this log's host as one that may go for good by its own word.
fn is_ephemeral(registration: &Registration) -> bool {
    let record: Option<Record> = serde_json::from_str(&registration.record).ok();
    record.is_some_and(|record| record.ephemeral)
}

/// When something came of a log last, or it was made known, in microseconds since 1970.
fn last_heard(registration: &Registration, held: Option<&Held>) -> i64 {
    held.map_or(registration.registered, |held| held.stored)
}

/// Of each owner, the log that was heard last: the others are of lives that are over.
pub(crate) fn newest(logs: &[(Registration, Option<Held>)]) -> HashSet<Origin> {
    let mut newest: HashMap<&Owner, (i64, &Origin)> = HashMap::new();
    for (registration, held) in logs {
        let last = last_heard(registration, held.as_ref());
        let log = &registration.log;
        let is_older = |other: &(i64, _)| other.0 >= last;
        if !newest.get(log.owner()).is_some_and(is_older) {
            newest.insert(log.owner(), (last, log));
        }
    }
    newest.into_values().map(|(_, log)| log.clone()).collect()
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

#[cfg(test)]
mod tests;
