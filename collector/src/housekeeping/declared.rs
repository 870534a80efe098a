//! Erasures that journals declare. Whoever owns a host can declare one, an intruder too: so it is told at once, and followed
//! only after a while, in which somebody can look.

use std::collections::BTreeMap;

use daypass_journal::erasure::MOST_RUNS;
use daypass_journal::remains;
use daypass_protocol::event::{Action, Event, Outcome};
use daypass_protocol::time::Time;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::backoff;
use crate::checkpoints::CheckpointError;
use crate::clock::Now;
use crate::collector::{Collector, CollectorError};
use crate::config::FollowErasures;
use crate::erasure::{self, EraseError, Why};
use crate::index::IndexError;
use crate::index::cursor::{Cursor, InvalidCursor};
use crate::index::query::{LIMIT, Order, Query};
use crate::origin::{InvalidOrigin, Origin, Owner};
use crate::segments::SegmentError;
use crate::stored;

/// Characters of who and why that are kept.
const TEXT: usize = 300;
/// Declarations of one journal that wait; whoever declares more declares them in vain.
const WAITING: usize = 256;

/// What was declared, and is not followed yet.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Declared {
    /// Up to where declarations were looked for: a cursor in the order of arrival.
    cursor: Option<String>,
    /// By journal and number of the declaring entry.
    waiting: BTreeMap<String, Declaration>,
}

/// Where a declaration stands; what it says is read when its time has come.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Declaration {
    log: String,
    seq: u64,
    /// When it was first seen here, in microseconds since 1970.
    seen: i64,
    /// Our own journal says that it is followed.
    #[serde(default)]
    said: bool,
    /// How often it could not be followed.
    #[serde(default)]
    failures: u32,
    /// When it is tried again, in microseconds since 1970.
    #[serde(default)]
    due: i64,
}

/// Why declarations are not followed.
#[derive(Debug, thiserror::Error)]
pub(super) enum FollowError {
    #[error(transparent)]
    Index(#[from] IndexError),
    #[error("a remembered place is none: {0}")]
    Cursor(#[from] InvalidCursor),
    #[error(transparent)]
    Origin(#[from] InvalidOrigin),
    #[error(transparent)]
    Collector(#[from] CollectorError),
    #[error(transparent)]
    Erase(#[from] EraseError),
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error(transparent)]
    Segment(#[from] SegmentError),
}

impl Declared {
    /// One whose time has come.
    pub(super) fn turn(&self, patience: FollowErasures, now: Now) -> Option<Turn> {
        let FollowErasures::AfterDays(days) = patience else {
            return None;
        };
        let ripe =
            |one: &&Declaration| one.seen.saturating_add(micros(days)).max(one.due) <= now.micros();
        self.waiting.values().find(ripe).map(|one| Turn {
            declaration: one.clone(),
            read: None,
        })
    }

    /// Remembers what became of it so far.
    pub(super) fn keep(&mut self, turn: &Turn) {
        let one = &turn.declaration;
        self.waiting.insert(key(&one.log, one.seq), one.clone());
    }

    /// It was followed, or is tried again later: the others do not wait for it.
    pub(super) fn done(&mut self, mut turn: Turn, is_followed: bool, now: Now) {
        let one = &mut turn.declaration;
        if is_followed {
            self.waiting.remove(&key(&one.log, one.seq));
            return;
        }
        let delay = i64::try_from(backoff::delay(one.failures).as_micros()).unwrap_or(i64::MAX);
        one.failures = one.failures.saturating_add(1);
        one.due = now.micros().saturating_add(delay);
        self.keep(&turn);
    }

    /// Looks for new ones, and tells of them.
    pub(super) fn look(
        &mut self,
        collector: &Collector,
        patience: FollowErasures,
        now: Now,
    ) -> Result<(), FollowError> {
        let after: Option<Cursor> = self.cursor.as_deref().map(str::parse).transpose()?;
        let taken = collector.index().taken()?;
        let mut query = Query {
            actions: vec!["journal.erased".to_owned()],
            after,
            limit: LIMIT,
            ..Query::all(Order::Arrival)
        };
        loop {
            let page = collector.index().search(&query)?;
            let is_last = page.entries.len() < LIMIT;
            for found in page.entries {
                // Ours are carried out where they are made.
                if *found.origin.parse::<Origin>()?.owner() != Owner::Collector {
                    self.take(collector, &found.origin, &found.entry, patience, now)?;
                }
            }
            query.after = page.next;
            self.cursor = query.after.as_ref().map(ToString::to_string);
            if is_last {
                break;
            }
        }
        // Nothing up to there is left to be found; a later one may have been already.
        let everything = Cursor::Arrival {
            segment: taken,
            seq: i64::MAX.unsigned_abs(),
        };
        let behind = query
            .after
            .filter(|last| matches!(last, Cursor::Arrival { segment, .. } if *segment > taken));
        self.cursor = Some(behind.unwrap_or(everything).to_string());
        Ok(())
    }

    /// Tells of one that is new, and lets it wait where it is to be followed.
    fn take(
        &mut self,
        collector: &Collector,
        log: &str,
        line: &str,
        patience: FollowErasures,
        now: Now,
    ) -> Result<(), CollectorError> {
        let seq = serde_json::from_str::<serde_json::Value>(line)
            .ok()
            .and_then(|entry| entry.get("seq")?.as_u64());
        let (Some(seq), Some(read)) = (seq, read(line.as_bytes())) else {
            return Ok(());
        };
        let key = key(log, seq);
        if self.waiting.contains_key(&key) {
            return Ok(());
        }
        let of_log = self.waiting.values().filter(|one| one.log == log).count();
        let follows = match patience {
            FollowErasures::Never => None,
            FollowErasures::AfterDays(_) if of_log >= WAITING => None,
            FollowErasures::AfterDays(days) => Some(now.micros().saturating_add(micros(days))),
        };
        tell(collector, log, seq, &read, follows)?;
        if follows.is_some() {
            let declaration = Declaration {
                log: log.to_owned(),
                seq,
                seen: now.micros(),
                said: false,
                failures: 0,
                due: 0,
            };
            self.waiting.insert(key, declaration);
        }
        Ok(())
    }
}

/// What a declaring entry says.
struct Read {
    entries: Vec<(u64, u64)>,
    by: String,
    why: String,
}

/// A declaration that is being followed.
pub(super) struct Turn {
    declaration: Declaration,
    read: Option<Read>,
}

impl Turn {
    /// Says that it is followed, unless that was said before.
    pub(super) fn say(&mut self, collector: &Collector) -> Result<(), FollowError> {
        let one = &mut self.declaration;
        let log: Origin = one.log.parse()?;
        let Some(read) = stored_at(collector, &log, one.seq)? else {
            return Ok(());
        };
        let why = Why {
            by: read.by.clone(),
            reason: format!("its journal declares it, entry {}: {}", one.seq, read.why),
        };
        if !one.said {
            for runs in read.entries.chunks(MOST_RUNS) {
                erasure::say(collector, &log, runs, &why)?;
            }
            one.said = true;
        }
        self.read = Some(read);
        Ok(())
    }

    /// Takes out what was said.
    pub(super) fn take_out(&self, collector: &Collector) -> Result<(), FollowError> {
        let log: Origin = self.declaration.log.parse()?;
        let entries = self
            .read
            .iter()
            .flat_map(|read| read.entries.chunks(MOST_RUNS));
        for runs in entries {
            erasure::take_out(collector, &log, runs)?;
        }
        Ok(())
    }
}

/// What the declaring entry says, where it still stands.
fn stored_at(collector: &Collector, log: &Origin, seq: u64) -> Result<Option<Read>, FollowError> {
    let stores = collector.stores();
    let segments = stores.checkpoints.segments_of(log, seq, 1)?;
    let Some(segment) = segments.first() else {
        return Ok(None);
    };
    let entries = stored::read(stores, segment, |_, error| Err(FollowError::from(error)))?;
    let line = entries.into_iter().find(|(number, _)| *number == seq);
    Ok(line.and_then(|(_, line)| read(&line)))
}

fn read(line: &[u8]) -> Option<Read> {
    let declared = remains::declared(line)?;
    // Our own entries about it are as bounded as others are.
    let cut = |text: &str| text.chars().take(TEXT).collect();
    Some(Read {
        entries: declared.entries,
        by: cut(&declared.by),
        why: cut(&declared.reason),
    })
}

fn key(log: &str, seq: u64) -> String {
    format!("{log} {seq}")
}

fn tell(
    collector: &Collector,
    log: &str,
    seq: u64,
    read: &Read,
    follows: Option<i64>,
) -> Result<(), CollectorError> {
    let Read { entries, by, why } = read;
    let event = Event::new(Action::LogErasureDeclared)
        .outcome(Outcome::Done)
        .detail("log", log)
        .detail("seq", seq)
        .detail(
            "entries",
            json!(entries.get(..MOST_RUNS).unwrap_or(entries)),
        )
        .detail("by", by.as_str())
        .detail("why", why.as_str());
    collector.record(&match follows {
        Some(follows) => {
            let follows = Time::from_unix(follows.div_euclid(1_000_000));
            event.detail("follows", follows.to_string())
        }
        None => event,
    })
}

fn micros(days: u16) -> i64 {
    i64::from(days) * 24 * 60 * 60 * 1_000_000
}
