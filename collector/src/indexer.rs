//! Feeds the index from the segments, in the order in which they were stored. The same loop makes it anew.

use crate::checkpoints::{CheckpointError, StoredSegment};
use crate::collector::CollectorError;
use crate::index::record::Record;
use crate::index::{Index, IndexError};
use crate::keep::Stores;
use crate::segments::SegmentError;
use crate::stored;

/// Segments that are looked up at once.
const LOOK: usize = 256;
/// Entries that are taken in one commit, and what its last segment has beyond them.
const AT_ONCE: usize = 8192;

/// Why the index does not follow.
#[derive(Debug, thiserror::Error)]
pub enum FollowIndexError {
    /// The list of segments.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A segment.
    #[error(transparent)]
    Segment(#[from] SegmentError),
    /// The index.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// A segment is lost, and that could not be told.
    #[error(transparent)]
    NotTold(#[from] Box<CollectorError>),
}

/// Is told of segments that are damaged or missing, before they are passed over.
pub type Lost<'a> = &'a mut dyn FnMut(&StoredSegment, SegmentError) -> Result<(), FollowIndexError>;

/// Takes every segment into `index` that it has not taken yet; says how many those were.
///
/// # Errors
/// At the first that cannot be taken, one that is lost too; those before it are.
pub fn catch_up(stores: Stores<'_>, index: &dyn Index) -> Result<u64, FollowIndexError> {
    follow(stores, index, &mut |_, error| Err(error.into()))
}

/// The same, but what is lost is told to `lost`, and passed over.
///
/// # Errors
/// At the first that cannot be taken; those before it are.
pub fn follow(
    stores: Stores<'_>,
    index: &dyn Index,
    lost: Lost<'_>,
) -> Result<u64, FollowIndexError> {
    let mut count = 0;
    loop {
        let segments = stores.checkpoints.segments_after(index.taken()?, LOOK)?;
        if segments.is_empty() {
            return Ok(count);
        }
        let mut batch = Batch::default();
        for segment in &segments {
            match records(stores, segment, &mut *lost) {
                Ok(records) => batch.add(segment.number, records),
                Err(error) => {
                    batch.hand_over(index)?;
                    return Err(error);
                }
            }
            if batch.size >= AT_ONCE {
                batch.hand_over(index)?;
            }
            count += 1;
        }
        batch.hand_over(index)?;
    }
}

/// Segments that are taken in one commit.
#[derive(Default)]
struct Batch {
    first: u64,
    segments: Vec<Vec<Record>>,
    size: usize,
}

impl Batch {
    fn add(&mut self, number: u64, records: Vec<Record>) {
        if self.segments.is_empty() {
            self.first = number;
        }
        self.size += records.len();
        self.segments.push(records);
    }

    fn hand_over(&mut self, index: &dyn Index) -> Result<(), IndexError> {
        if !self.segments.is_empty() {
            index.take(self.first, &self.segments)?;
        }
        *self = Self::default();
        Ok(())
    }
}

fn records(
    stores: Stores<'_>,
    segment: &StoredSegment,
    lost: Lost<'_>,
) -> Result<Vec<Record>, FollowIndexError> {
    let entries = stored::read(stores, segment, lost)?;
    Ok(entries
        .iter()
        // Entries were found to be UTF-8 when they were verified.
        .map(|(seq, line)| Record::of(&segment.log, *seq, &String::from_utf8_lossy(line)))
        .collect())
}
