//! Seals: who may sign one, what it must cover, and what takes effect with it.

use super::own_entry::equal;
use super::{Broken, Cause, Chain, Check, EpochKey, Handover, LastSeal};
use crate::note::VerifierKey;
use crate::seal::{Checkpoint, Seal, Signer, epoch_key_name};
use crate::tree::Hash;

/// A seal's signatures, to be checked.
struct Signed {
    text: String,
    by_log: [u8; 64],
    by_epoch: [u8; 64],
    log_key: VerifierKey,
    epoch_key: VerifierKey,
}

impl Chain {
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
            (signed.by_log, &signed.log_key),
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
        // The key that the entries below this seal may hand over signs it; the heir signs the next one.
        let log = self.log.current().clone();
        for (signer, key) in [(Signer::Log, &log), (Signer::Epoch, &key)] {
            if !seal.names(signer, key) {
                if signer == Signer::Log && seal.signer(signer) == log.name() {
                    return Err(Cause::SealLogKey {
                        log: log.name().to_owned(),
                    });
                }
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
                log_key: log.clone(),
                epoch_key: key.clone(),
            }),
        };
        let last = LastSeal {
            note: note.to_owned(),
            log,
            epoch: key,
        };
        self.settle(last, own_root)?;
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

    /// What the entries of a batch say takes effect once a seal covers them.
    fn settle(&mut self, last: LastSeal, root: Hash) -> Result<(), Cause> {
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
        self.hand_over(batch.opened, batch.handovers)?;
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
        self.last_seal = Some(last);
        Ok(())
    }

    /// Who seals from here on.
    fn hand_over(&mut self, opened: Option<String>, handovers: Vec<Handover>) -> Result<(), Cause> {
        self.log_since = opened.or(self.log_since.take());
        let Some(Handover { seq, time, to }) = handovers.into_iter().next() else {
            return Ok(());
        };
        // So there is one alone, and whoever has nothing but a proof under this seal knows that no crash came between.
        if seq + 1 != self.tree.size() {
            return Err(Cause::HeirPlace);
        }
        self.log
            .hand_over(&to.log_key, Some(seq))
            .map_err(Cause::Heir)?;
        self.log_since = Some(time);
        Ok(())
    }

    /// Checks both signatures of the last seal, when [`Check::Roots`] left them out.
    pub(crate) fn check_last_seal(&self) -> Result<(), Broken> {
        let Some(LastSeal { note, log, epoch }) = &self.last_seal else {
            return Ok(());
        };
        for (signer, key) in [(Signer::Log, log), (Signer::Epoch, epoch)] {
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
            seal.checkpoint.size > self.sealed && seal.is_signed(Signer::Log, self.log.current())
        })
    }
}
