//! The truth about each log: who vouched for its keys, its latest checkpoint, and the segments that lead there.
//!
//! Small, compare-and-set. A database today, another one tomorrow; whatever stands behind it must pass [`contract`].

pub mod losses;
pub mod sqlite;

#[cfg(test)]
pub(crate) mod contract;
#[cfg(test)]
#[path = "../tests/throwaway/checkpoints.rs"]
pub(crate) mod memory;

use std::fmt;

use daypass_journal::tree::{Frontier, Hash};

use crate::origin::Origin;
use crate::segments::{Cause, SegmentName};
use losses::Losses;

/// A size and the root of the tree of that size.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct Mark {
    /// How many entries.
    pub size: u64,
    /// Of their tree.
    pub root: Hash,
}

impl Mark {
    /// Of a log without entries.
    pub fn empty() -> Self {
        Self {
            size: 0,
            root: Frontier::default().root(),
        }
    }
}

impl fmt::Debug for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.root;
        write!(f, "Mark({}, {a:02x}{b:02x}{c:02x}{d:02x}…)", self.size)
    }
}

/// What is durable of a log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Held {
    /// Up to where.
    pub mark: Mark,
    /// The seal for it: the signed checkpoint, as the log made it.
    pub seal: String,
    /// What checking the next lines needs to know: the verifier's own words.
    pub follower: String,
    /// When it was stored, in microseconds since 1970.
    pub stored: i64,
}

/// A log that may be written, and on whose word.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Registration {
    /// The log.
    pub log: Origin,
    /// The enrolment record's exact bytes.
    pub record: String,
    /// The CA's signature over it, armored.
    pub signature: String,
    /// When it was first shown here, in microseconds since 1970.
    pub registered: i64,
}

/// What became of a registration.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Registered {
    /// The log is known now.
    New,
    /// It was known, by the same record.
    Same,
    /// It was known by another record; nothing was changed.
    Differs,
}

/// What became of an advance.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Advanced {
    /// The log stands at the new mark, durably.
    Done,
    /// It stood neither at the old nor at the new one; nothing was changed.
    Stale,
}

/// A segment that leads to a checkpoint.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoredSegment {
    /// Its place among all segments of all logs, in the order in which they were stored; from 1.
    pub number: u64,
    /// Whose.
    pub log: Origin,
    /// Which.
    pub name: SegmentName,
    /// When, in microseconds since 1970.
    pub stored: i64,
}

/// Why a store of checkpoints could not answer.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The log was never registered.
    #[error("the log {log} is not registered")]
    Unregistered {
        /// Which.
        log: Origin,
    },
    /// What is stored is not what was ever put there.
    #[error("the checkpoint store holds a malformed {what}")]
    Malformed {
        /// Which value.
        what: &'static str,
    },
    /// The store failed. Whether a write took place is unknown: it can be repeated.
    #[error("the checkpoint store could not {doing}")]
    Failed {
        /// What was being done.
        doing: &'static str,
        /// What it said.
        #[source]
        source: Cause,
    },
}

/// The latest checkpoints.
///
/// Writes are durable when they return. A write that failed may or may not have taken place; it is settled by the
/// same write again, never by reading.
pub trait CheckpointStore: Send + Sync {
    /// Makes a log known.
    ///
    /// # Errors
    /// [`CheckpointError::Failed`].
    fn register(&self, registration: &Registration) -> Result<Registered, CheckpointError>;

    /// By which record a log is known.
    ///
    /// # Errors
    /// [`CheckpointError::Failed`], [`CheckpointError::Malformed`].
    fn registration(&self, log: &Origin) -> Result<Option<Registration>, CheckpointError>;

    /// What is durable of a log; `None` before its first advance.
    ///
    /// # Errors
    /// [`CheckpointError::Failed`], [`CheckpointError::Malformed`].
    fn latest(&self, log: &Origin) -> Result<Option<Held>, CheckpointError>;

    /// Moves a log from `old` to `new`, by way of `segment`, in one write: done when it stands at `old`, or at `new`
    /// already.
    ///
    /// # Errors
    /// [`CheckpointError::Unregistered`], [`CheckpointError::Failed`].
    fn advance(
        &self,
        log: &Origin,
        old: &Mark,
        new: &Held,
        segment: &SegmentName,
    ) -> Result<Advanced, CheckpointError>;

    /// The segments of a log that hold entries from `from` on, in order; at most `limit`.
    ///
    /// # Errors
    /// [`CheckpointError::Failed`], [`CheckpointError::Malformed`].
    fn segments_of(
        &self,
        log: &Origin,
        from: u64,
        limit: usize,
    ) -> Result<Vec<StoredSegment>, CheckpointError>;

    /// The segments of all logs after number `after`, in the order in which they were stored; at most `limit`.
    ///
    /// # Errors
    /// [`CheckpointError::Failed`], [`CheckpointError::Malformed`].
    fn segments_after(
        &self,
        after: u64,
        limit: usize,
    ) -> Result<Vec<StoredSegment>, CheckpointError>;

    /// Lists `new`, which holds the same entries, in the place of `old`, in one write, and remembers the name of `old` until
    /// it is [settled](Self::settled): done when `old` is listed there, or `new` already.
    ///
    /// # Errors
    /// [`CheckpointError::Failed`].
    fn replace(&self, old: &StoredSegment, new: &SegmentName) -> Result<Advanced, CheckpointError>;

    /// Segments that were replaced, by the names that they had, and are not settled; at most `limit`.
    ///
    /// # Errors
    /// [`CheckpointError::Failed`], [`CheckpointError::Malformed`].
    fn replaced(&self, limit: usize) -> Result<Vec<StoredSegment>, CheckpointError>;

    /// Forgets the name of a segment that was replaced: its bytes are gone.
    ///
    /// # Errors
    /// [`CheckpointError::Failed`].
    fn settled(&self, old: &StoredSegment) -> Result<(), CheckpointError>;

    /// What is remembered of lost segments.
    fn lost(&self) -> &dyn Losses;

    /// Every log that is registered, sorted, with what is durable of it.
    ///
    /// # Errors
    /// [`CheckpointError::Failed`], [`CheckpointError::Malformed`].
    fn logs(&self) -> Result<Vec<(Registration, Option<Held>)>, CheckpointError>;
}
