//! Cosigning: the collector's word that it holds every entry of a checkpoint. While the key is being renewed, both keys give
//! it.

mod files;
pub mod renewal;
mod steps;

use std::path::Path;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use daypass_journal::Error;
use daypass_journal::witness::Witness as Key;
use daypass_protocol::time::Time;
use daypass_protocol::witness_key::{Reason, SignedWitnessSuccession, Step, WitnessSuccession};

use crate::clock::Now;
use crate::keep::Durable;
use crate::strangers::Kept;
use files::Files;
pub use files::{Named, WitnessError};
pub use steps::stands_alone;

/// The witness keys, and what they may sign.
pub struct Witness {
    files: Files,
    held: RwLock<Held>,
}

struct Held {
    current: Key,
    /// The key that comes after it, once it was named.
    heir: Option<Key>,
    /// By what the last of them was named; nothing names the first one.
    named: Option<Named>,
}

/// A checkpoint with our cosignatures below it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Cosignature {
    note: String,
}

impl Cosignature {
    /// The signed note: the checkpoint and the cosignatures; what a journal keeps as a witness line.
    pub fn note(&self) -> &str {
        &self.note
    }

    /// The signatures' lines alone, newlines included; what C2SP tlog-witness answers.
    pub fn lines(&self) -> &str {
        lines_of(&self.note)
    }
}

/// What the key at `path` said of the one that comes after it, while that is being renewed; for whoever only looks.
///
/// # Errors
/// When a file beside it is damaged.
pub fn under_way(path: &Path) -> Result<Option<WitnessSuccession>, WitnessError> {
    let named = Files::at(path).under_way()?;
    Ok(named.map(|named| named.said))
}

fn lines_of(note: &str) -> &str {
    note.rsplit_once("\n\n").map_or("", |(_, lines)| lines)
}

impl Witness {
    /// Makes a key named `name` at `path`.
    ///
    /// # Errors
    /// What the disk or the kernel refused.
    pub fn create(path: &Path, name: &str) -> Result<Self, Error> {
        let held = Held {
            current: Key::create(path, name)?,
            heir: None,
            named: None,
        };
        Ok(Self::of(path, held))
    }

    /// Reads what is stored at `path` and beside it, and drops what a crash left of a renewal that had not begun.
    ///
    /// # Errors
    /// When it is missing or damaged.
    pub fn open(path: &Path) -> Result<Self, WitnessError> {
        let files = Files::at(path);
        let current = Key::open(path)?;
        let (heir, named) = files.heir_of(&current)?;
        let held = Held {
            current,
            heir,
            named,
        };
        Ok(Self::of(path, held))
    }

    fn of(path: &Path, held: Held) -> Self {
        Self {
            files: Files::at(path),
            held: RwLock::new(held),
        }
    }

    /// The public key, as hosts and auditors know it.
    pub fn vkey(&self) -> String {
        self.held().current.vkey().to_string()
    }

    /// The public key that comes after it, while it is being renewed.
    pub fn heir(&self) -> Option<String> {
        let held = self.held();
        held.heir.as_ref().map(|heir| heir.vkey().to_string())
    }

    /// Every key that cosigns: the one of before first.
    pub fn vkeys(&self) -> Vec<String> {
        let held = self.held();
        let keys = std::iter::once(&held.current).chain(&held.heir);
        keys.map(|key| key.vkey().to_string()).collect()
    }

    /// By what the newest key was named, and how the CA is told; `None` where it is the first one.
    pub fn named(&self) -> Option<Named> {
        self.held().named.clone()
    }

    /// Makes the key that comes after this one, and stores it with what this one says of it, before anybody hears of either.
    /// `say` writes that down for the two keys. Nothing happens where there is an heir already.
    ///
    /// # Errors
    /// What the disk or the kernel refused; then the key of before goes on alone.
    pub fn name_heir(
        &self,
        say: impl FnOnce(String, String) -> WitnessSuccession,
    ) -> Result<(), WitnessError> {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        if held.heir.is_none() {
            let (heir, named) = self.files.name_heir(&held.current, say)?;
            (held.heir, held.named) = (Some(heir), Some(named));
        }
        Ok(())
    }

    /// What the newest key says once it is to stand alone; `None` where it is the first one.
    pub fn last_word(&self, reason: Reason, time: Time) -> Option<SignedWitnessSuccession> {
        let held = self.held();
        let key = held.heir.as_ref().unwrap_or(&held.current);
        let said = WitnessSuccession {
            step: Step::Ends,
            reason,
            time,
            ..held.named.as_ref()?.said.clone()
        };
        Some(said.sign(|text| key.vouch(text)))
    }

    /// The heir takes the key's place, which is forgotten here. Nothing happens where there is none.
    ///
    /// # Errors
    /// What the disk refused; then both go on.
    pub fn take_over(&self) -> Result<(), WitnessError> {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        if held.heir.is_some() {
            self.files.take_over()?;
        }
        if let Some(heir) = held.heir.take() {
            held.current = heir;
        }
        Ok(())
    }

    /// Cosigns the checkpoint of another's log, once it is kept that no other of its size ever will be; `None` as below.
    pub fn cosign_stranger(&self, kept: &Kept, now: Now) -> Option<Cosignature> {
        self.cosigned(kept.note(), now)
    }

    /// Cosigns what is durable; `None` when the seal stored is no checkpoint, which no verified seal is.
    pub fn cosign(&self, durable: &Durable, now: Now) -> Option<Cosignature> {
        self.cosigned(durable.seal(), now)
    }

    fn cosigned(&self, note: &str, now: Now) -> Option<Cosignature> {
        let held = self.held();
        let mut cosigned = held.current.cosign(note, now.seconds())?;
        if let Some(heir) = &held.heir {
            cosigned.push_str(lines_of(&heir.cosign(note, now.seconds())?));
        }
        Some(Cosignature { note: cosigned })
    }

    fn held(&self) -> RwLockReadGuard<'_, Held> {
        self.held.read().unwrap_or_else(PoisonError::into_inner)
    }
}
