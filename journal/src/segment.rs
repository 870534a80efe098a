//! Segment files: their names, their order and their lines.

use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::durable::{Action, DiskError, failed};
use crate::encoding::hex;
use crate::error::Error;

const EXTENSION: &str = ".jsonl";

/// The longest line that is read as one; longer ones come in pieces and are no lines of a journal.
pub(crate) const READ_LIMIT: u64 = 131_072;

/// A segment's name: the sequence number of its first entry in 20 digits, and `.jsonl`.
///
/// A segment that a crash left without one whole line keeps its name; its successor of the same
/// number carries an attempt: `00000000000000000042.1.jsonl`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Name {
    pub(crate) first: u64,
    pub(crate) attempt: u32,
}

impl Name {
    pub(crate) fn new(first: u64) -> Self {
        Self { first, attempt: 0 }
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        let stem = name.strip_suffix(EXTENSION)?;
        let (first, attempt) = match stem.split_once('.') {
            Some((first, attempt)) => (first, attempt.parse().ok()?),
            None => (stem, 0),
        };
        let parsed = Self {
            first: first.parse().ok()?,
            attempt,
        };
        (parsed.to_string() == name).then_some(parsed)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.attempt {
            0 => write!(out, "{:020}{EXTENSION}", self.first),
            attempt => write!(out, "{:020}.{attempt}{EXTENSION}", self.first),
        }
    }
}

/// The segments of a journal in order.
///
/// # Errors
///
/// [`Error::StrayFile`] for a `.jsonl` file that is no segment; other files are none of ours.
pub(crate) fn list(dir: &Path) -> Result<Vec<(Name, PathBuf)>, Error> {
    let mut segments = Vec::new();
    let files = std::fs::read_dir(dir).map_err(failed(Action::List, dir))?;
    for file in files {
        let file = file.map_err(failed(Action::List, dir))?;
        let path = file.path();
        let name = file.file_name();
        let Some(name) = name.to_str().filter(|name| name.ends_with(EXTENSION)) else {
            continue;
        };
        match Name::parse(name) {
            Some(name) => segments.push((name, path)),
            None => return Err(Error::StrayFile { path }),
        }
    }
    segments.sort_unstable();
    Ok(segments)
}

/// A line as it stands in a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RawLine<'a> {
    /// Without the newline.
    pub(crate) bytes: &'a [u8],
    /// Where it begins in the file.
    pub(crate) offset: u64,
    /// Whether a newline ended it.
    pub(crate) ended: bool,
}

/// Reads a segment line by line, in bounded memory.
pub(crate) struct Lines {
    path: PathBuf,
    reader: BufReader<File>,
    line: Vec<u8>,
    offset: u64,
}

impl Lines {
    pub(crate) fn open(path: &Path) -> Result<Self, DiskError> {
        let file = File::open(path).map_err(failed(Action::Open, path))?;
        Ok(Self {
            path: path.to_owned(),
            reader: BufReader::with_capacity(256 * 1024, file),
            line: Vec::new(),
            offset: 0,
        })
    }

    /// The next line, or piece of [`READ_LIMIT`] bytes; `None` at the end of the file.
    pub(crate) fn next(&mut self) -> Result<Option<RawLine<'_>>, DiskError> {
        self.line.clear();
        let offset = self.offset;
        let length = self
            .reader
            .by_ref()
            .take(READ_LIMIT)
            .read_until(b'\n', &mut self.line)
            .map_err(failed(Action::Read, &self.path))?;
        if length == 0 {
            return Ok(None);
        }
        self.offset += length as u64;
        let ended = self.line.last() == Some(&b'\n');
        Ok(Some(RawLine {
            bytes: &self.line[..length - usize::from(ended)],
            offset,
            ended,
        }))
    }
}

/// For those who follow a file while it is written.
impl Lines {
    /// Moves to the next line that its newline ended, which [`Lines::last`] then shows; `None` while
    /// there is none.
    pub(crate) fn next_whole(&mut self) -> Result<Option<()>, DiskError> {
        let Some(line) = self.next()? else {
            return Ok(None);
        };
        if line.ended || line.bytes.len() as u64 == READ_LIMIT {
            return Ok(Some(()));
        }
        let back = line.offset;
        self.seek(back)?;
        Ok(None)
    }

    /// Moves behind the last line that its newline ended.
    pub(crate) fn skip_whole(&mut self) -> Result<(), DiskError> {
        let length = self
            .reader
            .get_ref()
            .metadata()
            .map_err(failed(Action::Read, &self.path))?
            .len();
        let start = length.saturating_sub(READ_LIMIT);
        self.seek(start)?;
        // No line is longer: without a newline in so much, nothing here is a line.
        let mut behind = if start == 0 { 0 } else { length };
        while let Some(line) = self.next()? {
            if line.ended {
                behind = line.offset + line.bytes.len() as u64 + 1;
            }
        }
        self.seek(behind)
    }

    /// Where the next line begins.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// The line read last.
    pub(crate) fn last(&self) -> Option<RawLine<'_>> {
        let ended = self.line.last() == Some(&b'\n');
        let length = self.line.len() as u64;
        (length > 0).then(|| RawLine {
            bytes: &self.line[..self.line.len() - usize::from(ended)],
            offset: self.offset - length,
            ended,
        })
    }

    /// Whether another file has taken this one's place, as an erasure does.
    pub(crate) fn was_replaced(&self) -> Result<bool, DiskError> {
        let read = || failed(Action::Read, &self.path);
        let ours = self.reader.get_ref().metadata().map_err(read())?;
        match self.path.metadata() {
            Ok(there) => Ok(ours.ino() != there.ino()),
            // Removed by retention: what it holds is still read, and nothing follows in it.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(read()(error)),
        }
    }

    /// Goes on at the same place of the file that is there now.
    pub(crate) fn reopen(&mut self) -> Result<(), DiskError> {
        let offset = self.offset;
        *self = Self::open(&self.path)?;
        self.seek(offset)
    }

    fn seek(&mut self, offset: u64) -> Result<(), DiskError> {
        self.line.clear();
        self.offset = offset;
        self.reader
            .seek(SeekFrom::Start(offset))
            .map(drop)
            .map_err(failed(Action::Read, &self.path))
    }
}

/// What a file holds from an offset to its end, told by length and hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tail {
    pub(crate) offset: u64,
    pub(crate) length: u64,
    /// SHA-256, hexadecimal.
    pub(crate) sha256: String,
}

impl Tail {
    pub(crate) fn of(path: &Path, offset: u64) -> Result<Self, DiskError> {
        let read = failed(Action::Read, path);
        let measure = || {
            let mut file = File::open(path)?;
            file.seek(SeekFrom::Start(offset))?;
            let mut hasher = Sha256::new();
            let mut buffer = [0; 16 * 1024];
            let mut length = 0_u64;
            loop {
                let count = file.read(&mut buffer)?;
                if count == 0 {
                    break;
                }
                hasher.update(&buffer[..count]);
                length += count as u64;
            }
            let hash: [u8; 32] = hasher.finalize().into();
            Ok((length, hex(&hash)))
        };
        let (length, sha256) = measure().map_err(read)?;
        Ok(Self {
            offset,
            length,
            sha256,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_by_number_and_attempt() {
        let names = [
            "00000000000000000009.jsonl",
            "00000000000000000042.jsonl",
            "00000000000000000042.1.jsonl",
            "00000000000000000042.10.jsonl",
        ];
        let mut parsed: Vec<_> = names.map(|name| Name::parse(name).unwrap()).into();
        parsed.sort_unstable();
        assert_eq!(parsed.map_to_strings(), names);
    }

    trait MapToStrings {
        fn map_to_strings(&self) -> Vec<String>;
    }

    impl MapToStrings for Vec<Name> {
        fn map_to_strings(&self) -> Vec<String> {
            self.iter().map(Name::to_string).collect()
        }
    }

    #[test]
    fn other_spellings_of_a_name_are_refused() {
        for name in [
            "42.jsonl",
            "00000000000000000042.0.jsonl",
            "00000000000000000042.01.jsonl",
            "+0000000000000000042.jsonl",
            "00000000000000000042.json",
            "99999999999999999999.jsonl",
        ] {
            assert_eq!(Name::parse(name), None, "{name}");
        }
    }

    #[test]
    fn lines_are_read_with_their_places() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        std::fs::write(&path, b"one\n\nthree").unwrap();
        let mut lines = Lines::open(&path).unwrap();
        let mut seen = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            seen.push((line.bytes.to_vec(), line.offset, line.ended));
        }
        assert_eq!(
            seen,
            [
                (b"one".to_vec(), 0, true),
                (b"".to_vec(), 4, true),
                (b"three".to_vec(), 5, false)
            ]
        );
    }
}
