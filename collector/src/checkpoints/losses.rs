//! Segments that are lost: which, whether anybody was told, and what is to be taken out of them once they are back.

use serde::{Deserialize, Serialize};

use super::{CheckpointError, StoredSegment};
use crate::segments::{SegmentError, SegmentName};

/// How a segment is lost.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum How {
    /// It is not there.
    Missing,
    /// Its bytes are others than its name says.
    Damaged,
}

impl How {
    /// The code of its alarm, which is how it is stored, too.
    pub fn code(self) -> &'static str {
        match self {
            Self::Missing => "segment-missing",
            Self::Damaged => "segment-damaged",
        }
    }

    /// By its [code](Self::code).
    pub fn of_code(code: &str) -> Option<Self> {
        [Self::Missing, Self::Damaged]
            .into_iter()
            .find(|how| how.code() == code)
    }
}

/// A segment that is lost.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Loss {
    /// Its place among all segments.
    pub number: u64,
    /// The name by which it was looked for.
    pub name: SegmentName,
    /// How it is lost.
    pub how: How,
    /// Whether an alarm said so.
    pub told: bool,
}

impl Loss {
    /// The loss of this segment, as a reader met it; `None` for what may pass.
    pub fn of(segment: &StoredSegment, error: &SegmentError) -> Option<Self> {
        let (how, name) = match error {
            SegmentError::Missing { name, .. } => (How::Missing, name),
            SegmentError::Damaged { name, .. } => (How::Damaged, name),
            SegmentError::Misnamed { .. } | SegmentError::Failed { .. } => return None,
        };
        Some(Self {
            number: segment.number,
            name: *name,
            how,
            told: false,
        })
    }
}

/// What is to be taken out of a segment that was lost when that was said.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Debt {
    /// These entries; our own journal says so already.
    Entries {
        /// The first.
        first: u64,
        /// The last.
        last: u64,
    },
    /// Whatever names a person: nobody could see which entries those are.
    Person {
        /// Whom.
        name: String,
        /// Who said so.
        by: String,
        /// Why.
        why: String,
    },
    /// All text: it is too old.
    Age,
}

/// What a store of checkpoints remembers of lost segments. All writes are durable when they return, and may be repeated.
pub trait Losses: Send + Sync {
    /// Remembers that a segment is lost; what was known of its loss gives way.
    ///
    /// # Errors
    /// [`CheckpointError::Failed`].
    fn lose(&self, loss: &Loss) -> Result<(), CheckpointError>;

    /// What is known of the loss of a segment.
    ///
    /// # Errors
    /// [`CheckpointError::Failed`], [`CheckpointError::Malformed`].
    fn loss(&self, number: u64) -> Result<Option<Loss>, CheckpointError>;

    /// The lost segments after number `after`, by number; at most `limit`.
    ///
    /// # Errors
    /// [`CheckpointError::Failed`], [`CheckpointError::Malformed`].
    fn after(&self, after: u64, limit: usize) -> Result<Vec<Loss>, CheckpointError>;

    /// Forgets that a segment was lost: it is back.
    ///
    /// # Errors
    /// [`CheckpointError::Failed`].
    fn found(&self, number: u64) -> Result<(), CheckpointError>;

    /// Remembers what is to be taken out of a segment.
    ///
    /// # Errors
    /// [`CheckpointError::Failed`].
    fn owe(&self, number: u64, debts: &[Debt]) -> Result<(), CheckpointError>;

    /// What is to be taken out of a segment.
    ///
    /// # Errors
    /// [`CheckpointError::Failed`], [`CheckpointError::Malformed`].
    fn owed(&self, number: u64) -> Result<Vec<Debt>, CheckpointError>;

    /// What is to be taken out of all of them, by number.
    ///
    /// # Errors
    /// [`CheckpointError::Failed`], [`CheckpointError::Malformed`].
    fn debts(&self) -> Result<Vec<(u64, Debt)>, CheckpointError>;

    /// Forgets these debts of a segment: they are paid.
    ///
    /// # Errors
    /// [`CheckpointError::Failed`].
    fn paid(&self, number: u64, debts: &[Debt]) -> Result<(), CheckpointError>;
}
