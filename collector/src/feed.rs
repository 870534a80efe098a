//! Entries in the order of their coming, from a place that can be kept: what alerts and exports read.
//!
//! They come from the segments as soon as those are stored, without waiting for the index. The collector's own journal is
//! among them.

use crate::checkpoints::{CheckpointError, StoredSegment};
use crate::collector::{Collector, CollectorError};
use crate::segments::SegmentError;
use crate::stored;

/// Segments that are looked up at once where only their number counts.
const LOOK: usize = 4096;

/// Behind what reading goes on.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Place {
    /// The last segment that was read to its end.
    pub segment: u64,
    /// Entries of the one behind it that have lower numbers were read. By number, since entries may be erased meanwhile.
    pub seq: u64,
}

/// One entry.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Item {
    /// The origin of its journal.
    pub origin: String,
    /// The exact line.
    pub line: Vec<u8>,
    /// When it came in, in microseconds since 1970.
    pub stored: i64,
    /// Where reading goes on behind it.
    after: Place,
}

/// Why nothing could be read.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The list of segments.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A segment.
    #[error(transparent)]
    Segment(#[from] SegmentError),
    /// A segment is lost, and that could not be told.
    #[error(transparent)]
    NotTold(#[from] CollectorError),
}

/// Reads from a place on.
pub struct Feed {
    place: Place,
    /// What is left of the segment that is being read, the next entry last.
    rest: Vec<Item>,
}

impl Feed {
    /// From `place` on.
    pub fn open(place: Place) -> Self {
        Self {
            place,
            rest: Vec::new(),
        }
    }

    /// The place at which everything that is there was read.
    ///
    /// # Errors
    /// When the store cannot say.
    pub fn end(collector: &Collector) -> Result<Place, FeedError> {
        let checkpoints = collector.stores().checkpoints;
        let mut segment = 0;
        while let Some(last) = checkpoints.segments_after(segment, LOOK)?.last() {
            segment = last.number;
        }
        Ok(Place { segment, seq: 0 })
    }

    /// Where it stands: behind the last entry that it gave.
    pub fn place(&self) -> Place {
        self.place
    }

    /// The next entries, at most so many; none when there are none for now.
    ///
    /// # Errors
    /// When a store fails; asked again, it goes on where it was.
    pub fn next(&mut self, collector: &Collector, most: usize) -> Result<Vec<Item>, FeedError> {
        let mut items = Vec::new();
        while items.len() < most {
            match self.rest.pop() {
                Some(item) => {
                    self.place = item.after;
                    items.push(item);
                }
                None => match self.load(collector) {
                    Ok(true) => {}
                    Ok(false) => break,
                    // What was read is given first: its place is kept before this is met again.
                    Err(_) if !items.is_empty() => break,
                    Err(error) => return Err(error),
                },
            }
        }
        Ok(items)
    }

    /// Reads the next segment; whether there is one.
    fn load(&mut self, collector: &Collector) -> Result<bool, FeedError> {
        let stores = collector.stores();
        let segments = stores.checkpoints.segments_after(self.place.segment, 1)?;
        let Some(segment) = segments.first() else {
            return Ok(false);
        };
        let lost = |segment: &_, error| Ok::<_, FeedError>(collector.lost(segment, &error)?);
        let entries = stored::read(stores, segment, lost)?;
        self.rest = self.items(segment, entries);
        if self.rest.is_empty() {
            self.place = Place {
                segment: segment.number,
                seq: 0,
            };
        }
        Ok(true)
    }

    fn items(&self, segment: &StoredSegment, entries: Vec<(u64, Vec<u8>)>) -> Vec<Item> {
        let origin = segment.log.to_string();
        let last = entries.last().map(|(seq, _)| *seq);
        let (before, read) = (self.place.segment, self.place.seq);
        let unread = entries.into_iter().filter(|(seq, _)| *seq >= read);
        let mut items: Vec<Item> = unread
            .map(|(seq, line)| Item {
                origin: origin.clone(),
                line,
                stored: segment.stored,
                after: match Some(seq) == last {
                    true => Place {
                        segment: segment.number,
                        seq: 0,
                    },
                    false => Place {
                        segment: before,
                        seq: seq.saturating_add(1),
                    },
                },
            })
            .collect();
        items.reverse();
        items
    }
}
