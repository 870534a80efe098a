//! Copies a journal's lines byte for byte, to be sent elsewhere, while it is written.

use std::path::{Path, PathBuf};

use super::follow::later_segment;
use crate::entry::Head;
use crate::error::Error;
use crate::seal::{self, Kind};
use crate::segment::{self, Lines, Name, READ_LIMIT};

/// Goes from line to line, without what a crash tore: bytes after a file's last newline, and
/// whatever stands in a file from a NUL byte on.
pub struct Copier {
    dir: PathBuf,
    current: Option<(Name, Lines)>,
    is_torn: bool,
    /// Whether the line is still to come, though it was read.
    is_ahead: bool,
}

impl Copier {
    /// Opens the journal in `dir` behind the seal that covers exactly the entries before `seq`, and
    /// returns that seal's note; `None` where no seal stands there (and for 0). Then the copier stands
    /// behind entry `seq - 1`, or at the end.
    ///
    /// # Errors
    ///
    /// What the disk refused.
    pub fn open(dir: &Path, seq: u64) -> Result<(Self, Option<String>), Error> {
        let mut segments = segment::list(dir)?;
        let later = segments.partition_point(|(name, _)| name.first < seq);
        let mut copier = Self {
            dir: dir.to_owned(),
            current: None,
            is_torn: false,
            is_ahead: false,
        };
        if later > 0 {
            let (name, path) = segments.swap_remove(later - 1);
            copier.current = Some((name, Lines::open(&path)?));
        }
        if seq == 0 {
            return Ok((copier, None));
        }
        while copier.advance()? {
            if number(copier.line()) == Some(seq - 1) {
                copier.is_ahead = copier.advance()?;
                let Kind::Seal(note) = seal::kind(copier.line()) else {
                    return Ok((copier, None));
                };
                copier.is_ahead = false;
                return Ok((copier, Some(note)));
            }
        }
        Ok((copier, None))
    }

    /// Moves to the next whole line, which [`Copier::line`] then shows; `false` while there is none.
    ///
    /// # Errors
    ///
    /// What the disk refused.
    pub fn advance(&mut self) -> Result<bool, Error> {
        if std::mem::take(&mut self.is_ahead) {
            return Ok(true);
        }
        loop {
            if self.next_in_segment()? {
                return Ok(true);
            }
            let after = self.current.as_ref().map(|(name, _)| *name);
            let Some((name, path)) = later_segment(&self.dir, after)? else {
                return Ok(false);
            };
            // Looked at once more: what is then not in this segment never will be.
            if self.next_in_segment()? {
                return Ok(true);
            }
            self.current = Some((name, Lines::open(&path)?));
            self.is_torn = false;
        }
    }

    /// The line, without its newline.
    #[must_use]
    pub fn line(&self) -> &[u8] {
        let last = self.current.as_ref().and_then(|(_, lines)| lines.last());
        last.map_or(&[], |line| line.bytes)
    }

    fn next_in_segment(&mut self) -> Result<bool, Error> {
        let Some((_, lines)) = &mut self.current else {
            return Ok(false);
        };
        while !self.is_torn {
            if lines.next_whole()?.is_some() {
                let line = lines.last().map_or(&[][..], |line| line.bytes);
                self.is_torn = line.contains(&0) || line.len() as u64 == READ_LIMIT;
                if !self.is_torn {
                    return Ok(true);
                }
            } else if lines.was_replaced()? {
                lines.reopen()?;
            } else {
                break;
            }
        }
        Ok(false)
    }
}

/// The sequence number of an entry, or of what is left of it; of retired ones, that of the last.
fn number(line: &[u8]) -> Option<u64> {
    match seal::kind(line) {
        Kind::Entry => Head::parse(line).map(|head| head.seq),
        Kind::Erased(erased) => Some(erased.seq),
        Kind::Retired(retired) => Some(retired.first + retired.leaves.len() as u64 - 1),
        _ => None,
    }
}
