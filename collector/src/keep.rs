//! Makes verified lines durable: first the segment, then the checkpoint, in this order and no other.

use daypass_journal::follow::Snapshot;

use crate::checkpoints::{Advanced, CheckpointError, CheckpointStore, Held, Mark};
use crate::clock::Now;
use crate::origin::Origin;
use crate::segments::{SegmentError, SegmentName, SegmentStore};

/// How often a write whose outcome is unknown is repeated before the caller is told to come again.
const ATTEMPTS: u32 = 3;

/// Where things are kept.
#[derive(Clone, Copy)]
pub struct Stores<'a> {
    /// The truth about each log.
    pub checkpoints: &'a dyn CheckpointStore,
    /// The lines.
    pub segments: &'a dyn SegmentStore,
}

/// A checkpoint of which every entry, and which itself, is durable here. Only this file makes one, and only it can be
/// cosigned.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Durable {
    mark: Mark,
    seal: String,
}

impl Durable {
    /// Its size and root.
    pub fn mark(&self) -> Mark {
        self.mark
    }

    /// The log's own signed note.
    pub fn seal(&self) -> &str {
        &self.seal
    }
}

/// Lines that hold, and where they lead.
#[derive(Clone, Debug)]
pub struct Proven {
    /// The sequence number of their first entry.
    pub first: u64,
    /// The exact lines.
    pub bytes: Vec<u8>,
    /// What the last of them seals.
    pub mark: Mark,
    /// That seal.
    pub seal: String,
    /// Where checking goes on.
    pub snapshot: Snapshot,
}

/// Why lines could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// The segment.
    #[error(transparent)]
    Segment(#[from] SegmentError),
    /// The checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The verifier's own words could not be written down.
    #[error("the verifier's state could not be written as JSON")]
    Snapshot(#[from] serde_json::Error),
    /// Somebody else stored other lines meanwhile.
    #[error("{log} was advanced by somebody else meanwhile")]
    Overtaken {
        /// Which log.
        log: Origin,
    },
}

/// What is durable of a log; `None` before its first lines.
///
/// # Errors
/// When the store cannot say.
pub fn latest(stores: Stores<'_>, log: &Origin) -> Result<Option<Durable>, CheckpointError> {
    let held = stores.checkpoints.latest(log)?;
    Ok(held.map(|held| Durable {
        mark: held.mark,
        seal: held.seal,
    }))
}

/// Stores `proven`, which goes on from `old`, and returns once it is durable.
///
/// # Errors
/// When it is not, or not known to be: then the same may be tried again.
pub fn keep(
    stores: Stores<'_>,
    log: &Origin,
    old: &Mark,
    proven: &Proven,
    now: Now,
) -> Result<Durable, KeepError> {
    let name = SegmentName::of(proven.first, proven.mark.size, &proven.bytes);
    stores.segments.put(log, &name, &proven.bytes)?;
    let new = Held {
        mark: proven.mark,
        seal: proven.seal.clone(),
        follower: serde_json::to_string(&proven.snapshot)?,
        stored: now.micros(),
    };
    match advance(stores.checkpoints, log, old, &new, &name)? {
        Advanced::Done => Ok(Durable {
            mark: new.mark,
            seal: new.seal,
        }),
        Advanced::Stale => Err(KeepError::Overtaken { log: log.clone() }),
    }
}

/// Repeats a write whose outcome is unknown; it says the same however often it is made.
fn advance(
    checkpoints: &dyn CheckpointStore,
    log: &Origin,
    old: &Mark,
    new: &Held,
    name: &SegmentName,
) -> Result<Advanced, CheckpointError> {
    let mut attempt = 1;
    loop {
        match checkpoints.advance(log, old, new, name) {
            Err(CheckpointError::Failed { .. }) if attempt < ATTEMPTS => attempt += 1,
            outcome => return outcome,
        }
    }
}
