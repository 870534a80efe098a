//! Search: what can be found in the journals, made again from the segments at any time.
//!
//! Whatever stands behind the boundary must pass [`contract`]. It holds nothing that the segments do not say.

pub mod cursor;
pub mod query;
pub mod record;
pub mod session;
pub mod sqlite;
pub mod story;

#[cfg(test)]
pub(crate) mod contract;
#[cfg(test)]
#[path = "../tests/throwaway/index.rs"]
pub(crate) mod memory;

use crate::segments::Cause;
use cursor::Cursor;
use query::Query;
use record::Record;
use session::{Session, Wanted};
use story::Story;

/// One entry that was found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Found {
    /// The origin of its journal.
    pub origin: String,
    /// The exact line.
    pub entry: String,
}

/// A part of an answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Page {
    /// What was found, in the order asked for.
    pub entries: Vec<Found>,
    /// Where the next part begins; `None` when there is none. In the order of arrival there always is one, since more
    /// may come.
    pub next: Option<Cursor>,
}

/// Why an index could not answer.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// A segment out of turn.
    #[error("the index has taken segment {taken}, so segment {given} cannot come now")]
    OutOfTurn {
        /// The last one taken.
        taken: u64,
        /// The one given.
        given: u64,
    },
    /// A search was given up.
    #[error("the search took too long; ask for less at once, by time, host or person")]
    TooLong,
    /// The index failed.
    #[error("the index could not {doing}")]
    Failed {
        /// What was being done.
        doing: &'static str,
        /// What it said.
        #[source]
        source: Cause,
    },
}

/// What answers searches.
pub trait Index: Send + Sync {
    /// The number of the last segment taken; 0 before the first.
    ///
    /// # Errors
    /// [`IndexError::Failed`].
    fn taken(&self) -> Result<u64, IndexError>;

    /// Takes the entries of segments, the first of which has number `first`, all or none. A segment taken before is
    /// passed over.
    ///
    /// # Errors
    /// [`IndexError::OutOfTurn`] when one before them is missing, [`IndexError::Failed`].
    fn take(&self, first: u64, segments: &[Vec<Record>]) -> Result<(), IndexError>;

    /// Takes these entries of a segment (runs: first and last) out, and the sessions that they opened.
    ///
    /// # Errors
    /// [`IndexError::Failed`].
    fn forget(&self, segment: u64, runs: &[(u64, u64)]) -> Result<(), IndexError>;

    /// Puts the index that was made anew beside this one in its place, if there is one; whether there was.
    ///
    /// # Errors
    /// [`IndexError::Failed`]: this one serves on.
    fn renew(&self) -> Result<bool, IndexError> {
        Ok(false)
    }

    /// Answers a query.
    ///
    /// # Errors
    /// [`IndexError::TooLong`], [`IndexError::Failed`].
    fn search(&self, query: &Query) -> Result<Page, IndexError>;

    /// The sessions that are asked for, by the time of their beginning, journal and id.
    ///
    /// # Errors
    /// [`IndexError::TooLong`], [`IndexError::Failed`].
    fn sessions(&self, wanted: &Wanted) -> Result<Vec<Session>, IndexError>;

    /// The entries that tell of a session, by time, journal and sequence number.
    ///
    /// # Errors
    /// [`IndexError::TooLong`], [`IndexError::Failed`].
    fn story(&self, story: &Story) -> Result<Page, IndexError>;
}
