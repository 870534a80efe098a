//! The rules that bind the lines of a journal into one chain, as a machine that is fed lines.
//!
//! Writer and verifier use the same machine: what the writer accepts at its start is what the
//! verifier accepts, except that the writer may leave the signatures of old seals unchecked.

use std::collections::BTreeSet;

use crate::deferred::Deferred;
use crate::entry::Head;
use crate::log_keys::LogKeys;
use crate::note::VerifierKey;
use crate::own::{LogKey, Next, Own, Recovered};
use crate::recent::RecentSeals;
use crate::tree::{Frontier, Hash, leaf_hash};

mod broken;
mod crash;
mod gone;
mod kept;
mod own_entry;
mod sealing;

pub use broken::{Broken, Cause};
pub(crate) use crash::Interruption;
pub(crate) use gone::Gone;
pub(crate) use kept::Kept;

/// How much of each seal is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    /// Root and both signatures.
    Signatures,
    /// Root and both signatures, of lines that come without their files: of a crash, only the whole
    /// entries that it left are known.
    Forwarded,
    /// The root alone; [`Chain::check_last_seal`] then checks the last one in full.
    Roots,
}

/// What stands in the entries since the last seal.
#[derive(Debug, Default)]
struct Batch {
    entries: u64,
    /// Time and monotonic time of the commit.
    stamp: Option<(String, u64)>,
    opening: Option<Opening>,
    /// The time of the journal's first entry.
    opened: Option<String>,
    announced: Vec<Next>,
    handovers: Vec<Handover>,
    recovered: Vec<Recovered>,
    erasures: Vec<(u64, u64)>,
    retirements: Vec<(u64, u64)>,
    /// Whether entries of it are retired: then it may be several, whose seals went with them.
    is_merged: bool,
    closes: bool,
}

/// An entry that hands the log's key over.
#[derive(Debug)]
struct Handover {
    seq: u64,
    time: String,
    to: LogKey,
}

#[derive(Debug)]
struct Opening {
    epoch: u64,
    key: VerifierKey,
    witnesses: Vec<String>,
}

/// A number and a key: an epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EpochKey {
    pub(crate) number: u64,
    pub(crate) key: VerifierKey,
}

/// The last seal, and the keys that it must be signed by.
struct LastSeal {
    note: String,
    log: VerifierKey,
    epoch: VerifierKey,
}

/// The machine.
pub(crate) struct Chain {
    log: LogKeys,
    /// The time of the entry that named the log's key: since then it seals.
    log_since: Option<String>,
    first_epoch: VerifierKey,
    check: Check,
    tree: Frontier,
    sealed: u64,
    root: Hash,
    last_seal: Option<LastSeal>,
    epoch: Option<EpochKey>,
    next: Option<EpochKey>,
    batch: Batch,
    interruptions: Vec<Interruption>,
    closed: bool,
    witnesses: BTreeSet<String>,
    recent: RecentSeals,
    gone: Gone,
    kept: Option<Kept>,
    deferred: Deferred,
}

impl Chain {
    /// A chain without entries, of the log with these keys.
    pub(crate) fn new(log: VerifierKey, first_epoch: VerifierKey, check: Check) -> Self {
        Self::of_log(LogKeys::new(log), first_epoch, check)
    }

    fn of_log(log: LogKeys, first_epoch: VerifierKey, check: Check) -> Self {
        let tree = Frontier::default();
        Self {
            log,
            log_since: None,
            first_epoch,
            check,
            root: tree.root(),
            tree,
            sealed: 0,
            last_seal: None,
            epoch: None,
            next: None,
            batch: Batch::default(),
            interruptions: Vec::new(),
            closed: false,
            witnesses: BTreeSet::new(),
            recent: RecentSeals::default(),
            gone: Gone::default(),
            kept: None,
            deferred: match check {
                Check::Signatures => Deferred::on_all_cores(),
                Check::Forwarded | Check::Roots => Deferred::default(),
            },
        }
    }

    /// A chain that goes on after a seal over `tree`, as [`Check::Forwarded`] checks it.
    pub(crate) fn resume(
        log: LogKeys,
        first_epoch: VerifierKey,
        tree: Frontier,
        epoch: Option<EpochKey>,
        next: Option<EpochKey>,
        closed: bool,
    ) -> Self {
        Self {
            root: tree.root(),
            sealed: tree.size(),
            tree,
            epoch,
            next,
            closed,
            ..Self::of_log(log, first_epoch, Check::Forwarded)
        }
    }

    /// The tree of all entries so far, sealed or not.
    pub(crate) fn tree(&self) -> &Frontier {
        &self.tree
    }

    /// How many entries are sealed.
    pub(crate) fn sealed(&self) -> u64 {
        self.sealed
    }

    /// Gives the checkpoints sealed last away.
    pub(crate) fn take_recent(&mut self) -> RecentSeals {
        std::mem::take(&mut self.recent)
    }

    /// The checkpoints sealed last.
    pub(crate) fn recent(&self) -> &RecentSeals {
        &self.recent
    }

    /// The witnesses that the journal has declared so far.
    pub(crate) fn witnesses(&self) -> &BTreeSet<String> {
        &self.witnesses
    }

    /// The log's keys so far; by seals alone, so that what a crash left counts nothing.
    pub(crate) fn log(&self) -> &LogKeys {
        &self.log
    }

    /// The time of the entry that named the log's current key; `None` before the first seal.
    pub(crate) fn log_since(&self) -> Option<&str> {
        self.log_since.as_deref()
    }

    /// The root of the sealed entries.
    pub(crate) fn sealed_root(&self) -> &Hash {
        &self.root
    }

    /// The epoch of the last seal.
    pub(crate) fn epoch(&self) -> Option<&EpochKey> {
        self.epoch.as_ref()
    }

    /// The epoch that was announced to come next.
    pub(crate) fn next(&self) -> Option<&EpochKey> {
        self.next.as_ref()
    }

    /// The epoch that a start goes on with.
    pub(crate) fn starting_epoch(&self) -> EpochKey {
        match &self.next {
            Some(next) => next.clone(),
            None => EpochKey {
                number: 0,
                key: self.first_epoch.clone(),
            },
        }
    }

    /// What crashes left behind since the last seal.
    pub(crate) fn interruptions(&self) -> &[Interruption] {
        &self.interruptions
    }

    /// Whether the last sealed entry is that of a clean stop.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// A break at the entries since the last seal.
    pub(crate) fn broken(&self, cause: Cause) -> Broken {
        Broken {
            seq: self.sealed,
            to: self.tree.size().saturating_sub(1).max(self.sealed),
            cause,
        }
    }

    /// A break at the entry that would come now.
    pub(crate) fn broken_here(&self, cause: Cause) -> Broken {
        let seq = self.tree.size();
        Broken {
            seq,
            to: seq,
            cause,
        }
    }

    /// A segment begins.
    pub(crate) fn segment(&mut self, first: u64) -> Result<(), Broken> {
        let expected = self.tree.size();
        if first == expected {
            self.gone.segment(first);
            return Ok(());
        }
        Err(self.broken_here(Cause::Segment {
            expected,
            found: first,
        }))
    }

    /// An entry line whose head was read; its leaf hash.
    pub(crate) fn entry(&mut self, line: &[u8], head: &Head<'_>) -> Result<Hash, Broken> {
        let expected = self.tree.size();
        if head.seq != expected {
            return Err(self.broken_here(Cause::Sequence {
                expected,
                found: head.seq,
            }));
        }
        if self.check == Check::Forwarded
            && head.own_event().is_some_and(|event| Own::opens(&event))
        {
            self.interrupted();
        }
        match &self.batch.stamp {
            Some(_) if self.batch.is_merged => {}
            Some((time, mono)) if (time.as_str(), *mono) != (head.time, head.mono) => {
                return Err(self.broken(Cause::SealMissing));
            }
            Some(_) => {}
            None => self.batch.stamp = Some((head.time.to_owned(), head.mono)),
        }
        match head.own_event() {
            Some(event) => self
                .own_entry(&event, head.time)
                .map_err(|cause| self.broken_here(cause))?,
            None => self.gone.entry(),
        }
        let leaf = leaf_hash(line);
        self.push(leaf)?;
        Ok(leaf)
    }
}
