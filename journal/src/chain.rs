//! The rules that bind the lines of a journal into one chain, as a machine that is fed lines.
//!
//! Writer and verifier use the same machine: what the writer accepts at its start is what the
//! verifier accepts, except that the writer may leave the signatures of old seals unchecked.

use std::collections::BTreeSet;

use crate::deferred::Deferred;
use crate::encoding::base64;
use crate::entry::Head;
use crate::note::VerifierKey;
use crate::own::{Next, Own, Recovered, Unproven, VERSION};
use crate::recent::RecentSeals;
use crate::seal::{Checkpoint, Seal, Signer, epoch_key_name};
use crate::segment::Tail;
use crate::tree::{Frontier, Hash, leaf_hash};

mod broken;
mod gone;
mod kept;

pub use broken::{Broken, Cause};
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

/// A place where a crash interrupted the writing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Interruption {
    pub(crate) segment: String,
    pub(crate) torn: Tail,
    pub(crate) unproven: Unproven,
}

impl Interruption {
    /// The entry that records it.
    pub(crate) fn recovered(&self) -> Recovered {
        Recovered {
            segment: self.segment.clone(),
            offset: self.torn.offset,
            length: self.torn.length,
            sha256: self.torn.sha256.clone(),
            unproven: self.unproven.clone(),
        }
    }
}

/// What stands in the entries since the last seal.
#[derive(Debug, Default)]
struct Batch {
    entries: u64,
    /// Time and monotonic time of the commit.
    stamp: Option<(String, u64)>,
    opening: Option<Opening>,
    announced: Vec<Next>,
    recovered: Vec<Recovered>,
    erasures: Vec<(u64, u64)>,
    retirements: Vec<(u64, u64)>,
    /// Whether entries of it are retired: then it may be several, whose seals went with them.
    is_merged: bool,
    closes: bool,
}

#[derive(Debug)]
struct Opening {
    epoch: u64,
    key: VerifierKey,
    witnesses: Vec<String>,
}

/// A seal's signatures, to be checked.
struct Signed {
    text: String,
    by_log: [u8; 64],
    by_epoch: [u8; 64],
    epoch_key: VerifierKey,
}

/// A number and a key: an epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EpochKey {
    pub(crate) number: u64,
    pub(crate) key: VerifierKey,
}

/// The machine.
pub(crate) struct Chain {
    log: VerifierKey,
    first_epoch: VerifierKey,
    check: Check,
    tree: Frontier,
    sealed: u64,
    root: Hash,
    last_seal: Option<(String, VerifierKey)>,
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
        let tree = Frontier::default();
        Self {
            log,
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
        log: VerifierKey,
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
            ..Self::new(log, first_epoch, Check::Forwarded)
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

    /// The log's key.
    pub(crate) fn log(&self) -> &VerifierKey {
        &self.log
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
                .own_entry(&event)
                .map_err(|cause| self.broken_here(cause))?,
            None => self.gone.entry(),
        }
        let leaf = leaf_hash(line);
        self.push(leaf)?;
        Ok(leaf)
    }

    fn own_entry(&mut self, event: &str) -> Result<(), Cause> {
        let own = Own::parse(event).map_err(|error| Cause::OwnEntry {
            reason: error.to_string(),
        })?;
        match own {
            None => {}
            Some(Own::Next(next)) => self.batch.announced.push(next),
            Some(Own::Recovered(recovered)) => self.batch.recovered.push(recovered),
            Some(Own::Erased(erased)) => {
                let here = self.tree.size();
                if erased
                    .entries
                    .iter()
                    .any(|(first, last)| first > last || *last >= here)
                {
                    return Err(Cause::OwnEntry {
                        reason: "it erases what does not stand before it".to_owned(),
                    });
                }
                self.batch.erasures.extend(erased.entries);
            }
            Some(Own::Retired(retired)) => {
                let here = self.tree.size();
                let runs = retired.segments.iter().map(|segment| segment.entries);
                if runs
                    .clone()
                    .any(|(first, last)| first > last || last >= here)
                {
                    return Err(Cause::OwnEntry {
                        reason: "it retires what does not stand before it".to_owned(),
                    });
                }
                self.batch.retirements.extend(runs);
            }
            Some(Own::Close(_)) => self.batch.closes = true,
            Some(Own::Open(open)) => {
                if self.tree.size() > 0 && self.next.is_some() || self.batch.entries > 0 {
                    return Err(Cause::OpeningPlace);
                }
                equal("version", &VERSION, &open.version)?;
                equal("origin", &self.log.name(), &open.origin.as_str())?;
                equal("log_key", &self.log.to_string(), &open.log_key)?;
                equal("epoch_key", &self.first_epoch.to_string(), &open.epoch_key)?;
                equal("epoch", &0, &open.epoch)?;
                self.batch.opening = Some(Opening {
                    epoch: 0,
                    key: self.first_epoch.clone(),
                    witnesses: open.witnesses,
                });
            }
            Some(Own::Epoch(epoch)) => {
                let next = self.next.as_ref().ok_or(Cause::OpeningMissing)?;
                if self.batch.entries > 0 {
                    return Err(Cause::OpeningPlace);
                }
                equal("epoch", &next.number, &epoch.epoch)?;
                equal("epoch_key", &next.key.to_string(), &epoch.epoch_key)?;
                equal("previous size", &self.sealed, &epoch.previous.size)?;
                let root = epoch.previous.root().map(|root| base64(&root));
                equal(
                    "previous root",
                    &base64(&self.root),
                    &root.unwrap_or_default(),
                )?;
                self.batch.opening = Some(Opening {
                    epoch: next.number,
                    key: next.key.clone(),
                    witnesses: epoch.witnesses.unwrap_or_default(),
                });
            }
        }
        Ok(())
    }

    /// A seal line.
    pub(crate) fn seal(&mut self, note: &str) -> Result<(), Broken> {
        let covered = (
            self.sealed,
            self.tree.size().saturating_sub(1).max(self.sealed),
        );
        let signed = self.check_seal(note).map_err(|cause| self.broken(cause))?;
        let Some(signed) = signed else {
            return Ok(());
        };
        let signatures = [
            (signed.by_log, &self.log),
            (signed.by_epoch, &signed.epoch_key),
        ];
        self.deferred.push(covered, &signed.text, signatures)
    }

    /// Checks the signatures that are still unchecked. Whoever finds anything broken calls this
    /// first: a false signature before it is the earlier fault.
    pub(crate) fn check_signatures(&mut self) -> Result<(), Broken> {
        self.deferred.check()
    }

    fn check_seal(&mut self, note: &str) -> Result<Option<Signed>, Cause> {
        let seal = Seal::parse(note).ok_or(Cause::SealForm)?;
        let Checkpoint { origin, size, root } = &seal.checkpoint;
        if origin != self.log.name() {
            return Err(Cause::SealOrigin {
                expected: self.log.name().to_owned(),
                found: origin.clone(),
            });
        }
        let key = self.sealing_key()?;
        for (signer, key) in [(Signer::Log, &self.log), (Signer::Epoch, &key)] {
            if !seal.names(signer, key) {
                return Err(Cause::SealSigner {
                    expected: key.name().to_owned(),
                    found: seal.signer(signer).to_owned(),
                });
            }
        }
        if *size != self.tree.size() {
            return Err(Cause::SealSize {
                expected: self.tree.size(),
                found: *size,
            });
        }
        if self.batch.entries == 0 {
            return Err(Cause::SealEmpty);
        }
        let own_root = self.tree.root();
        if *root != own_root {
            return Err(Cause::SealRoot);
        }
        let signed = match self.check {
            Check::Roots => None,
            Check::Signatures | Check::Forwarded => Some(Signed {
                text: seal.text().to_owned(),
                by_log: seal.signature(Signer::Log).ok_or(Cause::SealForm)?,
                by_epoch: seal.signature(Signer::Epoch).ok_or(Cause::SealForm)?,
                epoch_key: key.clone(),
            }),
        };
        self.settle(note, key, own_root)?;
        Ok(signed)
    }

    /// The epoch key that must sign the next seal.
    fn sealing_key(&self) -> Result<VerifierKey, Cause> {
        match (&self.batch.opening, &self.epoch) {
            (Some(opening), _) => Ok(opening.key.clone()),
            // After a stop or a crash nobody holds the old key any more.
            (None, _) if self.closed => Err(Cause::OpeningMissing),
            (None, _) if !self.interruptions.is_empty() => Err(Cause::SealMissing),
            (None, Some(epoch)) => Ok(epoch.key.clone()),
            (None, None) => Err(Cause::OpeningMissing),
        }
    }

    /// Whether the batch records what crashes left behind, no more and no less.
    fn is_recovered(&self) -> bool {
        let recorded = &self.batch.recovered;
        if self.check != Check::Forwarded {
            let expected = self.interruptions.iter().map(Interruption::recovered);
            return expected.eq(recorded.iter().cloned());
        }
        let expected = self.interruptions.iter().map(|crash| &crash.unproven);
        let left = recorded.iter().map(|record| &record.unproven);
        // A crash that left no whole entry is known from its record alone.
        expected.eq(left.filter(|left| left.count > 0))
            && (recorded.is_empty() || self.batch.opening.is_some())
    }

    /// What the entries of a batch say takes effect once a seal covers them.
    fn settle(&mut self, note: &str, key: VerifierKey, root: Hash) -> Result<(), Cause> {
        if !self.is_recovered() {
            return Err(Cause::Recovery);
        }
        let batch = std::mem::take(&mut self.batch);
        let announced = match (&batch.opening, &batch.announced[..]) {
            (Some(opening), [next]) => Some((opening.epoch + 1, next)),
            (None, []) => None,
            _ => return Err(Cause::Announcement),
        };
        if let Some((number, next)) = announced {
            equal("epoch", &number, &next.epoch)?;
            let key: VerifierKey = next.epoch_key.parse().map_err(|_| Cause::Announcement)?;
            let name = epoch_key_name(self.log.name(), number);
            equal("epoch key's name", &name.as_str(), &key.name())?;
            self.next = Some(EpochKey { number, key });
        }
        if let Some(opening) = batch.opening {
            self.epoch = Some(EpochKey {
                number: opening.epoch,
                key: opening.key,
            });
            // One that is no longer declared was still expected before; none is ever forgotten.
            self.witnesses.extend(opening.witnesses);
        }
        self.gone.declare(batch.erasures, batch.retirements);
        self.interruptions.clear();
        self.closed = batch.closes;
        self.sealed = self.tree.size();
        self.root = root;
        self.recent.push(self.sealed, root);
        self.last_seal = Some((note.to_owned(), key));
        Ok(())
    }

    /// An opening entry comes while entries wait for their seal: a crash took it.
    fn interrupted(&mut self) {
        let torn = Tail {
            offset: 0,
            length: 0,
            sha256: String::new(),
        };
        self.segment_end("", torn);
    }

    /// A segment ends at `torn`, whose length is 0 when its last line is whole.
    pub(crate) fn segment_end(&mut self, segment: &str, torn: Tail) {
        if self.batch.entries == 0 && torn.length == 0 {
            return;
        }
        let batch = std::mem::take(&mut self.batch);
        self.interruptions.push(Interruption {
            segment: segment.to_owned(),
            torn,
            unproven: Unproven {
                first: self.tree.size() - batch.entries,
                count: batch.entries,
            },
        });
    }

    /// Checks both signatures of the last seal, when [`Check::Roots`] left them out.
    pub(crate) fn check_last_seal(&self) -> Result<(), Broken> {
        let Some((note, key)) = &self.last_seal else {
            return Ok(());
        };
        for (signer, key) in [(Signer::Log, &self.log), (Signer::Epoch, key)] {
            if !Seal::parse(note).is_some_and(|seal| seal.is_signed(signer, key)) {
                return Err(Broken {
                    seq: self.sealed - 1,
                    to: self.sealed - 1,
                    cause: Cause::SealSignature {
                        signer: key.name().to_owned(),
                    },
                });
            }
        }
        Ok(())
    }

    /// Whether a line is a seal that this log signed for more entries than are sealed: then nothing
    /// before it can be what a crash left.
    pub(crate) fn is_later_seal(&self, note: &str) -> bool {
        Seal::parse(note).is_some_and(|seal| {
            seal.checkpoint.size > self.sealed && seal.is_signed(Signer::Log, &self.log)
        })
    }
}

fn equal<T: PartialEq + ToString>(
    what: &'static str,
    expected: &T,
    found: &T,
) -> Result<(), Cause> {
    if expected == found {
        return Ok(());
    }
    Err(Cause::Opening {
        what,
        expected: expected.to_string(),
        found: found.to_string(),
    })
}
