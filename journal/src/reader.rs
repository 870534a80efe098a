//! Reads a journal, whole or damaged. Reading is not verifying: see [`crate::verify`].

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use crate::entry::Head;
use crate::erased::Erased;
use crate::error::Error;
use crate::retired::Retired;
use crate::seal::{self, Kind};
use crate::segment::{self, Lines, Name};
use crate::tree::Hash;

mod copy;
mod follow;

pub use copy::Copier;
pub use follow::{Begin, Follower, Mark};

/// One line of a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Line {
    /// An entry.
    Entry {
        /// Its sequence number, as it says itself.
        seq: u64,
        /// The exact bytes of the line, without the newline: the leaf of the tree.
        bytes: Vec<u8>,
    },
    /// What is left of an entry that was erased.
    Erased {
        /// Its sequence number.
        seq: u64,
        /// Its leaf hash.
        leaf: Hash,
    },
    /// What is left of entries that were retired.
    Retired {
        /// The sequence number of the first.
        first: u64,
        /// Their leaf hashes.
        leaves: Vec<Hash>,
    },
    /// A seal: the signed note.
    Seal(String),
    /// A witness's cosignature: the signed note.
    Witness(String),
    /// That a retired segment's end was torn by a crash.
    Torn,
    /// Bytes that are no line of a journal: torn by a crash, or damaged.
    Unreadable {
        /// The segment's file name.
        segment: String,
        /// Where they stand in it, in bytes.
        offset: u64,
        /// The bytes, without a newline at the end.
        bytes: Vec<u8>,
    },
}

/// Iterates over the lines of a journal in the order in which they were written.
///
/// Memory is bounded by the longest line; segments are opened one after the other. Lines that are
/// appended while it runs are seen if they are in a segment that was there when it was opened.
pub struct Reader {
    segments: std::vec::IntoIter<(Name, PathBuf)>,
    current: Option<(Name, Lines)>,
}

impl Reader {
    /// Opens the journal in `dir`.
    ///
    /// # Errors
    ///
    /// [`Error::NoJournal`] when it holds no segment, else what the disk refused.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        Self::over(dir, segment::list(dir)?)
    }

    fn over(dir: &Path, segments: Vec<(Name, PathBuf)>) -> Result<Self, Error> {
        if segments.is_empty() {
            return Err(Error::NoJournal {
                dir: dir.to_owned(),
            });
        }
        Ok(Self {
            segments: segments.into_iter(),
            current: None,
        })
    }

    /// Opens the journal in `dir` at the segment that holds what was written at `time`: entries of
    /// that segment that are older come along. Only the first line of each segment is read for it.
    ///
    /// # Errors
    ///
    /// As for [`Reader::open`].
    pub fn open_since(dir: &Path, time: DateTime<Utc>) -> Result<Self, Error> {
        let mut segments = segment::list(dir)?;
        let mut begin = 0;
        for (place, (_, path)) in segments.iter().enumerate() {
            // A segment without a readable time, a retired one for instance, is read if its
            // neighbours are.
            match began(path)? {
                Some(began) if began <= time => begin = place,
                Some(_) => break,
                None => {}
            }
        }
        segments.drain(..begin);
        Self::over(dir, segments)
    }

    /// Opens the journal in `dir` at the segment that holds entry `seq`.
    ///
    /// # Errors
    ///
    /// As for [`Reader::open`].
    pub fn open_at(dir: &Path, seq: u64) -> Result<Self, Error> {
        let mut segments = segment::list(dir)?;
        let later = segments.partition_point(|(name, _)| name.first <= seq);
        segments.drain(..later.saturating_sub(1));
        Self::over(dir, segments)
    }

    /// The file name of the segment in which the line stands that came last.
    #[must_use]
    pub fn segment(&self) -> Option<String> {
        self.current.as_ref().map(|(name, _)| name.to_string())
    }

    fn next_line(&mut self) -> Result<Option<Line>, Error> {
        loop {
            if let Some((name, lines)) = &mut self.current
                && let Some(line) = lines.next()?
            {
                return Ok(Some(classify(*name, &line)));
            }
            let Some((name, path)) = self.segments.next() else {
                return Ok(None);
            };
            self.current = Some((name, Lines::open(&path)?));
        }
    }
}

/// When a segment's first entry was written, if it is the first line.
pub(crate) fn began(path: &Path) -> Result<Option<DateTime<Utc>>, Error> {
    let mut lines = Lines::open(path)?;
    let Some(line) = lines.next()? else {
        return Ok(None);
    };
    let time = Head::parse(line.bytes).and_then(|head| head.time.parse().ok());
    Ok(time)
}

fn classify(segment: Name, line: &segment::RawLine<'_>) -> Line {
    let bytes = line.bytes.to_vec();
    let read = match seal::kind(line.bytes) {
        _ if !line.ended => None,
        Kind::Entry => Head::parse(line.bytes).map(|head| head.seq).map(|seq| {
            let bytes = bytes.clone();
            Line::Entry { seq, bytes }
        }),
        Kind::Seal(note) => Some(Line::Seal(note)),
        Kind::Witness(note) => Some(Line::Witness(note)),
        Kind::Erased(Erased { seq, leaf }) => Some(Line::Erased { seq, leaf }),
        Kind::Retired(Retired { first, leaves }) => Some(Line::Retired { first, leaves }),
        Kind::Torn(_) => Some(Line::Torn),
        Kind::Unknown => None,
    };
    read.unwrap_or_else(|| Line::Unreadable {
        segment: segment.to_string(),
        offset: line.offset,
        bytes,
    })
}

impl Iterator for Reader {
    type Item = Result<Line, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_line().transpose()
    }
}
