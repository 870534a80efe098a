//! Lines come in: checked against what is held and against the log's keys, then kept.

pub(crate) mod body;
pub(crate) mod overlap;

use daypass_journal::error::Broken;
use daypass_journal::follow::{FollowError, Follower, Snapshot};
use daypass_protocol::digest::Digest;
use daypass_protocol::enrolment::Record;

pub use body::{Body, InvalidBody};

use crate::checkpoints::{CheckpointError, Held, Mark};
use crate::clock::Now;
use crate::keep::{self, Durable, KeepError, Proven, Stores};
use crate::origin::Origin;
use crate::segments::SegmentError;

/// Why lines were not taken.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// Not lines of a journal that end with a seal.
    #[error(transparent)]
    Body(#[from] InvalidBody),
    /// They begin beyond what is held.
    #[error("the lines begin with entry {from}, but only {held} entries are held; send from there")]
    Gap {
        /// Where they begin.
        from: u64,
        /// How many entries are held.
        held: u64,
    },
    /// Another entry is held at one of their places.
    #[error("entry {} is another one than the entry {} that is held", .0.seq, .0.seq)]
    Fork(Box<Fork>),
    /// They do not follow from what is held, or are not signed as they must be.
    #[error("the lines do not hold: {0}")]
    Broken(#[from] Broken),
    /// The keys of the log's record are not keys.
    #[error(transparent)]
    Follow(#[from] FollowError),
    /// The stored state of the verifier cannot be read.
    #[error("the verifier's stored state cannot be read")]
    Snapshot(#[from] serde_json::Error),
    /// What is held could not be read.
    #[error(transparent)]
    Segment(#[from] SegmentError),
    /// What is held could not be read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// They hold, but could not be kept.
    #[error(transparent)]
    Keep(#[from] KeepError),
}

/// Two entries at one place.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fork {
    /// The place.
    pub seq: u64,
    /// The leaf hash of the entry that is held.
    pub held: Digest,
    /// The leaf hash of the one that was offered.
    pub offered: Digest,
}

/// Checks `bytes`, which hold the entries of `record`'s log from `from` on, and keeps what is new of them. What is held
/// already is compared and passed over.
///
/// One log is never ingested twice at once: the caller holds its lock.
///
/// # Errors
/// Nothing is stored then, unless the error is [`IngestError::Keep`]: then the same may be sent again.
pub fn ingest(
    stores: Stores<'_>,
    log: &Origin,
    record: &Record,
    from: u64,
    bytes: &[u8],
    now: Now,
) -> Result<Durable, IngestError> {
    let body = Body::parse(from, bytes)?;
    let held = stores.checkpoints.latest(log)?;
    let old = held.as_ref().map_or(Mark::empty(), |held| held.mark);
    if from > old.size {
        return Err(IngestError::Gap {
            from,
            held: old.size,
        });
    }
    overlap::compare(stores, log, &body, old.size)?;
    let news = body.from_entry(old.size);
    if !news.is_empty() {
        let proven = prove(record, held.as_ref(), old.size, news)?;
        return Ok(keep::keep(stores, log, &old, &proven, now)?);
    }
    let again = keep::latest(stores, log)?;
    Ok(again.ok_or(InvalidBody::Empty)?)
}

/// Follows the new lines from what is held.
fn prove(
    record: &Record,
    held: Option<&Held>,
    first: u64,
    lines: &[u8],
) -> Result<Proven, IngestError> {
    let mut follower = match held {
        None => Follower::new(&record.log_key, &record.epoch_key)?,
        Some(held) => {
            let snapshot: Snapshot = serde_json::from_str(&held.follower)?;
            Follower::resume(&record.log_key, &record.epoch_key, &snapshot)?
        }
    };
    follower.lines(body::lines(lines))?;
    let (Some(seal), Some(snapshot)) = (follower.seal(), follower.snapshot()) else {
        return Err(InvalidBody::NotSealed.into());
    };
    Ok(Proven {
        first,
        bytes: lines.to_vec(),
        mark: Mark {
            size: follower.size(),
            root: follower.root(),
        },
        seal: seal.to_owned(),
        snapshot,
    })
}

/// The keys that a log has had, as far as is known: the registered one, and those that what is held of it leads to.
///
/// # Errors
/// The stored state of the verifier cannot be read.
pub fn log_keys(record: &Record, held: Option<&Held>) -> Result<Vec<String>, serde_json::Error> {
    let mut keys = vec![record.log_key.clone()];
    if let Some(held) = held {
        let snapshot: Snapshot = serde_json::from_str(&held.follower)?;
        keys.extend_from_slice(snapshot.later_log_keys());
    }
    Ok(keys)
}

#[cfg(test)]
mod tests;
