//! Where the journals' lines are kept: put once, never changed, named after their content.
//!
//! The boundary is small on purpose: a directory today, an object store with object lock later. Whatever stands
//! behind it must pass [`contract`].

pub mod directory;

#[cfg(test)]
pub(crate) mod contract;
#[cfg(test)]
#[path = "../tests/throwaway/segments.rs"]
pub(crate) mod memory;

use std::error::Error;
use std::fmt;
use std::str::FromStr;

use daypass_protocol::digest::Digest;

use crate::origin::Origin;

/// The largest segment, in bytes.
pub const SEGMENT_LIMIT: usize = 4 * 1024 * 1024;

/// The name of a segment: entries `first..size` of a log, and the SHA-256 of the exact bytes.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SegmentName {
    /// The sequence number of its first entry.
    pub first: u64,
    /// How many entries the log has with it.
    pub size: u64,
    /// The hash of its bytes.
    pub content: Digest,
}

impl SegmentName {
    /// Names `bytes`, which hold the entries `first..size`.
    pub fn of(first: u64, size: u64, bytes: &[u8]) -> Self {
        Self {
            first,
            size,
            content: Digest::of(bytes),
        }
    }
}

impl fmt::Display for SegmentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            first,
            size,
            content,
        } = self;
        write!(f, "{first:020}-{size:020}-{content}")
    }
}

/// Why a text is no [`SegmentName`].
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{found:?} is no segment's name")]
pub struct InvalidSegmentName {
    /// The text, cut after 200 characters.
    pub found: String,
}

impl FromStr for SegmentName {
    type Err = InvalidSegmentName;

    fn from_str(text: &str) -> Result<Self, InvalidSegmentName> {
        let parts: Vec<&str> = text.split('-').collect();
        let name = match parts[..] {
            [first, size, content] => (|| {
                Some(Self {
                    first: first.parse().ok()?,
                    size: size.parse().ok()?,
                    content: content.parse().ok()?,
                })
            })(),
            _ => None,
        };
        // One spelling only: twenty digits, no sign.
        name.filter(|name| name.to_string() == text)
            .ok_or_else(|| InvalidSegmentName {
                found: text.chars().take(200).collect(),
            })
    }
}

/// What became of a put.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Put {
    /// The bytes are durable now.
    New,
    /// The same bytes were there already, and are durable.
    Present,
}

/// What a store says of its own failure; kept whole for the log.
pub type Cause = Box<dyn Error + Send + Sync>;

/// Why a segment could not be put or read.
#[derive(Debug, thiserror::Error)]
pub enum SegmentError {
    /// The bytes do not hash to the name: the caller's mistake.
    #[error("the bytes for segment {name} are not what its name says")]
    Misnamed {
        /// The name.
        name: SegmentName,
    },
    /// Other bytes than the name says are stored: the store is damaged.
    #[error(
        "segment {name} of {log} is damaged: its bytes are not what its name says; restore it from a copy"
    )]
    Damaged {
        /// Whose segment.
        log: Origin,
        /// The name.
        name: SegmentName,
    },
    /// No such segment.
    #[error("segment {name} of {log} is missing; restore it from a copy")]
    Missing {
        /// Whose segment.
        log: Origin,
        /// The name.
        name: SegmentName,
    },
    /// The store failed. Whether a put took place is unknown: it can be repeated.
    #[error("the segment store could not {doing}")]
    Failed {
        /// What was being done, and to what.
        doing: String,
        /// What it said.
        #[source]
        source: Cause,
    },
}

impl SegmentError {
    /// Whether asking again is of no use: the bytes are gone, or are others.
    pub fn is_loss(&self) -> bool {
        matches!(self, Self::Damaged { .. } | Self::Missing { .. })
    }
}

/// Bytes that are put once.
pub trait SegmentStore: Send + Sync {
    /// Puts `bytes` unless they are there, and returns once they are durable, whoever put them. May be repeated.
    ///
    /// # Errors
    /// [`SegmentError::Misnamed`], [`SegmentError::Damaged`] when other bytes hold the name, [`SegmentError::Failed`].
    fn put(&self, log: &Origin, name: &SegmentName, bytes: &[u8]) -> Result<Put, SegmentError>;

    /// The bytes of a segment, checked against its name.
    ///
    /// # Errors
    /// [`SegmentError::Missing`], [`SegmentError::Damaged`], [`SegmentError::Failed`].
    fn bytes(&self, log: &Origin, name: &SegmentName) -> Result<Vec<u8>, SegmentError>;

    /// Removes a segment, durably; one that is not there is removed. Only what no list names is ever removed.
    ///
    /// # Errors
    /// [`SegmentError::Failed`].
    fn remove(&self, log: &Origin, name: &SegmentName) -> Result<(), SegmentError>;

    /// The names of all segments of a log, sorted; those that no checkpoint counts are among them.
    ///
    /// # Errors
    /// [`SegmentError::Failed`].
    fn names(&self, log: &Origin) -> Result<Vec<SegmentName>, SegmentError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_spelling() {
        let name = SegmentName::of(3, 9, b"lines");
        let text = name.to_string();
        assert_eq!(text.parse(), Ok(name));
        for other in [
            text.replacen("00", "0", 1),
            text.to_uppercase().replace('-', "_"),
            text.replacen('0', "+", 1),
            format!("{text}-"),
            String::new(),
        ] {
            assert!(other.parse::<SegmentName>().is_err(), "{other}");
        }
    }
}
