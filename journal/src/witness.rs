//! A witness's own side: cosigning checkpoints. The collector uses it; so do tests.

use std::path::Path;

use zeroize::Zeroizing;

use crate::cosignature::{Cosigned, signed_text};
use crate::durable;
use crate::epoch::decode;
use crate::error::Error;
use crate::note::{KeyKind, SignerKey, VerifierKey};

/// A key that cosigns.
pub struct Witness {
    key: SignerKey,
}

impl Witness {
    /// Makes a key with this name and stores it at `path` (0600).
    ///
    /// # Errors
    ///
    /// What the disk or the kernel refused.
    pub fn create(path: &Path, name: &str) -> Result<Self, Error> {
        let key = SignerKey::generate(name)?;
        durable::replace(path, 0o600, key.encode().as_bytes())?;
        Ok(Self { key })
    }

    /// Reads the key that [`Witness::create`] stored.
    ///
    /// # Errors
    ///
    /// [`Error::Disk`] or [`Error::Key`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        let text = Zeroizing::new(durable::read_small(path)?);
        let key = decode(path, &text)?;
        Ok(Self { key })
    }

    /// The public key, a vkey of type `0x04`.
    #[must_use]
    pub fn vkey(&self) -> VerifierKey {
        self.key.public().as_kind(KeyKind::Cosignature)
    }

    /// Cosigns the checkpoint in `note` as of `time` (seconds since the epoch), whatever signatures
    /// it has: checking them, and the consistency with what was cosigned before, is the caller's
    /// duty. Returns the checkpoint with the cosignature alone, the content of a witness line;
    /// `None` when `note` is no signed checkpoint.
    #[must_use]
    pub fn cosign(&self, note: &str, time: u64) -> Option<String> {
        let text = Cosigned::parse(note)?.checkpoint.text();
        let signature = self.key.signature(&signed_text(time, &text));
        let mut bytes = time.to_be_bytes().to_vec();
        bytes.extend_from_slice(&signature);
        Some(format!("{text}\n{}", self.vkey().signature_line(&bytes)))
    }
}
