//! Proofs out of a journal's files, in one pass over its lines for each question.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::iter;
use std::path::Path;

use super::{Gatherer, Hash, Leaves, leaf_hash};
use crate::entry::Head;
use crate::error::Error;
use crate::note::Note;
use crate::own::Own;
use crate::reader::{Line, Reader};
use crate::seal::Checkpoint;
use crate::tree::sparse::Sparse;

/// How many seals back a cosignature may stand.
const RECENT: usize = 4096;

/// A checkpoint to prove under.
pub(crate) struct Found {
    pub(crate) size: u64,
    pub(crate) note: String,
}

/// The latest checkpoints of a journal.
#[derive(Default)]
pub(crate) struct Checkpoints {
    cosigned: Option<Found>,
    sealed: Option<Found>,
    /// By their numbers, of entries that hand the log's key over: the seal over each, by the key before. It alone shows to
    /// whoever knows that key that the next one is the log's.
    handovers: BTreeMap<u64, Found>,
}

impl Checkpoints {
    /// The latest that a witness cosigned, the cosignatures below the journal's own signatures, if
    /// it is over more than `seq` entries; else the latest seal, if that is. Over an entry that hands the log's key over,
    /// its own seal.
    pub(crate) fn over(&self, seq: u64) -> Option<&Found> {
        if let Some(found) = self.handovers.get(&seq) {
            return Some(found);
        }
        let mut found = [&self.cosigned, &self.sealed].into_iter().flatten();
        found.find(|found| found.size > seq)
    }

    /// How many entries each is over that one of `seqs` is proven by; none is over none.
    pub(super) fn sizes(&self, seqs: &BTreeSet<u64>) -> impl Iterator<Item = u64> {
        let own = seqs.iter().filter_map(|seq| self.handovers.get(seq));
        let found = [&self.cosigned, &self.sealed].into_iter().flatten();
        found
            .chain(own)
            .map(|found| found.size)
            .filter(|size| *size > 0)
    }
}

/// What a journal's seals and witness lines say; nothing is checked.
pub(crate) fn checkpoints(dir: &Path) -> Result<Checkpoints, Error> {
    let mut latest = Checkpoints::default();
    // Cosignatures name a seal that stands some lines before.
    let mut recent: VecDeque<(u64, String)> = VecDeque::new();
    let mut unsealed = Vec::new();
    for line in Reader::open(dir)? {
        match line? {
            Line::Entry { seq, bytes } if hands_over(&bytes) => unsealed.push(seq),
            Line::Seal(note) => {
                let Some(size) = size_of(&note) else {
                    continue;
                };
                if recent.len() == RECENT {
                    recent.pop_front();
                }
                recent.push_back((size, note.clone()));
                // Not the last under its seal: a crash left it behind, and it hands nothing over.
                let last = unsealed.drain(..).find(|seq| seq + 1 == size);
                if let Some(seq) = last {
                    let note = note.clone();
                    latest.handovers.insert(seq, Found { size, note });
                }
                latest.sealed = Some(Found { size, note });
            }
            Line::Witness(cosignature) => {
                let size = size_of(&cosignature);
                let seal = recent.iter().find(|(sealed, _)| Some(*sealed) == size);
                if let Some((size, seal)) = seal {
                    // A second witness adds its line to those of the first.
                    let base = match &latest.cosigned {
                        Some(found) if found.size == *size => &found.note,
                        _ => seal,
                    };
                    let lines = cosignature
                        .rsplit_once("\n\n")
                        .map_or("", |(_, lines)| lines);
                    let note = format!("{base}{lines}");
                    let mut handovers = latest.handovers.values_mut();
                    if let Some(found) = handovers.find(|found| found.size == *size) {
                        found.note.clone_from(&note);
                    }
                    latest.cosigned = Some(Found { size: *size, note });
                }
            }
            _ => {}
        }
    }
    Ok(latest)
}

/// Whether an entry names the log's next key.
fn hands_over(line: &[u8]) -> bool {
    let event = Head::parse(line).and_then(|head| head.own_event());
    matches!(
        event.map(|event| Own::parse(&event)),
        Some(Ok(Some(Own::LogKey(_))))
    )
}

fn size_of(note: &str) -> Option<u64> {
    Checkpoint::parse(Note::parse(note)?.text).map(|checkpoint| checkpoint.size)
}

/// A leaf of the tree.
pub(crate) enum Leaf {
    /// An entry's exact bytes.
    Entry(Vec<u8>),
    /// Of an erased or retired entry, what remains.
    Hash(Hash),
}

impl Leaf {
    /// Its hash.
    pub(crate) fn hash(&self) -> Hash {
        match self {
            Self::Entry(bytes) => leaf_hash(bytes),
            Self::Hash(hash) => *hash,
        }
    }
}

/// All leaves in order, with their numbers; those of retired segments too.
pub(crate) fn leaves(
    dir: &Path,
) -> Result<impl Iterator<Item = Result<(u64, Leaf), Error>>, Error> {
    Ok(Reader::open(dir)?.flat_map(leaves_of))
}

fn leaves_of(line: Result<Line, Error>) -> Box<dyn Iterator<Item = Result<(u64, Leaf), Error>>> {
    match line {
        Ok(Line::Entry { seq, bytes }) => Box::new(iter::once(Ok((seq, Leaf::Entry(bytes))))),
        Ok(Line::Erased { seq, leaf }) => Box::new(iter::once(Ok((seq, Leaf::Hash(leaf))))),
        Ok(Line::Retired { first, leaves }) => {
            let numbered = (first..).zip(leaves);
            Box::new(numbered.map(|(seq, leaf)| Ok((seq, Leaf::Hash(leaf)))))
        }
        Ok(_) => Box::new(iter::empty()),
        Err(error) => Box::new(iter::once(Err(error))),
    }
}

/// The journal's tree, kept as far as proving these entries needs.
pub(super) fn sparse(dir: &Path, seqs: impl Iterator<Item = u64>) -> Result<Sparse, Error> {
    let mut tree = Sparse::keeping(seqs);
    for leaf in leaves(dir)? {
        tree.push(leaf?.1.hash());
    }
    Ok(tree)
}

/// The roots of these subtrees of the first `size` entries; `None` when there are fewer.
pub(super) fn gather(dir: &Path, size: u64, path: Vec<Leaves>) -> Result<Option<Vec<Hash>>, Error> {
    let mut gatherer = Gatherer::new(path);
    for leaf in leaves(dir)? {
        let (seq, leaf) = leaf?;
        if seq < size {
            gatherer.leaf(seq, leaf.hash());
        }
    }
    Ok(gatherer.proof())
}
