//! What is left of lines in a stored copy of a journal: a collector's, which holds them apart from the journal's own files.
//!
//! The lines are those of a journal; what becomes of them here is what the writer makes of them in its own directory.

use crate::entry::Head;
use crate::erased::Erased;
use crate::own::{self, Own};
use crate::seal::{self, Kind};
use crate::tree::{Hash, leaf_hash};
use crate::writer::retire::extract;

/// An entry in stored lines, or what is left of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored<'a> {
    /// It is there: its line, without the newline.
    Whole {
        /// Its sequence number.
        seq: u64,
        /// The line.
        line: &'a [u8],
    },
    /// Its leaf hash is left.
    Gone {
        /// Its sequence number.
        seq: u64,
        /// The hash.
        leaf: Hash,
    },
}

impl Stored<'_> {
    /// Its sequence number.
    #[must_use]
    pub fn seq(&self) -> u64 {
        match self {
            Self::Whole { seq, .. } | Self::Gone { seq, .. } => *seq,
        }
    }

    /// Its leaf hash.
    #[must_use]
    pub fn leaf(&self) -> Hash {
        match self {
            Self::Whole { line, .. } => leaf_hash(line),
            Self::Gone { leaf, .. } => *leaf,
        }
    }
}

/// The entries in `lines`, in their order. Lines that are none are passed over.
#[must_use]
pub fn entries(lines: &[u8]) -> Vec<Stored<'_>> {
    let mut entries = Vec::new();
    for line in split(lines) {
        match seal::kind(line) {
            Kind::Entry => {
                if let Some(Head { seq, .. }) = Head::parse(line) {
                    entries.push(Stored::Whole { seq, line });
                }
            }
            Kind::Erased(Erased { seq, leaf }) => entries.push(Stored::Gone { seq, leaf }),
            Kind::Retired(retired) => {
                let leaves = (retired.first..).zip(retired.leaves);
                entries.extend(leaves.map(|(seq, leaf)| Stored::Gone { seq, leaf }));
            }
            Kind::Seal(_) | Kind::Witness(_) | Kind::Torn(_) | Kind::Unknown => {}
        }
    }
    entries
}

/// `lines` with these entries (runs: first and last) erased; those of the journal's own stay.
#[must_use]
pub fn erase(lines: &[u8], runs: &[(u64, u64)]) -> Vec<u8> {
    let is_meant = |head: &Head<'_>| {
        let in_run = |(first, last): &(u64, u64)| (*first..=*last).contains(&head.seq);
        runs.iter().any(in_run) && head.own_event().is_none()
    };
    let mut left = Vec::with_capacity(lines.len());
    for line in split(lines) {
        let head = match seal::kind(line) {
            Kind::Entry => Head::parse(line).filter(is_meant),
            _ => None,
        };
        match head {
            Some(head) => {
                let leaf = leaf_hash(line);
                let erased = Erased {
                    seq: head.seq,
                    leaf,
                };
                left.extend_from_slice(erased.line(line.len()).as_bytes());
            }
            None => left.extend_from_slice(line),
        }
        left.push(b'\n');
    }
    left
}

/// What stays of `lines` when they are retired; `None` where some of them are none of a journal, or are retired already.
#[must_use]
pub fn retire(lines: &[u8]) -> Option<Vec<u8>> {
    extract::of_lines(&split(lines).collect::<Vec<_>>())
}

/// An erasure, as an entry declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declaration {
    /// Which entries: first and last of each run.
    pub entries: Vec<(u64, u64)>,
    /// Who erased them.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// The erasure that an entry declares; `None` for every other line.
#[must_use]
pub fn declared(line: &[u8]) -> Option<Declaration> {
    let event = Head::parse(line)?.own_event()?;
    match Own::parse(&event).ok()?? {
        Own::Erased(own::Erased {
            entries,
            by,
            reason,
        }) => Some(Declaration {
            entries,
            by,
            reason,
        }),
        _ => None,
    }
}

fn split(lines: &[u8]) -> impl Iterator<Item = &[u8]> {
    lines
        .split_inclusive(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\n").unwrap_or(line))
}
