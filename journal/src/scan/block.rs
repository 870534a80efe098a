//! Segments in pieces that several threads can read: a piece has the lines that begin in it.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use memchr::{memchr, memrchr};

use crate::durable::{Action, DiskError, failed};
use crate::segment::READ_LIMIT;

/// Bytes in one piece.
const SIZE: u64 = 512 * 1024;

/// The most of a line that is shown; no line of a journal is longer.
pub(super) const LONGEST: usize = READ_LIMIT as usize;

/// Bytes that are read at once to find the end of a piece's last line.
const STEP: usize = 64 * 1024;

/// A piece of a segment.
#[derive(Debug)]
pub(super) struct Block {
    path: Arc<PathBuf>,
    start: u64,
    end: u64,
}

impl Block {
    /// The pieces of a segment of `length` bytes.
    pub(super) fn of_segment(path: &Arc<PathBuf>, length: u64) -> impl Iterator<Item = Self> {
        (0..length.div_ceil(SIZE)).map(move |number| Self {
            path: Arc::clone(path),
            start: number * SIZE,
            end: length.min((number + 1) * SIZE),
        })
    }
}

/// How lines begin that prove something and tell nothing: seals, cosignatures, what is left of
/// erased and retired entries.
const PROOFS: [&[u8]; 5] = [
    b"{\"seal\":\"",
    b"{\"witness\":\"",
    b"{\"erased\":",
    b"{\"retired\":",
    b"{\"torn\":",
];

/// Whether a line is one of those.
pub(super) fn is_proof(line: &[u8]) -> bool {
    PROOFS.iter().any(|start| line.starts_with(start))
}

/// Reads pieces, most often of the same segment one after the other.
#[derive(Default)]
pub(super) struct Blocks {
    file: Option<(Arc<PathBuf>, File)>,
    buffer: Vec<u8>,
}

impl Blocks {
    /// The lines that begin in the piece, each with its newline but for the last one; and whether
    /// that has one in the file.
    pub(super) fn read(&mut self, block: &Block) -> Result<(&[u8], bool), DiskError> {
        let path = &block.path;
        let file = match self.file.take() {
            Some((open, file)) if Arc::ptr_eq(&open, path) => file,
            _ => File::open(&**path).map_err(failed(Action::Open, path))?,
        };
        // From the byte before, which tells whether a line begins with the piece.
        let from = block.start.saturating_sub(1);
        fill(&file, path, from, block.end, &mut self.buffer)?;
        let first = match block.start {
            0 => Some(0),
            _ => memchr(b'\n', &self.buffer).map(|at| at + 1),
        };
        let is_whole = complete(&file, path, from, &mut self.buffer)?;
        self.file = Some((Arc::clone(path), file));
        let begins_in = usize::try_from(block.end - from).unwrap_or(usize::MAX);
        match first.filter(|first| *first < begins_in) {
            Some(first) => Ok((&self.buffer[first..], is_whole)),
            // One long line, which began before.
            None => Ok((&[][..], true)),
        }
    }
}

fn fill(
    file: &File,
    path: &Path,
    from: u64,
    to: u64,
    buffer: &mut Vec<u8>,
) -> Result<(), DiskError> {
    buffer.clear();
    buffer.resize(usize::try_from(to - from).unwrap_or(0), 0);
    let mut read = 0;
    while read < buffer.len() {
        let place = from + read as u64;
        match file.read_at(&mut buffer[read..], place) {
            Ok(0) => break,
            Ok(count) => read += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(Action::Read, path)(error)),
        }
    }
    // An erasure may have put a file in its place that ends earlier.
    buffer.truncate(read);
    Ok(())
}

/// Reads on to the end of the last line, which is cut off; `false` when the file ends, or anything
/// that could be a line, without one.
fn complete(file: &File, path: &Path, from: u64, buffer: &mut Vec<u8>) -> Result<bool, DiskError> {
    if buffer.last() == Some(&b'\n') {
        buffer.pop();
        return Ok(true);
    }
    let begin = memrchr(b'\n', buffer).map_or(0, |at| at + 1);
    let mut step = vec![0; STEP];
    while buffer.len() - begin < LONGEST {
        let count = file
            .read_at(&mut step, from + buffer.len() as u64)
            .map_err(failed(Action::Read, path))?;
        let read = &step[..count];
        if let Some(end) = memchr(b'\n', read) {
            buffer.extend_from_slice(&read[..end]);
            return Ok(true);
        }
        if count == 0 {
            return Ok(false);
        }
        buffer.extend_from_slice(read);
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines_of(bytes: &[u8], cuts: &[u64]) -> Vec<Vec<u8>> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let path = Arc::new(file.path().to_owned());
        let mut reader = Blocks::default();
        let mut lines = Vec::new();
        for pair in cuts.windows(2) {
            let block = Block {
                path: Arc::clone(&path),
                start: pair[0],
                end: pair[1],
            };
            let (text, _) = reader.read(&block).unwrap();
            if !text.is_empty() {
                lines.extend(text.split(|byte| *byte == b'\n').map(<[u8]>::to_vec));
            }
        }
        lines
    }

    proptest! {
        #[test]
        fn each_line_is_in_exactly_one_piece(
            lines in prop::collection::vec("[a-z]{1,9}", 1..20),
            cuts in prop::collection::btree_set(1_u64..150, 0..6),
        ) {
            let text = lines.join("\n") + "\n";
            let end = text.len() as u64;
            let mut cuts: Vec<u64> = cuts.into_iter().filter(|cut| *cut < end).collect();
            cuts.insert(0, 0);
            cuts.push(end);
            let lines: Vec<Vec<u8>> = lines.into_iter().map(String::into_bytes).collect();
            prop_assert_eq!(lines_of(text.as_bytes(), &cuts), lines);
        }
    }

    #[test]
    fn a_line_without_its_newline_is_told_from_a_whole_one() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"one\ntwo").unwrap();
        let path = Arc::new(file.path().to_owned());
        let block = Block::of_segment(&path, 7).next().unwrap();
        let mut reader = Blocks::default();
        assert_eq!(reader.read(&block).unwrap(), (&b"one\ntwo"[..], false));
    }
}
