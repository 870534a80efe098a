//! The file of secret epoch keys: two slots, one for even epochs and one for odd ones. A key takes the slot of the one two
//! epochs before it, by one write in its place: what has the disk forget a key brings the new one as well, and touches no
//! other. A power cut that tears this write leaves a slot with neither; the forgotten one is not needed any more, the new
//! one was not announced yet.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::durable;
use crate::error::{DiskError, Error};
use crate::note::{SecretFault, SignerKey};

const FILE: &str = "epoch.keys";
/// Disks write no larger pieces at once, so that a torn write harms one slot only; what a larger block of a file system
/// brings along of the other one is what is there. What a key leaves of its slot is newlines: all that the key before it wrote
/// is overwritten.
const SLOT: usize = 4096;

/// Where the keys are.
#[derive(Clone)]
pub(super) struct Slots(PathBuf);

/// What is found there.
pub(super) struct Found {
    pub(super) keys: Vec<Stored>,
    /// Whether there is something else, as a torn write leaves it.
    pub(super) is_damaged: bool,
    length: usize,
}

/// A key that is found there.
pub(super) struct Stored {
    pub(super) key: SignerKey,
    offset: usize,
}

impl Slots {
    pub(super) fn within(keys_dir: &Path) -> Self {
        Self(keys_dir.join(FILE))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// A new file with these keys, of different parity, in place of any other.
    pub(super) fn make<const N: usize>(
        &self,
        keys: [(u64, &SignerKey); N],
    ) -> Result<(), DiskError> {
        let mut text = Zeroizing::new(vec![b'\n'; 2 * SLOT]);
        for (epoch, key) in keys {
            let at = place(epoch);
            text[at..at + SLOT].copy_from_slice(&slot(key));
        }
        durable::supplant(&self.0, 0o600, &text)
    }

    /// Puts the key of `epoch` over that of the epoch two before it.
    pub(super) fn put(&self, epoch: u64, key: &SignerKey) -> Result<(), DiskError> {
        durable::overwrite(&self.0, place(epoch) as u64, &slot(key))
    }

    /// Has both keys on disk, that of `epoch` and the next: what is there already is not written again, since it may
    /// have been announced.
    pub(super) fn secure(
        &self,
        epoch: u64,
        current: &Stored,
        next: &SignerKey,
        found: &Found,
        is_next_new: bool,
    ) -> Result<(), DiskError> {
        if found.length != 2 * SLOT || current.offset != place(epoch) {
            // One line after the other, as earlier versions kept them.
            return self.make([(epoch, &current.key), (epoch + 1, next)]);
        }
        match is_next_new {
            true => self.put(epoch + 1, next),
            // A process that was killed may have written it and not waited for the disk.
            false => durable::sync(&self.0),
        }
    }

    pub(super) fn read(&self) -> Result<Found, Error> {
        let text = durable::read_bytes(&self.0).map(Zeroizing::new)?;
        let mut found = Found {
            keys: Vec::new(),
            is_damaged: false,
            length: text.len(),
        };
        let mut end = 0;
        for line in text.split(|byte| *byte == b'\n') {
            let offset = end;
            end += line.len() + 1;
            match std::str::from_utf8(line).map(SignerKey::decode) {
                _ if line.is_empty() => {}
                Ok(Ok(key)) => found.keys.push(Stored { key, offset }),
                Ok(Err(SecretFault::Memory(source))) => return Err(Error::Memory { source }),
                Ok(Err(SecretFault::Key(_))) | Err(_) => found.is_damaged = true,
            }
        }
        Ok(found)
    }
}

/// The offset of an epoch's slot.
fn place(epoch: u64) -> usize {
    match epoch % 2 {
        0 => 0,
        _ => SLOT,
    }
}

/// A key as its slot has it: no name is long enough not to fit.
fn slot(key: &SignerKey) -> Zeroizing<Vec<u8>> {
    // On the heap: an array would leave copies behind where it is moved.
    let mut slot = Zeroizing::new(vec![b'\n'; SLOT]);
    let line = key.encode();
    slot[..line.len()].copy_from_slice(line.as_bytes());
    slot
}
