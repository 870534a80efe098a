//! Taking a witness's cosignature into the journal.

use super::core::{Core, Declaration};
use super::{After, Inner, Writer, lock, witness_keys};
use crate::chain::{Broken, Chain};
use crate::cosignature::Cosigned;
use crate::durable;
use crate::error::{Error, WitnessFault};
use crate::note::VerifierKey;
use crate::seal;
use crate::walk::Observer;

impl Writer {
    /// Keeps a cosignature: a checkpoint of this journal, signed by one of the declared witnesses,
    /// as a signed note. Returns once it is on disk. The closing seal may be cosigned after
    /// [`Writer::close`], by another clone.
    ///
    /// # Errors
    ///
    /// [`Error::Cosignature`] when it is not taken; of its causes [`WitnessFault::Differs`] is an
    /// alarm: the witness saw another journal. Else as for [`Writer::append`].
    pub fn append_witness(&self, note: &str) -> Result<(), Error> {
        self.handle.inner.append_witness(note)
    }

    /// Names other witnesses from here on: an epoch ends, and the opening entry of the next declares
    /// them. Returns once that is on disk; at once when they are the same.
    ///
    /// # Errors
    ///
    /// [`Error::Witness`] or [`Error::Witnesses`] when they cannot be witnesses, else as for
    /// [`Writer::append`].
    pub fn declare_witnesses(&self, witnesses: &[String]) -> Result<(), Error> {
        self.handle.inner.declare_witnesses(witnesses)
    }

    /// The latest seal, for those who forward it: size of the tree and signed note.
    #[must_use]
    pub fn latest_seal(&self) -> (u64, String) {
        lock(&self.handle.inner.core).latest_seal()
    }
}

/// The witness line over the most entries, as a start comes by it.
pub(super) struct Latest<'a> {
    /// vkeys of witnesses that hold no entries.
    outside: &'a [String],
    size: u64,
    note: String,
}

impl Observer for Latest<'_> {
    fn witness(&mut self, note: &str, _: &Chain) -> Result<(), Broken> {
        let cosigned = Cosigned::parse(note);
        let size = cosigned.map_or(0, |cosigned| cosigned.checkpoint.size);
        if size > self.size && !is_by(note, self.outside) {
            (self.size, self.note) = (size, note.to_owned());
        }
        Ok(())
    }
}

/// Whether one of these witnesses signed a note.
fn is_by(note: &str, witnesses: &[String]) -> bool {
    let keys = witnesses.iter().filter_map(|key| key.parse().ok());
    Cosigned::parse(note).is_some_and(|cosigned| {
        let signed = |key: VerifierKey| matches!(cosigned.by(&key), Ok(Some(_)));
        keys.into_iter().any(signed)
    })
}

impl<'a> Latest<'a> {
    /// None yet.
    pub(super) fn beside(outside: &'a [String]) -> Self {
        Self {
            outside,
            size: 0,
            note: String::new(),
        }
    }

    /// Its size, if one of these witnesses, or of those declared before, has signed it; `None` where
    /// there never was any.
    pub(super) fn size(
        &self,
        origin: &str,
        witnesses: &[VerifierKey],
        chain: &Chain,
    ) -> Option<u64> {
        let declared = chain
            .witnesses()
            .iter()
            .filter_map(|key| key.parse::<VerifierKey>().ok());
        let known: Vec<VerifierKey> = declared.chain(witnesses.iter().cloned()).collect();
        if known.is_empty() {
            return None;
        }
        let cosigned = Cosigned::parse(&self.note);
        let is_ours = cosigned.is_some_and(|cosigned| {
            let signed = |witness: &VerifierKey| matches!(cosigned.by(witness), Ok(Some(_)));
            cosigned.checkpoint.origin == origin && known.iter().any(signed)
        });
        Some(if is_ours { self.size } else { 0 })
    }
}

impl Inner {
    fn declare_witnesses(&self, witnesses: &[String]) -> Result<(), Error> {
        let keys = witness_keys(witnesses)?;
        lock(&self.queue).check()?;
        let mut core = lock(&self.core);
        if core.options.witnesses == witnesses {
            return Ok(());
        }
        core.options.witnesses = witnesses.to_vec();
        core.witnesses = keys;
        // From here on nothing goes that none of them has seen.
        core.cosigned = core.cosigned.or(Some(0));
        core.declaration = Declaration::Owed;
        let mut core = self.end_epoch(core, After::EndEpoch);
        core.settle().inspect_err(|failure| self.stop(failure))?;
        lock(&self.queue).check()
    }

    fn append_witness(&self, note: &str) -> Result<(), Error> {
        lock(&self.queue).check_disk()?;
        let mut core = lock(&self.core);
        let (note, size) = core.check_cosignature(note)?;
        core.keep_cosignature(&note)
            .inspect_err(|failure| self.stop(failure))?;
        if !is_by(&note, &core.options.outside) {
            core.cosigned = core.cosigned.max(Some(size));
        }
        Ok(())
    }
}

impl Core {
    /// The note without what is not ours to keep, and its size.
    fn check_cosignature(&self, note: &str) -> Result<(String, u64), WitnessFault> {
        let cosigned = Cosigned::parse(note).ok_or(WitnessFault::Form)?;
        let checkpoint = &cosigned.checkpoint;
        if checkpoint.origin != self.log.public().name() {
            return Err(WitnessFault::Origin {
                origin: checkpoint.origin.clone(),
            });
        }
        let mut lines = String::new();
        for witness in &self.witnesses {
            match cosigned.by(witness) {
                Ok(None) => {}
                Ok(Some(cosignature)) => lines.push_str(&cosignature.line),
                Err(_) => {
                    return Err(WitnessFault::False {
                        witness: witness.name().to_owned(),
                    });
                }
            }
        }
        if lines.is_empty() {
            return Err(WitnessFault::Unknown);
        }
        let size = checkpoint.size;
        match self.recent.root(size) {
            Some(root) if *root == checkpoint.root => {
                Ok((format!("{}\n{lines}", checkpoint.text()), size))
            }
            Some(_) => Err(WitnessFault::Differs { size }),
            None if size > self.tree.size() => Err(WitnessFault::Differs { size }),
            None => Err(WitnessFault::Late { size }),
        }
    }

    fn keep_cosignature(&mut self, note: &str) -> Result<(), durable::DiskError> {
        let mut line = Vec::new();
        seal::witness_line(note, &mut line);
        line.push(b'\n');
        self.segment.append(&line)
    }

    /// How many entries need not be kept for the witnesses' sake: those that one has cosigned, or
    /// all where none was ever declared.
    pub(super) fn cosigned(&self) -> u64 {
        self.cosigned.unwrap_or(self.tree.size())
    }

    fn latest_seal(&self) -> (u64, String) {
        (self.tree.size(), self.latest_seal.clone())
    }
}
