//! Lines on their way: read from the journal, cut into uploads that end with a seal.

use std::path::Path;

use daypass_journal::follow::{SignedCheckpoint, note_of_seal};
use daypass_journal::reader::Copier;
use daypass_journal::tree::Hash;

use crate::trouble::{Contradiction, End, Trouble};

/// Beyond this the buffer is given back when it is empty.
const KEPT: usize = 256 * 1024;

/// So many of our entries are shown to a collector that holds others.
const EVIDENCE: u64 = 1024;

/// The lines behind what the collector holds, as far as they fit.
pub(crate) struct Outgoing {
    copier: Copier,
    bytes: Vec<u8>,
    /// The first entry in `bytes`, or the next to come.
    from: u64,
    /// How many entries were read.
    read: u64,
    /// Whether the copier's line is still to be taken.
    is_held: bool,
    /// Up to the last seal among the bytes.
    sealed: Option<Sealed>,
}

/// A seal, and where it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sealed {
    pub(crate) size: u64,
    pub(crate) root: Hash,
    length: usize,
}

/// What can be sent now.
pub(crate) struct Upload<'a> {
    pub(crate) from: u64,
    pub(crate) lines: &'a [u8],
    pub(crate) sealed: Sealed,
}

impl Outgoing {
    /// Goes on behind the `size` entries with this `root` that the collector holds.
    ///
    /// # Errors
    /// [`Contradiction::Diverged`] when the journal was never sealed like that.
    pub(crate) fn behind(dir: &Path, size: u64, root: &Hash) -> Result<Self, End> {
        let (copier, seal) = Copier::open(dir, size).map_err(Trouble::from)?;
        let ours = seal.as_deref().and_then(SignedCheckpoint::parse);
        if size > 0 && ours.is_none_or(|ours| ours.size != size || ours.root != *root) {
            return Err(Contradiction::Diverged { size }.into());
        }
        Ok(Self {
            copier,
            bytes: Vec::new(),
            from: size,
            read: size,
            is_held: false,
            sealed: None,
        })
    }

    /// The last of our own entries before `size`, and what follows them: evidence for a collector that holds others.
    pub(crate) fn around(dir: &Path, size: u64) -> Result<Self, Trouble> {
        let from = size.saturating_sub(EVIDENCE);
        let (copier, _) = Copier::open(dir, from)?;
        Ok(Self {
            copier,
            bytes: Vec::new(),
            from,
            read: from,
            is_held: false,
            sealed: None,
        })
    }

    /// Reads on, up to entry `horizon`, as far as it fits into `limit` bytes.
    pub(crate) fn fill(&mut self, horizon: u64, limit: usize) -> Result<(), Trouble> {
        while self.is_held || self.copier.advance()? {
            self.is_held = true;
            let line = self.copier.line();
            let is_entry = line.starts_with(b"{\"seq\":") || line.starts_with(b"{\"erased\":");
            if is_entry && self.read >= horizon {
                return Ok(());
            }
            if self.bytes.len() + line.len() + 1 > limit {
                return match self.sealed {
                    Some(_) => Ok(()),
                    None => Err(Trouble::TooLarge {
                        from: self.from,
                        limit,
                    }),
                };
            }
            self.is_held = false;
            self.bytes.extend_from_slice(line);
            self.bytes.push(b'\n');
            self.read += u64::from(is_entry);
            let seal = note_of_seal(line).and_then(|note| SignedCheckpoint::parse(&note));
            if let Some(seal) = seal {
                self.sealed = Some(Sealed {
                    size: seal.size,
                    root: seal.root,
                    length: self.bytes.len(),
                });
            }
        }
        Ok(())
    }

    /// What can be sent now.
    pub(crate) fn upload(&self) -> Option<Upload<'_>> {
        self.sealed.map(|sealed| Upload {
            from: self.from,
            lines: &self.bytes[..sealed.length],
            sealed,
        })
    }

    /// The upload has arrived.
    pub(crate) fn arrived(&mut self) {
        let Some(sealed) = self.sealed.take() else {
            return;
        };
        self.bytes.drain(..sealed.length);
        self.from = sealed.size;
        if self.bytes.is_empty() && self.bytes.capacity() > KEPT {
            self.bytes = Vec::new();
        }
    }
}
