//! Takes text out of what is stored, and leaves what proves: the one place where a stored segment gives way to another.
//!
//! The order is: the new segment, durably; the list, in one write, which remembers the old name; the old segment's removal,
//! here and in the second copy; the memory of it. A crash anywhere in between leaves work that [`settle`] finishes.

use std::collections::HashSet;

use crate::archive::{Archive, ArchiveError};
use crate::checkpoints::losses::Debt;
use crate::checkpoints::{Advanced, CheckpointError, StoredSegment};
use crate::index::{Index, IndexError};
use crate::indexer::{self, FollowIndexError, Lost};
use crate::keep::Stores;
use crate::origin::Origin;
use crate::segments::{SegmentError, SegmentName};

/// Segments that are looked up at once.
const LOOK: usize = 64;

/// Sequence numbers, first and last of each run.
pub type Runs = [(u64, u64)];

/// Why text could not be taken out.
#[derive(Debug, thiserror::Error)]
pub enum RewriteError {
    /// The list of segments.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A segment.
    #[error(transparent)]
    Segment(#[from] SegmentError),
    /// The index.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The index does not follow.
    #[error(transparent)]
    Follow(#[from] FollowIndexError),
    /// The second copy.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// What took the place of others cannot be read, so that it cannot take their place in the second copy.
    #[error(
        "{count} segments from which text was taken are lost, and the second copy has them as they were before: put them back from \
         another copy (alarm.store names them)"
    )]
    Waiting {
        /// How many.
        count: usize,
    },
}

/// Erases these entries of a log from every stored segment and from the index; says of how many segments. The caller holds
/// the log's lock. A segment that is lost is told to `lost`, and what is to be taken out of it is remembered.
///
/// # Errors
/// What was done stays done; the same may be asked again.
pub fn erase(
    stores: Stores<'_>,
    index: &dyn Index,
    log: &Origin,
    runs: &Runs,
    lost: Lost<'_>,
) -> Result<u64, RewriteError> {
    let mut count = 0;
    let (Some(first), Some(last)) = (
        runs.iter().map(|(first, _)| *first).min(),
        runs.iter().map(|(_, last)| *last).max(),
    ) else {
        return Ok(0);
    };
    let mut at = first;
    while at <= last {
        let segments = stores.checkpoints.segments_of(log, at, LOOK)?;
        let Some(end) = segments.last().map(|segment| segment.name.size) else {
            break;
        };
        for segment in segments.iter().filter(|segment| meets(segment, runs)) {
            match stores.segments.bytes(log, &segment.name) {
                Ok(bytes) => {
                    let left = daypass_journal::remains::erase(&bytes, runs);
                    if left != bytes {
                        replace(stores, segment, &left)?;
                        count += 1;
                    }
                }
                Err(error) if error.is_loss() => {
                    owe(stores, segment, error, &within(segment, runs), lost)?;
                }
                Err(error) => return Err(error.into()),
            }
            forget(stores, index, segment, runs, lost)?;
        }
        at = end;
    }
    Ok(count)
}

/// Retires a segment: leaf hashes and what proves stay. `None` when that was done before, or is to be done once it is back: then
/// none of its entries is found any more.
///
/// # Errors
/// As for [`erase`].
pub fn retire(
    stores: Stores<'_>,
    index: &dyn Index,
    segment: &StoredSegment,
    lost: Lost<'_>,
) -> Result<Option<u64>, RewriteError> {
    let bytes = match stores.segments.bytes(&segment.log, &segment.name) {
        Ok(bytes) => bytes,
        Err(error) if error.is_loss() => {
            owe(stores, segment, error, &[Debt::Age], lost)?;
            let all = (segment.name.first, segment.name.size.saturating_sub(1));
            forget(stores, index, segment, &[all], lost)?;
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    let Some(left) = daypass_journal::remains::retire(&bytes) else {
        return Ok(None);
    };
    if left == bytes {
        return Ok(None);
    }
    replace(stores, segment, &left)?;
    let gone = daypass_journal::remains::entries(&left);
    let gone = gone.iter().filter_map(|entry| match entry {
        daypass_journal::remains::Stored::Gone { seq, .. } => Some(*seq),
        daypass_journal::remains::Stored::Whole { .. } => None,
    });
    let runs = daypass_journal::erasure::runs(&gone.collect());
    forget(stores, index, segment, &runs, lost)?;
    Ok(Some((bytes.len() as u64).saturating_sub(left.len() as u64)))
}

/// Removes what was replaced, from the second copy too, if there is one.
///
/// # Errors
/// At the first that cannot be; the others are tried at the next call. Where what took its place is lost, that is told to `lost`
/// and keeps no other waiting: [`RewriteError::Waiting`] at the end.
pub fn settle(
    stores: Stores<'_>,
    mut archive: Option<&mut Archive>,
    lost: Lost<'_>,
) -> Result<(), RewriteError> {
    let mut passed = HashSet::new();
    loop {
        // Those that are passed over come first again.
        let mut replaced = stores.checkpoints.replaced(LOOK + passed.len())?;
        replaced.retain(|old| !passed.contains(&(old.number, old.name)));
        if replaced.is_empty() {
            return match passed.len() {
                0 => Ok(()),
                count => Err(RewriteError::Waiting { count }),
            };
        }
        for old in &replaced {
            match settle_one(stores, archive.as_deref_mut(), old) {
                Ok(()) => stores.checkpoints.settled(old)?,
                Err(RewriteError::Segment(error)) if error.is_loss() => {
                    passed.insert((old.number, old.name));
                    lost(old, error)?;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

fn settle_one(
    stores: Stores<'_>,
    archive: Option<&mut Archive>,
    old: &StoredSegment,
) -> Result<(), RewriteError> {
    stores.segments.remove(&old.log, &old.name)?;
    let Some(archive) = archive else {
        return Ok(());
    };
    let now = stores.checkpoints.segments_after(old.number - 1, 1)?;
    match now.first().filter(|now| now.number == old.number) {
        Some(now) => archive
            .replace(stores, &old.name, now)
            .map_err(|error| match error {
                ArchiveError::Segment(error) => RewriteError::Segment(error),
                other => RewriteError::Archive(other),
            }),
        None => Ok(()),
    }
}

/// Tells of a lost segment, and remembers what is to be taken out of it: in this order, so that whatever is owed to one is
/// looked for.
fn owe(
    stores: Stores<'_>,
    segment: &StoredSegment,
    error: SegmentError,
    debts: &[Debt],
    lost: Lost<'_>,
) -> Result<(), RewriteError> {
    lost(segment, error)?;
    Ok(stores.checkpoints.lost().owe(segment.number, debts)?)
}

/// What of these runs is in a segment.
fn within(segment: &StoredSegment, runs: &Runs) -> Vec<Debt> {
    let (from, end) = (segment.name.first, segment.name.size);
    runs.iter()
        .filter(|(first, last)| *first < end && *last >= from)
        .map(|(first, last)| Debt::Entries {
            first: from.max(*first),
            last: end.saturating_sub(1).min(*last),
        })
        .collect()
}

fn meets(segment: &StoredSegment, runs: &Runs) -> bool {
    let (first, end) = (segment.name.first, segment.name.size);
    runs.iter().any(|run| run.0 < end && run.1 >= first)
}

fn replace(stores: Stores<'_>, old: &StoredSegment, bytes: &[u8]) -> Result<(), RewriteError> {
    let name = SegmentName::of(old.name.first, old.name.size, bytes);
    stores.segments.put(&old.log, &name, bytes)?;
    match stores.checkpoints.replace(old, &name)? {
        Advanced::Done => Ok(stores.segments.remove(&old.log, &old.name)?),
        // Somebody else took text out meanwhile; what was asked is asked again.
        Advanced::Stale => Ok(stores.segments.remove(&old.log, &name)?),
    }
}

/// Takes entries of a segment out of the index, once it has taken the segment: so that it cannot take in later what it read
/// before.
fn forget(
    stores: Stores<'_>,
    index: &dyn Index,
    segment: &StoredSegment,
    runs: &Runs,
    lost: Lost<'_>,
) -> Result<(), RewriteError> {
    indexer::follow(stores, index, lost)?;
    Ok(index.forget(segment.number, runs)?)
}
