//! Cosigning: the collector's word that it holds every entry of a checkpoint.

use std::path::Path;

use daypass_journal::Error;
use daypass_journal::witness::Witness as Key;

use crate::clock::Now;
use crate::keep::Durable;
use crate::strangers::Kept;

/// The witness key, and what it may sign.
pub struct Witness {
    key: Key,
}

/// A checkpoint with our cosignature below it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Cosignature {
    note: String,
}

impl Cosignature {
    /// The signed note: the checkpoint and the cosignature; what a journal keeps as a witness line.
    pub fn note(&self) -> &str {
        &self.note
    }

    /// The signature's line alone, newline included; what C2SP tlog-witness answers.
    pub fn line(&self) -> &str {
        self.note.rsplit_once("\n\n").map_or("", |(_, line)| line)
    }
}

impl Witness {
    /// Makes a key named `name` at `path`.
    ///
    /// # Errors
    /// What the disk or the kernel refused.
    pub fn create(path: &Path, name: &str) -> Result<Self, Error> {
        Key::create(path, name).map(|key| Self { key })
    }

    /// Reads the key that [`Witness::create`] stored.
    ///
    /// # Errors
    /// When it is missing or damaged.
    pub fn open(path: &Path) -> Result<Self, Error> {
        Key::open(path).map(|key| Self { key })
    }

    /// The public key, as hosts and auditors know it.
    pub fn vkey(&self) -> String {
        self.key.vkey().to_string()
    }

    /// Cosigns the checkpoint of another's log, once it is kept that no other of its size ever will be; `None` as below.
    pub fn cosign_stranger(&self, kept: &Kept, now: Now) -> Option<Cosignature> {
        let note = self.key.cosign(kept.note(), now.seconds())?;
        Some(Cosignature { note })
    }

    /// Cosigns what is durable; `None` when the seal stored is no checkpoint, which no verified seal is.
    pub fn cosign(&self, durable: &Durable, now: Now) -> Option<Cosignature> {
        let note = self.key.cosign(durable.seal(), now.seconds())?;
        Some(Cosignature { note })
    }
}
