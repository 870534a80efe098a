//! Entries in the order of their coming, from a place that can be kept: what alerts and exports read.
//!
//! They come from the segments as soon as those are stored, without waiting for the index, and from the collector's own
//! journal.

mod own;

use std::path::Path;

use own::Own;

use crate::checkpoints::{CheckpointError, StoredSegment};
use crate::collector::Collector;
use crate::ingest::overlap;
use crate::segments::SegmentError;

/// Segments that are looked up at once where only their number counts.
const LOOK: usize = 4096;

/// Behind what reading goes on.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Place {
    /// The last segment that was read to its end.
    pub segment: u64,
    /// How many entries of the one behind it were read.
    pub into: u64,
    /// How many entries of the collector's own journal were read.
    pub own: u64,
}

/// One entry.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Item {
    /// The origin of its journal.
    pub origin: String,
    /// The exact line.
    pub line: Vec<u8>,
    /// Where reading goes on behind it.
    pub after: Place,
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
    /// The collector's own journal.
    #[error(transparent)]
    Own(#[from] daypass_journal::Error),
}

/// Reads from a place on.
pub struct Feed {
    place: Place,
    own: Own,
    /// What is left of the segment that is being read, the next entry last.
    rest: Vec<Item>,
}

impl Feed {
    /// From `place` on; `journal` is the directory of the collector's own.
    ///
    /// # Errors
    /// When that cannot be followed.
    pub fn open(journal: &Path, place: Place) -> Result<Self, FeedError> {
        Ok(Self {
            own: Own::open(journal, place.own)?,
            place,
            rest: Vec::new(),
        })
    }

    /// The place at which everything that is there was read.
    ///
    /// # Errors
    /// When a store cannot say.
    pub fn end(collector: &Collector, journal: &Path) -> Result<Place, FeedError> {
        Ok(Place {
            segment: last_segment(collector)?,
            into: 0,
            own: Own::size(journal)?,
        })
    }

    /// Where it stands: behind the last entry that it gave.
    pub fn place(&self) -> Place {
        self.place
    }

    /// The next entries, at most so many; none when there are none for now.
    ///
    /// # Errors
    /// When a store or the journal fails; asked again, it goes on where it was.
    pub fn next(&mut self, collector: &Collector, most: usize) -> Result<Vec<Item>, FeedError> {
        let mut items = Vec::new();
        // Our own first: alarms are few, and must not wait behind a backlog.
        while items.len() < most {
            let Some((origin, seq, line)) = self.own.next()? else {
                break;
            };
            self.place.own = seq.saturating_add(1);
            items.push(Item {
                origin,
                line,
                after: self.place,
            });
        }
        while items.len() < most {
            match self.rest.pop() {
                Some(item) => {
                    // Its own part was set when the segment was read.
                    self.place = Place {
                        own: self.place.own,
                        ..item.after
                    };
                    items.push(Item {
                        after: self.place,
                        ..item
                    });
                }
                None if !self.load(collector)? => break,
                None => {}
            }
        }
        Ok(items)
    }

    fn load(&mut self, collector: &Collector) -> Result<bool, FeedError> {
        let stores = collector.stores();
        let segments = stores.checkpoints.segments_after(self.place.segment, 1)?;
        let Some(segment) = segments.first() else {
            return Ok(false);
        };
        let entries = overlap::read(stores, segment)?;
        self.rest = self.items(segment, entries);
        if self.rest.is_empty() {
            self.pass(segment.number);
        }
        Ok(true)
    }

    fn pass(&mut self, segment: u64) {
        self.place.segment = segment;
        self.place.into = 0;
    }

    fn items(&self, segment: &StoredSegment, entries: Vec<(u64, Vec<u8>)>) -> Vec<Item> {
        let origin = segment.log.to_string();
        let whole = entries.len() as u64;
        let items = (1..).zip(entries).map(|(into, (_, line))| Item {
            origin: origin.clone(),
            line,
            after: match into == whole {
                true => Place {
                    segment: segment.number,
                    into: 0,
                    own: 0,
                },
                false => Place {
                    segment: self.place.segment,
                    into,
                    own: 0,
                },
            },
        });
        let read = usize::try_from(self.place.into).unwrap_or(usize::MAX);
        let mut items: Vec<Item> = items.skip(read).collect();
        items.reverse();
        items
    }
}

fn last_segment(collector: &Collector) -> Result<u64, FeedError> {
    let checkpoints = collector.stores().checkpoints;
    let mut last = 0;
    loop {
        let segments = checkpoints.segments_after(last, LOOK)?;
        match segments.last() {
            Some(segment) => last = segment.number,
            None => return Ok(last),
        }
    }
}
