//! Proofs for others: that an entry is in a journal (C2SP tlog-proof), and that one checkpoint
//! continues another.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use std::str::FromStr;

use thiserror::Error;

use crate::cosignature::Cosigned;
use crate::encoding::{base64, hash_from_base64};
use crate::error::Error;
use crate::note::VerifierKey;
use crate::tree::path::{Gatherer, Leaves, consistency, root_of_inclusion};
use crate::tree::{Hash, leaf_hash};
use crate::trust::TrustedLog;

pub(crate) mod source;

const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// No tree has more levels than its size has bits.
const LEVELS: usize = 64;

/// That an entry is in a journal: its number, the hashes up to the root, and a checkpoint with this
/// root. `Display` and `FromStr` are the text of C2SP tlog-proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The entry's sequence number.
    pub index: u64,
    /// The siblings on the way to the root, lowest first.
    pub hashes: Vec<Hash>,
    /// The checkpoint: a signed note, with the witnesses' cosignatures if there are any.
    pub checkpoint: String,
}

/// Why a proof proves nothing.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ProofFault {
    /// It is not of the form of C2SP tlog-proof.
    #[error("not a proof of the form {HEADER}")]
    Form,
    /// Its checkpoint cannot be read.
    #[error("the proof's checkpoint cannot be read")]
    Checkpoint,
    /// Its checkpoint is another journal's.
    #[error("the proof is one for {found}, not for {expected}")]
    Origin {
        /// The journal expected.
        expected: String,
        /// The journal found.
        found: String,
    },
    /// The log did not sign its checkpoint.
    #[error(
        "the checkpoint is not signed by the key of {log}; if the log has a later key, the trust file must say so"
    )]
    Signature {
        /// The log.
        log: String,
    },
    /// The hashes do not lead from the entry to the checkpoint's root.
    #[error("the entry is not number {index} of those under the checkpoint")]
    Path {
        /// The number.
        index: u64,
    },
}

/// What a good proof shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// The size of the tree under the checkpoint.
    pub size: u64,
    /// The trusted witnesses that cosigned it, and when (seconds since the epoch).
    pub witnesses: Vec<(String, u64)>,
}

impl Proof {
    /// Makes the proof for entry `seq` of the journal in `dir`, under the latest checkpoint that a
    /// witness cosigned, else under the latest seal; for an entry that hands the log's key over, under
    /// the seal that the key before it made. Checks nothing: a proof from a damaged journal
    /// proves nothing, and does not check.
    ///
    /// # Errors
    ///
    /// [`Error::NotSealed`] when no seal covers the entry, else what the disk refused.
    pub fn make(dir: &Path, seq: u64) -> Result<Self, Error> {
        let mut made = Self::make_all(dir, &BTreeSet::from([seq]))?;
        made.remove(&seq).ok_or(Error::NotSealed { seq })
    }

    /// Makes the proofs for all these entries, as [`Proof::make`] does, in two passes over the
    /// journal in all.
    ///
    /// # Errors
    ///
    /// [`Error::NotSealed`] with the first entry that no seal covers, else what the disk refused.
    pub fn make_all(dir: &Path, seqs: &BTreeSet<u64>) -> Result<BTreeMap<u64, Self>, Error> {
        let checkpoints = source::checkpoints(dir)?;
        let ends = checkpoints.sizes(seqs).map(|size| size - 1);
        let tree = source::sparse(dir, seqs.iter().copied().chain(ends))?;
        let prove = |&seq: &u64| {
            let found = checkpoints.over(seq).ok_or(Error::NotSealed { seq })?;
            let hashes = tree.prove(seq, found.size);
            let proof = Self {
                index: seq,
                hashes: hashes.ok_or(Error::NotSealed { seq })?,
                checkpoint: found.note.clone(),
            };
            Ok::<_, Error>((seq, proof))
        };
        seqs.iter().map(prove).collect()
    }

    /// Checks the proof for `leaf`, the exact bytes of an entry's line.
    ///
    /// # Errors
    ///
    /// See [`ProofFault`].
    pub fn check(
        &self,
        leaf: &[u8],
        log: &TrustedLog,
        witnesses: &[VerifierKey],
    ) -> Result<Proven, ProofFault> {
        let cosigned = Cosigned::parse(&self.checkpoint).ok_or(ProofFault::Checkpoint)?;
        let checkpoint = &cosigned.checkpoint;
        if checkpoint.origin != log.origin() {
            return Err(ProofFault::Origin {
                expected: log.origin().to_owned(),
                found: checkpoint.origin.clone(),
            });
        }
        if !cosigned.is_signed_by_log(log.key_at(checkpoint.size)) {
            return Err(ProofFault::Signature {
                log: log.origin().to_owned(),
            });
        }
        let leaf = leaf_hash(leaf);
        let root = root_of_inclusion(self.index, checkpoint.size, leaf, &self.hashes);
        if root != Some(checkpoint.root) {
            return Err(ProofFault::Path { index: self.index });
        }
        let seen = |key| cosigned.by(key).ok().flatten();
        let seen = witnesses.iter().filter_map(seen);
        Ok(Proven {
            size: checkpoint.size,
            witnesses: seen.map(|by| (by.witness, by.time)).collect(),
        })
    }
}

/// The hashes that prove that the journal's first `old` entries are the beginning of its first
/// `new` ones; a witness asks for them. See [`crate::tree::path::is_consistent`].
///
/// # Errors
///
/// [`Error::NotSealed`] when there are not so many entries, else what the disk refused.
pub fn prove_consistency(dir: &Path, old: u64, new: u64) -> Result<Vec<Hash>, Error> {
    let path = consistency(old, new).ok_or(Error::NotSealed { seq: old })?;
    source::gather(dir, new, path)?.ok_or(Error::NotSealed { seq: new })
}

impl fmt::Display for Proof {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{HEADER}\nindex {}", self.index)?;
        for hash in &self.hashes {
            writeln!(out, "{}", base64(hash))?;
        }
        write!(out, "\n{}", self.checkpoint)
    }
}

impl FromStr for Proof {
    type Err = ProofFault;

    fn from_str(text: &str) -> Result<Self, ProofFault> {
        let (head, checkpoint) = text.split_once("\n\n").ok_or(ProofFault::Form)?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(HEADER) {
            return Err(ProofFault::Form);
        }
        // Nobody signs it, and it means nothing to us.
        lines.next_if(|line| line.starts_with("extra "));
        let index = lines.next().and_then(|line| line.strip_prefix("index "));
        let index = index.ok_or(ProofFault::Form)?;
        let number: u64 = index.parse().map_err(|_| ProofFault::Form)?;
        if number.to_string() != index {
            return Err(ProofFault::Form);
        }
        let hashes: Vec<_> = lines
            .take(LEVELS + 1)
            .map(hash_from_base64)
            .collect::<Option<_>>()
            .ok_or(ProofFault::Form)?;
        if hashes.len() > LEVELS {
            return Err(ProofFault::Form);
        }
        Ok(Self {
            index: number,
            hashes,
            checkpoint: checkpoint.to_owned(),
        })
    }
}
