//! Follows a journal from outside: its lines are checked as they are forwarded.
//!
//! Whoever follows sees lines, not files. Of a crash it sees the whole entries that it left without a
//! seal, and the entry that records them; what was torn stayed on the journal's own disk.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::chain::{Broken, Cause, Chain, Check, EpochKey};
use crate::cosignature::Cosigned;
use crate::encoding::{base64, hash_from_base64};
use crate::entry::Head;
use crate::error::KeyFault;
use crate::log_keys::LogKeys;
use crate::note::VerifierKey;
use crate::seal::{self, Kind, epoch_key_name};
use crate::tree::{Frontier, Hash, leaf_hash};

/// What a line turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Followed {
    /// The next entry, or what is left of it; not proven before the next seal. That an erasure is
    /// declared is not checked: the declaration may come long after.
    Entry {
        /// Its sequence number.
        seq: u64,
        /// Its leaf hash.
        leaf: Hash,
    },
    /// A seal that holds, over all entries so far.
    Seal,
    /// A cosignature, of this journal by its own words, not checked.
    Witness,
}

/// Checks the lines of one journal, one after the other.
pub struct Follower {
    chain: Chain,
    seal: Option<String>,
    copy: Copy,
}

/// Where the lines come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Copy {
    /// They are forwarded.
    Forwarded,
    /// They were, and are stored: text may have been taken out of them since.
    Stored,
}

/// Where a follower stood at a seal: all it needs to go on. It holds nothing that the sealed
/// entries do not determine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    size: u64,
    /// Roots of the perfect subtrees, largest first, in base64.
    subtrees: Vec<String>,
    epoch: Option<EpochSnapshot>,
    next: Option<EpochSnapshot>,
    closed: bool,
    /// The keys that the log was handed over to; the last one seals. There were none before logs could be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    later_log_keys: Vec<String>,
}

impl Snapshot {
    /// The keys (vkeys) that the log was handed over to after the one that was registered for it, oldest first.
    #[must_use]
    pub fn later_log_keys(&self) -> &[String] {
        &self.later_log_keys
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EpochSnapshot {
    number: u64,
    key: String,
}

/// Why a journal cannot be followed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum FollowError {
    /// The log's key cannot be read.
    #[error("the log's key cannot be read: {0}")]
    LogKey(KeyFault),
    /// The first epoch's key cannot be read.
    #[error("the first epoch's key cannot be read: {0}")]
    EpochKey(KeyFault),
    /// The first epoch's key has another name than the log's first epoch key must have.
    #[error("the first epoch's key is named {found:?} instead of {expected:?}")]
    EpochKeyName {
        /// `ORIGIN/epoch/0`.
        expected: String,
        /// Its name.
        found: String,
    },
    /// The snapshot is not one that a follower gave.
    #[error("the snapshot is not one of this journal")]
    Snapshot,
}

/// Checks the keys that a journal is followed with.
fn keys(log: &str, first_epoch: &str) -> Result<(VerifierKey, VerifierKey), FollowError> {
    let log = VerifierKey::from_str(log).map_err(FollowError::LogKey)?;
    let first = VerifierKey::from_str(first_epoch).map_err(FollowError::EpochKey)?;
    let expected = epoch_key_name(log.name(), 0);
    if first.name() == expected {
        return Ok((log, first));
    }
    Err(FollowError::EpochKeyName {
        expected,
        found: first.name().to_owned(),
    })
}

impl Follower {
    /// Follows a journal from its first entry on, by the keys (vkeys) registered for it.
    ///
    /// # Errors
    ///
    /// When they cannot be its keys.
    pub fn new(log: &str, first_epoch: &str) -> Result<Self, FollowError> {
        let (log, first) = keys(log, first_epoch)?;
        Ok(Self {
            chain: Chain::new(log, first, Check::Forwarded),
            seal: None,
            copy: Copy::Forwarded,
        })
    }

    /// Follows a stored copy of a journal from its first entry on: entries of which the leaf hashes are left are taken for
    /// what they are. That this is declared somewhere is not checked.
    ///
    /// # Errors
    ///
    /// As for [`Follower::new`].
    pub fn of_copy(log: &str, first_epoch: &str) -> Result<Self, FollowError> {
        Ok(Self {
            copy: Copy::Stored,
            ..Self::new(log, first_epoch)?
        })
    }

    /// Goes on where [`Follower::snapshot`] was taken.
    ///
    /// # Errors
    ///
    /// When the keys cannot be the journal's, or the snapshot cannot be a follower's.
    pub fn resume(log: &str, first_epoch: &str, from: &Snapshot) -> Result<Self, FollowError> {
        let (log, first) = keys(log, first_epoch)?;
        let subtrees = from.subtrees.iter().map(|text| hash_from_base64(text));
        let subtrees = subtrees.collect::<Option<Vec<_>>>();
        let tree = subtrees
            .and_then(|subtrees| Frontier::from_parts(from.size, subtrees))
            .ok_or(FollowError::Snapshot)?;
        let epoch = |epoch: &Option<EpochSnapshot>| {
            epoch
                .as_ref()
                .map(|EpochSnapshot { number, key }| {
                    let key = key.parse().map_err(|_| FollowError::Snapshot)?;
                    let number = *number;
                    Ok(EpochKey { number, key })
                })
                .transpose()
        };
        let (current, next) = (epoch(&from.epoch)?, epoch(&from.next)?);
        let mut log = LogKeys::new(log);
        for later in &from.later_log_keys {
            log.hand_over(later, None)
                .map_err(|_| FollowError::Snapshot)?;
        }
        Ok(Self {
            chain: Chain::resume(log, first, tree, current, next, from.closed),
            seal: None,
            copy: Copy::Forwarded,
        })
    }

    /// Where it stands; `None` while there are entries without a seal.
    #[must_use]
    pub fn snapshot(&self) -> Option<Snapshot> {
        let epoch = |epoch: Option<&EpochKey>| {
            epoch.map(|EpochKey { number, key }| EpochSnapshot {
                number: *number,
                key: key.to_string(),
            })
        };
        self.is_sealed().then(|| Snapshot {
            size: self.size(),
            subtrees: self
                .chain
                .tree()
                .subtrees()
                .iter()
                .map(|root| base64(root))
                .collect(),
            epoch: epoch(self.chain.epoch()),
            next: epoch(self.chain.next()),
            closed: self.chain.is_closed(),
            later_log_keys: self
                .chain
                .log()
                .later()
                .iter()
                .map(|heir| heir.key.to_string())
                .collect(),
        })
    }

    /// Checks the next line, given without its newline. After an error the follower is of no use.
    ///
    /// # Errors
    ///
    /// What does not hold, and where.
    pub fn line(&mut self, line: &[u8]) -> Result<Followed, Broken> {
        let followed = self.read(line)?;
        // At once: whoever follows acts on a seal as soon as it is told of it.
        if followed == Followed::Seal {
            self.chain.check_signatures()?;
        }
        Ok(followed)
    }

    /// Checks many lines, given without their newlines, and the signatures of all their seals together, which takes half
    /// the time. After an error the follower is of no use.
    ///
    /// # Errors
    ///
    /// As [`Follower::line`].
    pub fn lines<'a>(&mut self, lines: impl Iterator<Item = &'a [u8]>) -> Result<(), Broken> {
        let mut lines = lines;
        let read = lines.try_for_each(|line| self.read(line).map(drop));
        // A false signature stands before whatever else was found.
        self.chain.check_signatures()?;
        read
    }

    /// Checks a line but for signatures.
    fn read(&mut self, line: &[u8]) -> Result<Followed, Broken> {
        match seal::kind(line) {
            Kind::Entry => {
                let unreadable = || self.chain.broken_here(Cause::Line);
                let head = Head::parse(line).ok_or_else(unreadable)?;
                let leaf = self.chain.entry(line, &head)?;
                let seq = head.seq;
                Ok(Followed::Entry { seq, leaf })
            }
            Kind::Seal(note) => {
                self.chain.seal(&note)?;
                self.seal = Some(note);
                Ok(Followed::Seal)
            }
            Kind::Erased(erased) => {
                self.chain.erased(&erased)?;
                Ok(Followed::Entry {
                    seq: erased.seq,
                    leaf: erased.leaf,
                })
            }
            Kind::Witness(note) => match Cosigned::parse(&note) {
                Some(cosigned) if cosigned.checkpoint.origin == self.chain.log().name() => {
                    Ok(Followed::Witness)
                }
                _ => Err(self.chain.broken_here(Cause::Line)),
            },
            Kind::Retired(retired) if self.copy == Copy::Stored => {
                self.chain.retired(&retired)?;
                let last = retired.leaves.len() - 1;
                Ok(Followed::Entry {
                    seq: retired.first + last as u64,
                    leaf: retired.leaves[last],
                })
            }
            // What is retired comes too late to be witnessed.
            Kind::Retired(_) | Kind::Torn(_) | Kind::Unknown => {
                Err(self.chain.broken_here(Cause::Line))
            }
        }
    }

    /// How many entries there are, sealed or not.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.chain.tree().size()
    }

    /// The root of the tree of all entries so far.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.chain.tree().root()
    }

    /// Whether a seal covers all entries so far.
    #[must_use]
    pub fn is_sealed(&self) -> bool {
        self.chain.sealed() == self.size()
    }

    /// The last seal that was followed here: a signed note. `None` before the first.
    #[must_use]
    pub fn seal(&self) -> Option<&str> {
        self.seal.as_deref()
    }
}

/// A checkpoint that a log signed: origin, size and root, believed as far as the signature goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCheckpoint {
    /// Whose tree.
    pub origin: String,
    /// How many entries.
    pub size: u64,
    /// The tree's root.
    pub root: Hash,
    note: String,
}

impl SignedCheckpoint {
    /// Reads a signed note as a checkpoint; `None` when it is none.
    #[must_use]
    pub fn parse(note: &str) -> Option<Self> {
        let checkpoint = Cosigned::parse(note)?.checkpoint;
        Some(Self {
            origin: checkpoint.origin,
            size: checkpoint.size,
            root: checkpoint.root,
            note: note.to_owned(),
        })
    }

    /// When this witness cosigned it, in seconds since the epoch; `None` when it did not.
    #[must_use]
    pub fn cosigned_by(&self, witness: &VerifierKey) -> Option<u64> {
        let cosigned = Cosigned::parse(&self.note)?;
        cosigned.by(witness).ok()?.map(|by| by.time)
    }

    /// Whether the key (a vkey) signed it.
    #[must_use]
    pub fn is_signed_by(&self, log: &str) -> bool {
        let Ok(key) = log.parse::<VerifierKey>() else {
            return false;
        };
        Cosigned::parse(&self.note).is_some_and(|cosigned| cosigned.is_signed_by_log(&key))
    }
}

/// Sequence number and leaf hash of an entry line, or of what is left of an erased one, by its own
/// words (without its newline); `None` for other lines.
#[must_use]
pub fn leaf(line: &[u8]) -> Option<(u64, Hash)> {
    match seal::kind(line) {
        Kind::Entry => Head::parse(line).map(|head| (head.seq, leaf_hash(line))),
        Kind::Erased(erased) => Some((erased.seq, erased.leaf)),
        _ => None,
    }
}

/// The note in a seal line (without its newline); `None` when the line is no seal.
#[must_use]
pub fn note_of_seal(line: &[u8]) -> Option<String> {
    match seal::kind(line) {
        Kind::Seal(note) => Some(note),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
