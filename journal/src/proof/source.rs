//! Proofs out of a journal's files, in one pass over its lines for each question.

use std::path::Path;

use super::{Gatherer, Hash, Leaves, leaf_hash};
use crate::error::Error;
use crate::note::Note;
use crate::reader::{Line, Reader};
use crate::seal::Checkpoint;

/// A checkpoint to prove under.
pub(super) struct Found {
    pub(super) size: u64,
    pub(super) note: String,
}

/// The latest checkpoint over more than `seq` entries, if possible one that a witness cosigned;
/// then with the cosignatures below the journal's own signatures.
pub(super) fn checkpoint(dir: &Path, seq: u64) -> Result<Option<Found>, Error> {
    let mut sealed: Option<Found> = None;
    let mut cosigned: Option<Found> = None;
    // Cosignatures name a seal that stands some lines before.
    let mut recent = std::collections::VecDeque::new();
    for line in Reader::open(dir)? {
        match line? {
            Line::Seal(note) => {
                let Some(size) = size_of(&note).filter(|size| *size > seq) else {
                    continue;
                };
                if recent.len() == 4096 {
                    recent.pop_front();
                }
                recent.push_back((size, note.clone()));
                sealed = Some(Found { size, note });
            }
            Line::Witness(cosignature) => {
                let size = size_of(&cosignature);
                let seal = recent.iter().find(|(sealed, _)| Some(*sealed) == size);
                if let Some((size, seal)) = seal {
                    // A second witness adds its line to those of the first.
                    let base = match &cosigned {
                        Some(found) if found.size == *size => &found.note,
                        _ => seal,
                    };
                    let lines = cosignature
                        .rsplit_once("\n\n")
                        .map_or("", |(_, lines)| lines);
                    let note = format!("{base}{lines}");
                    cosigned = Some(Found { size: *size, note });
                }
            }
            _ => {}
        }
    }
    Ok(cosigned.or(sealed))
}

fn size_of(note: &str) -> Option<u64> {
    Checkpoint::parse(Note::parse(note)?.text).map(|checkpoint| checkpoint.size)
}

/// The roots of these subtrees of the first `size` entries; `None` when there are fewer.
pub(super) fn gather(dir: &Path, size: u64, path: Vec<Leaves>) -> Result<Option<Vec<Hash>>, Error> {
    let mut gatherer = Gatherer::new(path);
    for line in Reader::open(dir)? {
        let (seq, leaf) = match line? {
            Line::Retired { first, leaves } => {
                for (seq, leaf) in (first..size).zip(leaves) {
                    gatherer.leaf(seq, leaf);
                }
                continue;
            }
            Line::Entry { seq, bytes } => (seq, leaf_hash(&bytes)),
            Line::Erased { seq, leaf } => (seq, leaf),
            _ => continue,
        };
        if seq < size {
            gatherer.leaf(seq, leaf);
        }
    }
    Ok(gatherer.proof())
}
