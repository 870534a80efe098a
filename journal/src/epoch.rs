//! Keys that forget: the key of the current epoch in locked memory, the next ones on disk.
//!
//! The file `epoch.keys` holds one or two secret keys, one on a line. While epoch *e* is prepared
//! it holds *e* and *e + 1*; once the opening of *e* is sealed it is replaced by one with *e + 1*
//! and *e + 2*. From then on the secret of *e* exists in memory only, and *e* can end at any moment
//! without waiting for the disk.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::durable;
use crate::error::{Error, KeyFault};
use crate::note::{SecretFault, SignerKey, VerifierKey};
use crate::seal::epoch_key_name;

const FILE: &str = "epoch.keys";

/// The keys of the current epoch and of those after it.
pub(crate) struct Keyring {
    path: PathBuf,
    origin: String,
    epoch: u64,
    current: SignerKey,
    next: SignerKey,
    /// The key after the next; there is one exactly when the disk has forgotten the current key.
    spare: Option<SignerKey>,
}

impl Keyring {
    /// Makes the key of epoch 0 and stores it.
    pub(crate) fn create(keys_dir: &Path, origin: &str) -> Result<VerifierKey, Error> {
        let first = SignerKey::generate(&epoch_key_name(origin, 0))?;
        durable::replace(&keys_dir.join(FILE), 0o600, lines([&first]).as_bytes())?;
        Ok(first.public().clone())
    }

    /// Takes up the keys at the start of `epoch`, whose public key the journal announced.
    pub(crate) fn open(
        keys_dir: &Path,
        origin: &str,
        epoch: u64,
        announced: &VerifierKey,
    ) -> Result<Self, Error> {
        let path = keys_dir.join(FILE);
        let mut stored = read(&path)?;
        let mut found = Vec::new();
        let mut take = |wanted: u64| {
            let name = epoch_key_name(origin, wanted);
            let place = stored.iter().position(|key| key.public().name() == name)?;
            Some(stored.swap_remove(place))
        };
        let (current, next) = (take(epoch), take(epoch + 1));
        for key in current.iter().chain(&next).chain(&stored) {
            found.push(key.public().name().to_owned());
        }
        let Some(current) = current else {
            return Err(Error::EpochKey {
                wanted: epoch,
                path,
                found: match found.len() {
                    0 => "no key".to_owned(),
                    _ => found.join(" and "),
                },
            });
        };
        if current.public() != announced {
            return Err(Error::EpochKeyDiffers { epoch });
        }
        let next = match next {
            Some(next) => next,
            None => SignerKey::generate(&epoch_key_name(origin, epoch + 1))?,
        };
        // On disk before it is announced: an announced key that is lost ends the journal.
        durable::replace(&path, 0o600, lines([&current, &next]).as_bytes())?;
        Ok(Self {
            path,
            origin: origin.to_owned(),
            epoch,
            current,
            next,
            spare: None,
        })
    }

    /// The number of the current epoch.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The key that seals now.
    pub(crate) fn current(&self) -> &SignerKey {
        &self.current
    }

    /// The public key of the epoch after this one.
    pub(crate) fn next(&self) -> &VerifierKey {
        self.next.public()
    }

    /// Whether the current key exists in memory only, so that ending the epoch forgets it.
    pub(crate) fn is_prepared(&self) -> bool {
        self.spare.is_some()
    }

    /// What [`Preparation::store`] needs, so that it can run while commits go on.
    pub(crate) fn preparation(&self) -> Result<Preparation, Error> {
        let spare = SignerKey::generate(&epoch_key_name(&self.origin, self.epoch + 2))?;
        Ok(Preparation {
            path: self.path.clone(),
            lines: lines([&self.next, &spare]),
            spare,
        })
    }

    /// Takes the key that was stored; the epoch must not have advanced meanwhile, and cannot have:
    /// it advances only when prepared.
    pub(crate) fn prepared(&mut self, stored: Stored) {
        self.spare = Some(stored.0);
    }

    /// Forgets the current key and goes on with the next; `false`, and nothing is done, while the
    /// disk still knows the current one.
    pub(crate) fn advance(&mut self) -> bool {
        let Some(spare) = self.spare.take() else {
            return false;
        };
        let next = std::mem::replace(&mut self.next, spare);
        // Dropping a key wipes it.
        self.current = next;
        self.epoch += 1;
        true
    }
}

/// The keys file of the time when the current key is forgotten, not stored yet.
pub(crate) struct Preparation {
    path: PathBuf,
    lines: Zeroizing<String>,
    spare: SignerKey,
}

/// Proof that the disk has forgotten the current key and knows the two after it.
pub(crate) struct Stored(SignerKey);

impl Preparation {
    /// Puts the file in place.
    pub(crate) fn store(self) -> Result<Stored, Error> {
        durable::replace(&self.path, 0o600, self.lines.as_bytes())?;
        Ok(Stored(self.spare))
    }
}

fn lines<const N: usize>(keys: [&SignerKey; N]) -> Zeroizing<String> {
    let encoded = keys.map(SignerKey::encode);
    let length = encoded.iter().map(|key| key.len() + 1).sum();
    let mut text = Zeroizing::new(String::with_capacity(length));
    for key in &encoded {
        text.push_str(key);
        text.push('\n');
    }
    text
}

fn read(path: &Path) -> Result<Vec<SignerKey>, Error> {
    let text = Zeroizing::new(durable::read_small(path)?);
    text.lines().map(|line| decode(path, line)).collect()
}

/// Reads a stored secret key; `path` is for the error.
pub(crate) fn decode(path: &Path, line: &str) -> Result<SignerKey, Error> {
    SignerKey::decode(line).map_err(|fault| match fault {
        SecretFault::Key(fault) => key_error(path, fault),
        SecretFault::Memory(source) => Error::Memory { source },
    })
}

pub(crate) fn key_error(path: &Path, fault: KeyFault) -> Error {
    Error::Key {
        path: path.to_owned(),
        fault,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on_disk(dir: &Path) -> Vec<String> {
        let keys = read(&dir.join(FILE)).unwrap();
        keys.iter()
            .map(|key| key.public().name().to_owned())
            .collect()
    }

    #[test]
    fn the_current_key_is_on_disk_only_until_it_is_prepared() {
        let dir = tempfile::tempdir().unwrap();
        let first = Keyring::create(dir.path(), "o").unwrap();
        let mut keyring = Keyring::open(dir.path(), "o", 0, &first).unwrap();
        assert_eq!(on_disk(dir.path()), ["o/epoch/0", "o/epoch/1"]);
        assert!(!keyring.advance());
        let stored = keyring.preparation().unwrap().store().unwrap();
        keyring.prepared(stored);
        assert_eq!(on_disk(dir.path()), ["o/epoch/1", "o/epoch/2"]);
        let next = keyring.next().clone();
        assert!(keyring.advance());
        assert_eq!(keyring.current().public(), &next);
        assert_eq!(keyring.epoch(), 1);
        assert!(!keyring.is_prepared());
    }

    #[test]
    fn keys_of_another_time_are_told() {
        let dir = tempfile::tempdir().unwrap();
        let first = Keyring::create(dir.path(), "o").unwrap();
        let error = Keyring::open(dir.path(), "o", 4, &first).map(|_| ());
        let Err(Error::EpochKey { wanted, found, .. }) = error else {
            panic!("{error:?}");
        };
        assert_eq!((wanted, found.as_str()), (4, "o/epoch/0"));
    }

    #[test]
    fn a_key_that_was_not_announced_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        Keyring::create(dir.path(), "o").unwrap();
        let other = SignerKey::generate("o/epoch/0").unwrap();
        assert!(matches!(
            Keyring::open(dir.path(), "o", 0, other.public()),
            Err(Error::EpochKeyDiffers { epoch: 0 })
        ));
    }
}
