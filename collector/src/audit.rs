//! Checks what is stored from the first line of each journal to its checkpoint, as it was checked when it came in: each
//! seal, each epoch, the tree. What is gone must be declared, by the journal itself or by the collector's own.

use std::collections::BTreeMap;

use daypass_journal::error::Broken;
use daypass_journal::follow::{FollowError, Follower};
use daypass_journal::remains::{self, Stored};
use daypass_protocol::enrolment::Record;

use crate::checkpoints::{CheckpointError, Held, Mark, StoredSegment};
use crate::ingest::body;
use crate::keep::Stores;
use crate::origin::Origin;
use crate::segments::SegmentError;

/// Segments that are looked up at once.
const LOOK: usize = 256;

/// Entries of each log, runs of first and last, whose text was taken out.
pub type Declared = BTreeMap<String, Vec<(u64, u64)>>;

/// What was found of one journal.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Audited {
    /// How many entries it has.
    pub entries: u64,
    /// Of how many only the leaf hash is left.
    pub gone: u64,
}

/// Why a stored journal does not hold.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The list of segments.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A segment is missing or damaged.
    #[error(transparent)]
    Segment(#[from] SegmentError),
    /// Its keys.
    #[error(transparent)]
    Keys(#[from] FollowError),
    /// A line.
    #[error("the stored lines of {log} do not hold: {broken}")]
    Broken {
        /// Whose.
        log: Origin,
        /// What does not hold.
        broken: Broken,
    },
    /// The segments do not lead to the checkpoint.
    #[error("the stored lines of {log} lead to {found:?}, its checkpoint says {expected:?}")]
    Elsewhere {
        /// Whose.
        log: Origin,
        /// By the checkpoint.
        expected: Mark,
        /// By the lines.
        found: Mark,
    },
    /// Text is gone, and nobody said so.
    #[error(
        "entry {seq} of {log} is gone, and no entry of it or of the collector's own journal says why"
    )]
    Undeclared {
        /// Whose.
        log: Origin,
        /// The first of them.
        seq: u64,
    },
}

/// Checks the journal `log`, registered by `record`, up to what is `held`.
///
/// # Errors
/// What does not hold first.
pub fn audit(
    stores: Stores<'_>,
    log: &Origin,
    record: &Record,
    held: &Held,
    declared: &Declared,
) -> Result<Audited, AuditError> {
    let mut follower = Follower::of_copy(&record.log_key, &record.epoch_key)?;
    let mut runs = declared.get(&log.to_string()).cloned().unwrap_or_default();
    let mut gone = Vec::new();
    let mut at = 0;
    while at < held.mark.size {
        let segments = stores.checkpoints.segments_of(log, at, LOOK)?;
        let Some(end) = segments.last().map(|segment| segment.name.size) else {
            break;
        };
        // A journal goes on while it is looked at: what came since is looked at the next time.
        let asked = |segment: &&StoredSegment| segment.name.size <= held.mark.size;
        for segment in segments.iter().filter(asked) {
            let bytes = stores.segments.bytes(log, &segment.name)?;
            for line in body::lines(&bytes) {
                follower.line(line).map_err(|broken| AuditError::Broken {
                    log: log.clone(),
                    broken,
                })?;
            }
            for entry in remains::entries(&bytes) {
                match entry {
                    Stored::Gone { seq, .. } => gone.push(seq),
                    Stored::Whole { line, .. } => {
                        let declared = remains::declared(line);
                        runs.extend(declared.into_iter().flat_map(|one| one.entries));
                    }
                }
            }
        }
        at = end;
    }
    let found = Mark {
        size: follower.size(),
        root: follower.root(),
    };
    if found != held.mark || follower.seal() != Some(&held.seal) {
        return Err(AuditError::Elsewhere {
            log: log.clone(),
            expected: held.mark,
            found,
        });
    }
    let is_declared = |seq: &u64| {
        runs.iter()
            .any(|(first, last)| (first..=last).contains(&seq))
    };
    match gone.iter().find(|seq| !is_declared(seq)) {
        Some(seq) => Err(AuditError::Undeclared {
            log: log.clone(),
            seq: *seq,
        }),
        None => Ok(Audited {
            entries: found.size,
            gone: gone.len() as u64,
        }),
    }
}
