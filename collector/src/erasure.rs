//! Forgetting a person: said in our own journal first, then done in segments, index and that journal itself.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use daypass_journal::erasure::{self as of_journal, MOST_RUNS};
use daypass_protocol::event::{Action, Event, Outcome};
use serde_json::json;

use crate::alerts::StoreError;
use crate::collector::{Collector, CollectorError};
use crate::evidence::{self, EvidenceError};
use crate::index::query::{LIMIT, Order, Query};
use crate::index::{Index, IndexError};
use crate::indexer::FollowIndexError;
use crate::origin::{InvalidOrigin, Origin, Owner};
use crate::owed;
use crate::rewrite::{self, RewriteError};
use crate::segments::{SegmentError, SegmentName};

/// Whose word it is.
#[derive(Clone, Debug)]
pub struct Why {
    /// Who erases.
    pub by: String,
    /// For what reason.
    pub reason: String,
}

/// Why a person is not forgotten, or not everywhere.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// Our own journal: what is not journalled is not done.
    #[error(transparent)]
    Collector(#[from] CollectorError),
    /// Our own journal could not be searched or changed.
    #[error("the collector's own journal could not be erased from")]
    Ledger(#[from] daypass_journal::Error),
    /// The index could not say where the person is named.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The index does not follow.
    #[error(transparent)]
    Follow(#[from] FollowIndexError),
    /// The index names a journal that is none.
    #[error("the index names {0}")]
    Origin(#[from] InvalidOrigin),
    /// Segments or index.
    #[error(transparent)]
    Rewrite(#[from] RewriteError),
    /// Alerts.
    #[error(transparent)]
    Alerts(#[from] StoreError),
    /// What no checkpoint counts.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// Evidence that cannot be read: nothing else would bring it back.
    #[error(
        "{0}; what this evidence says of the person stays in it. Once it is put back, erase again"
    )]
    Lost(SegmentError),
    /// What goes from the second copy.
    #[error("what is to be removed from the second copy could not be written down")]
    Copy(#[source] io::Error),
}

/// What became of an erasure.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Forgotten {
    /// Entries that lost their text, or are to lose it.
    pub entries: u64,
    /// Segments that are lost: what they say of the person goes when they are back.
    pub waiting: u64,
}

/// How many stored entries name a person, as `index` knows.
///
/// # Errors
/// When the index cannot say.
pub fn count(index: &dyn Index, person: &str) -> Result<u64, EraseError> {
    let named = named(index, person)?;
    Ok(named.values().map(|entries| entries.len() as u64).sum())
}

/// Forgets a person in all that is kept, evidence included. `goes` is told of evidence as by [`evidence::erase_person`].
///
/// # Errors
/// What was done stays done. What fails in what checkpoints count keeps no evidence waiting.
pub fn forget(
    collector: &Collector,
    person: &str,
    why: &Why,
    goes: &mut dyn FnMut(&Origin, &SegmentName) -> io::Result<()>,
) -> Result<Forgotten, EraseError> {
    let counted = erase_person(collector, person, why);
    let evidence = evidence::erase_person(collector, person, why, goes);
    match (counted, evidence) {
        (Ok(counted), Ok(evidence)) => Ok(Forgotten {
            entries: counted.entries + evidence,
            ..counted
        }),
        (Ok(_), Err(error)) => Err(advised(error)),
        (Err(error), evidence) => {
            if let Err(error) = evidence {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "evidence could not be erased from");
            }
            Err(advised(error))
        }
    }
}

/// What checkpoints count is taken out when it is back; evidence is not.
fn advised(error: EraseError) -> EraseError {
    match error {
        EraseError::Rewrite(RewriteError::Segment(error)) if error.is_loss() => {
            EraseError::Lost(error)
        }
        other => other,
    }
}

/// Forgets a person in what checkpoints count. Segments that are lost keep nothing else waiting: what is to be taken out of them is
/// remembered.
///
/// # Errors
/// What was done stays done; the same may be asked again. What fails in one journal keeps no other waiting.
pub fn erase_person(
    collector: &Collector,
    person: &str,
    why: &Why,
) -> Result<Forgotten, EraseError> {
    // Our own first: what of it is not stored yet comes in without its text.
    let mut count = collector.erase_own(person, &why.by, &why.reason)?;
    collector.follow_index()?;
    let losses = collector.stores().checkpoints.lost();
    owed::by_person(losses, person, why)?;
    let mut failed = None;
    for (log, entries) in named(collector.index(), person)? {
        // What is stored of our own journal is counted there.
        if *log.owner() != Owner::Collector {
            count += entries.len() as u64;
        }
        let runs = of_journal::runs(&entries);
        for runs in runs.chunks(MOST_RUNS) {
            if let Err(error) = erase_runs(collector, &log, runs, why) {
                failed = Some(error);
            }
        }
    }
    collector.alerts().forget_person(person)?;
    let waiting = losses.after(0, owed::ALL).map_err(RewriteError::from)?;
    match failed {
        None => Ok(Forgotten {
            entries: count,
            waiting: waiting.len() as u64,
        }),
        Some(error) => Err(error),
    }
}

/// Takes the text of these entries out, and says so first.
///
/// # Errors
/// As for [`erase_person`].
pub fn erase_runs(
    collector: &Collector,
    log: &Origin,
    runs: &[(u64, u64)],
    why: &Why,
) -> Result<(), EraseError> {
    say(collector, log, runs, why)?;
    take_out(collector, log, runs)
}

/// Says which entries lose their text, on whose word.
///
/// # Errors
/// When it is not durable.
pub fn say(
    collector: &Collector,
    log: &Origin,
    runs: &[(u64, u64)],
    why: &Why,
) -> Result<(), CollectorError> {
    let event = Event::new(Action::LogErased)
        .outcome(Outcome::Done)
        .detail("log", log.to_string())
        .detail("entries", json!(runs))
        .detail("by", why.by.as_str())
        .detail("why", why.reason.as_str());
    collector.record(&event)
}

/// Takes out what was [said](say) to be.
///
/// # Errors
/// What was done stays done; the same may be asked again.
pub fn take_out(
    collector: &Collector,
    log: &Origin,
    runs: &[(u64, u64)],
) -> Result<(), EraseError> {
    let taken = collector.with_log(log, || {
        let lost = &mut collector.tells_of_lost();
        rewrite::erase(collector.stores(), collector.index(), log, runs, lost)
    });
    // What people were told of them, and are still to be told.
    collector.alerts().erase(log, runs)?;
    taken?;
    Ok(())
}

/// The entries of each journal whose `identity.person` this is.
fn named(index: &dyn Index, person: &str) -> Result<BTreeMap<Origin, BTreeSet<u64>>, EraseError> {
    let mut query = Query {
        persons: vec![person.to_owned()],
        limit: LIMIT,
        ..Query::all(Order::Oldest)
    };
    let mut found: BTreeMap<Origin, BTreeSet<u64>> = BTreeMap::new();
    loop {
        let page = index.search(&query)?;
        for entry in page.entries {
            let seq = serde_json::from_str::<serde_json::Value>(&entry.entry)
                .ok()
                .and_then(|entry| entry.get("seq")?.as_u64());
            if let Some(seq) = seq {
                found.entry(entry.origin.parse()?).or_default().insert(seq);
            }
        }
        match page.next {
            Some(next) => query.after = Some(next),
            None => return Ok(found),
        }
    }
}
