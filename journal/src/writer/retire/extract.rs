//! What stays of a segment: leaf hashes, the journal's own entries, and of the seals those that the
//! chain hangs on: that of every batch with one of these entries, the last before an epoch opens, and
//! the last of all. Of the cosignatures, those of the latest checkpoint.

use super::{Head, Lines, Path, Tail, blob};
use crate::cosignature::Cosigned;
use crate::error::Error;
use crate::own::Own;
use crate::retired::{RUN_LIMIT, Retired, torn_line, whole};
use crate::seal::{self, Kind};
use crate::tree::{Hash, leaf_hash};

/// What stays.
#[derive(Default)]
struct Extract {
    contents: Vec<u8>,
    /// Leaf hashes that are not written yet, and the number of the first.
    run: Vec<Hash>,
    run_first: u64,
    /// A seal that stays if nothing but an opening, or nothing at all, follows.
    held: Option<String>,
    /// Whether one of the journal's own entries stands after the last seal.
    has_own: bool,
}

/// Whether there is an entry of a program's: then the segment is whole.
pub(super) fn has_entries(path: &Path) -> Result<bool, Error> {
    let mut lines = Lines::open(path)?;
    while let Some(line) = lines.next()? {
        match Head::parse(line.bytes) {
            Some(head) if line.ended && head.own_event().is_none() => return Ok(true),
            Some(_) => {}
            None if matches!(seal::kind(line.bytes), Kind::Retired(_)) => return Ok(false),
            None => {}
        }
    }
    Ok(false)
}

/// The blobs that the segment's entries name.
pub(super) fn blobs(path: &Path) -> Result<Vec<String>, Error> {
    let mut blobs = Vec::new();
    let mut lines = Lines::open(path)?;
    while let Some(line) = lines.next()? {
        if let Some(head) = Head::parse(line.bytes) {
            blobs.extend(blob::named(head.event.as_bytes()).map(str::to_owned));
        }
    }
    Ok(blobs)
}

/// What stays of the segment at `path`.
pub(super) fn of(path: &Path) -> Result<Vec<u8>, Error> {
    let cosigned = latest_cosigned(path)?;
    let mut extract = Extract::default();
    let mut lines = Lines::open(path)?;
    let mut end = 0;
    while let Some(line) = lines.next()? {
        let is_read = line.ended && extract.line(line.bytes, cosigned);
        if !is_read {
            break;
        }
        end = line.offset + line.bytes.len() as u64 + 1;
    }
    let torn = Tail::of(path, end)?;
    extract.end(&torn);
    Ok(extract.contents)
}

/// What stays of these lines, which stand in no file; `None` where one is none, or retired already.
pub(crate) fn of_lines(lines: &[&[u8]]) -> Option<Vec<u8>> {
    let (mut sealed, mut cosigned) = (Vec::new(), None);
    for line in lines {
        note_sizes(line, &mut sealed, &mut cosigned);
    }
    let mut extract = Extract::default();
    for line in lines {
        if !extract.line(line, cosigned) {
            return None;
        }
    }
    extract.settle();
    extract.flush();
    Some(extract.contents)
}

/// The largest size at which the segment has both a seal and a cosignature.
fn latest_cosigned(path: &Path) -> Result<Option<u64>, Error> {
    let mut lines = Lines::open(path)?;
    let (mut sealed, mut cosigned) = (Vec::new(), None);
    while let Some(line) = lines.next()? {
        note_sizes(line.bytes, &mut sealed, &mut cosigned);
    }
    Ok(cosigned)
}

/// Notes of which size this line has a seal, or a cosignature of one that was noted.
fn note_sizes(line: &[u8], sealed: &mut Vec<u64>, cosigned: &mut Option<u64>) {
    match seal::kind(line) {
        Kind::Seal(note) => sealed.extend(size_of(&note)),
        Kind::Witness(note) => {
            let size = size_of(&note).filter(|size| sealed.binary_search(size).is_ok());
            *cosigned = (*cosigned).max(size);
        }
        _ => {}
    }
}

fn size_of(note: &str) -> Option<u64> {
    Cosigned::parse(note).map(|cosigned| cosigned.checkpoint.size)
}

impl Extract {
    /// Takes a line in; `false` when it is none.
    fn line(&mut self, bytes: &[u8], cosigned: Option<u64>) -> bool {
        match seal::kind(bytes) {
            Kind::Entry => {
                let Some(head) = Head::parse(bytes) else {
                    return false;
                };
                match head.own_event() {
                    Some(event) => {
                        if Own::opens(&event) {
                            self.settle();
                        }
                        self.held = None;
                        self.has_own = true;
                        self.write(bytes);
                    }
                    None => self.leaf(head.seq, leaf_hash(bytes)),
                }
            }
            Kind::Erased(erased) => self.leaf(erased.seq, erased.leaf),
            Kind::Seal(note) => {
                let is_cosigned = cosigned.is_some() && size_of(&note) == cosigned;
                self.held = Some(String::from_utf8_lossy(bytes).into_owned());
                if std::mem::take(&mut self.has_own) || is_cosigned {
                    self.settle();
                }
            }
            Kind::Witness(note) => {
                if cosigned.is_some() && size_of(&note) == cosigned {
                    self.write(bytes);
                }
            }
            Kind::Retired(_) | Kind::Torn(_) | Kind::Unknown => return false,
        }
        true
    }

    /// Ends the extract; `torn` is what a crash left.
    fn end(&mut self, torn: &Tail) {
        self.settle();
        self.flush();
        if *torn != whole(torn.offset) {
            self.write(torn_line(torn).as_bytes());
        }
    }

    fn leaf(&mut self, seq: u64, leaf: Hash) {
        self.held = None;
        if self.run.is_empty() {
            self.run_first = seq;
        }
        self.run.push(leaf);
        if self.run.len() == RUN_LIMIT {
            self.flush();
        }
    }

    /// Keeps the seal that is held.
    fn settle(&mut self) {
        if let Some(seal) = self.held.take() {
            self.write(seal.as_bytes());
        }
    }

    fn write(&mut self, line: &[u8]) {
        self.flush();
        self.contents.extend_from_slice(line);
        self.contents.push(b'\n');
    }

    fn flush(&mut self) {
        let leaves = std::mem::take(&mut self.run);
        if leaves.is_empty() {
            return;
        }
        let retired = Retired {
            first: self.run_first,
            leaves,
        };
        self.contents.extend_from_slice(retired.line().as_bytes());
        self.contents.push(b'\n');
    }
}
