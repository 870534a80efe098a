//! Why nothing is copied, or read back.

use std::io;
use std::path::PathBuf;

use crate::checkpoints::CheckpointError;
use crate::collector::CollectorError;
use crate::segments::SegmentError;

/// Why nothing is copied, or read back.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// What is stored could not be listed.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A segment, here or there.
    #[error(transparent)]
    Segment(#[from] SegmentError),
    /// A segment is lost, and that could not be told.
    #[error(transparent)]
    NotTold(#[from] Box<CollectorError>),
    /// A file of the archive.
    #[error("the archive's {} cannot be read or written", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Its last segment is not the one of that number here.
    #[error(
        "the copy in {} is another store's: its segment {number} is not the one that has this number here. Name an empty directory \
         as archive in collector.toml; what is in this one stays", path.display()
    )]
    Another {
        /// The archive.
        path: PathBuf,
        /// The number.
        number: u64,
    },
    /// A line of its list.
    #[error("line {line} of the archive's {} names no segment", path.display())]
    List {
        /// The list.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
    },
    /// What it says in JSON.
    #[error("the archive's {} cannot be understood: {reason}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}
