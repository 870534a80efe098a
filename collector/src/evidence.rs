//! Segments that are kept and that no checkpoint counts: the other sides of forks, as evidence, and what a crash left of an
//! upload. The second copy has them too, and who is forgotten is forgotten in them.

use std::collections::{BTreeSet, HashSet};

use daypass_journal::erasure;
use daypass_journal::remains::{self, Stored};
use daypass_protocol::event::{Action, Event, Outcome};
use serde_json::{Value, json};

use crate::checkpoints::CheckpointError;
use crate::collector::Collector;
use crate::erasure::{EraseError, Why};
use crate::keep::Stores;
use crate::origin::Origin;
use crate::rewrite::RewriteError;
use crate::segments::{SegmentError, SegmentName};

/// Segments that are looked up at once.
const LOOK: usize = 1024;
/// More than wait for their removal at any time.
const ALL: usize = 1 << 31;

/// Why they cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// The list of segments.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The segments.
    #[error(transparent)]
    Segment(#[from] SegmentError),
}

/// The segments of a log that no checkpoint counts, and that are not about to be removed. Nobody adds to the log meanwhile.
///
/// # Errors
/// When a store cannot say.
pub fn unlisted(stores: Stores<'_>, log: &Origin) -> Result<Vec<SegmentName>, EvidenceError> {
    let mut names: BTreeSet<SegmentName> = stores.segments.names(log)?.into_iter().collect();
    let mut at = 0;
    loop {
        let listed = stores.checkpoints.segments_of(log, at, LOOK)?;
        let Some(last) = listed.last() else { break };
        at = last.name.size;
        for segment in &listed {
            names.remove(&segment.name);
        }
    }
    // What gave way to another waits for its removal.
    let replaced = stores.checkpoints.replaced(ALL)?;
    let replaced: HashSet<SegmentName> = replaced
        .into_iter()
        .filter(|old| old.log == *log)
        .map(|old| old.name)
        .collect();
    names.retain(|name| !replaced.contains(name));
    Ok(names.into_iter().collect())
}

/// Forgets a person in what no checkpoint counts: says of how many entries. What goes from here, and may still stand in the
/// second copy, is told to `goes` before: a crash behind that leaves work, and no text that nobody knows of.
///
/// # Errors
/// What was done stays done; the same may be asked again. A segment that is lost keeps no other waiting. What `goes` fails on
/// stays.
pub fn erase_person(
    collector: &Collector,
    person: &str,
    why: &Why,
    goes: &mut dyn FnMut(&Origin, &SegmentName) -> std::io::Result<()>,
) -> Result<u64, EraseError> {
    let stores = collector.stores();
    let (mut count, mut lost) = (0, None);
    for (registration, _) in stores.checkpoints.logs().map_err(RewriteError::from)? {
        let log = registration.log;
        count += collector.with_log(&log, || -> Result<u64, EraseError> {
            let mut count = 0;
            for name in unlisted(stores, &log)? {
                let bytes = match stores.segments.bytes(&log, &name) {
                    Ok(bytes) => bytes,
                    Err(error) if error.is_loss() => {
                        lost = Some(error);
                        continue;
                    }
                    Err(error) => return Err(RewriteError::from(error).into()),
                };
                let entries = naming(&bytes, person);
                if entries.is_empty() {
                    continue;
                }
                let left = remains::erase(&bytes, &erasure::runs(&entries));
                let new = SegmentName::of(name.first, name.size, &left);
                collector.record(&said(&log, &name, &new, entries.len(), why))?;
                let put = stores.segments.put(&log, &new, &left);
                put.map_err(RewriteError::from)?;
                goes(&log, &name).map_err(EraseError::Copy)?;
                let removed = stores.segments.remove(&log, &name);
                removed.map_err(RewriteError::from)?;
                count += entries.len() as u64;
            }
            Ok(count)
        })?;
    }
    match lost {
        None => Ok(count),
        Some(error) => Err(RewriteError::from(error).into()),
    }
}

/// The entries whose `identity.person` this is.
pub(crate) fn naming(bytes: &[u8], person: &str) -> BTreeSet<u64> {
    let entries = remains::entries(bytes);
    let named = entries.iter().filter_map(|entry| match entry {
        Stored::Whole { seq, line } => {
            let entry: Value = serde_json::from_slice(line).ok()?;
            let is_named = entry.pointer("/identity/person")? == person;
            is_named.then_some(*seq)
        }
        Stored::Gone { .. } => None,
    });
    named.collect()
}

/// Not under `entries`: of the entries that are held under these numbers nothing goes.
fn said(log: &Origin, old: &SegmentName, new: &SegmentName, entries: usize, why: &Why) -> Event {
    Event::new(Action::LogErased)
        .outcome(Outcome::Done)
        .detail("log", log.to_string())
        .detail("evidence", json!([old.to_string(), new.to_string()]))
        .detail("count", entries)
        .detail("by", why.by.as_str())
        .detail("why", why.reason.as_str())
}
