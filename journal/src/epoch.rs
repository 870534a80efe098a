//! Keys that forget: the key of the current epoch in locked memory, the next ones on disk.
//!
//! The file `epoch.keys` holds one or two secret keys. While epoch *e* is prepared it holds *e* and *e + 1*; once the
//! opening of *e* is sealed, *e + 2* is written over *e*. From then on the secret of *e* exists in memory only, and *e*
//! can end at any moment without waiting for the disk.

mod slots;

use std::path::Path;

use crate::error::{Error, KeyFault};
use crate::note::{SecretFault, SignerKey, VerifierKey};
use crate::seal::epoch_key_name;
use slots::Slots;

/// The keys of the current epoch and of those after it.
pub(crate) struct Keyring {
    slots: Slots,
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
        Slots::within(keys_dir).make([(0, &first)])?;
        Ok(first.public().clone())
    }

    /// Takes up the keys at the start of `epoch`, whose public key the journal announced.
    pub(crate) fn open(
        keys_dir: &Path,
        origin: &str,
        epoch: u64,
        announced: &VerifierKey,
    ) -> Result<Self, Error> {
        let slots = Slots::within(keys_dir);
        let mut found = slots.read()?;
        let mut take = |wanted: u64| {
            let name = epoch_key_name(origin, wanted);
            let mut keys = found.keys.iter();
            let place = keys.position(|stored| stored.key.public().name() == name)?;
            Some(found.keys.swap_remove(place))
        };
        let (current, next) = (take(epoch), take(epoch + 1));
        let Some(current) = current else {
            let others = next.iter().chain(&found.keys);
            let mut seen: Vec<_> = others.map(|stored| stored.key.public().name()).collect();
            if found.is_damaged {
                seen.push("what is no key");
            }
            return Err(Error::EpochKey {
                wanted: epoch,
                path: slots.path().to_owned(),
                found: match seen.len() {
                    0 => "no key".to_owned(),
                    _ => seen.join(" and "),
                },
            });
        };
        if current.key.public() != announced {
            return Err(Error::EpochKeyDiffers { epoch });
        }
        let is_next_new = next.is_none();
        let next = match next {
            Some(next) => next.key,
            None => SignerKey::generate(&epoch_key_name(origin, epoch + 1))?,
        };
        // On disk before it is announced: an announced key that is lost ends the journal.
        slots.secure(epoch, &current, &next, &found, is_next_new)?;
        Ok(Self {
            slots,
            origin: origin.to_owned(),
            epoch,
            current: current.key,
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
            slots: self.slots.clone(),
            epoch: self.epoch + 2,
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

/// The key that takes the place of the current one on disk, not stored yet.
pub(crate) struct Preparation {
    slots: Slots,
    epoch: u64,
    spare: SignerKey,
}

/// Proof that the disk has forgotten the current key and knows the two after it.
pub(crate) struct Stored(SignerKey);

impl Preparation {
    /// Puts the key in its place.
    pub(crate) fn store(self) -> Result<Stored, Error> {
        self.slots.put(self.epoch, &self.spare)?;
        Ok(Stored(self.spare))
    }
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
    use std::os::unix::fs::MetadataExt as _;

    use nix::errno::Errno;

    use super::*;
    use crate::durable::{Action, fault};

    fn on_disk(dir: &Path) -> Vec<String> {
        let found = Slots::within(dir).read().unwrap();
        let names = found.keys.iter().map(|stored| stored.key.public().name());
        let mut names: Vec<_> = names.map(str::to_owned).collect();
        names.sort();
        names
    }

    /// The keys of epochs 0 and 1, and of 0 the public one.
    fn begun(dir: &Path) -> (Keyring, VerifierKey) {
        let first = Keyring::create(dir, "o").unwrap();
        (Keyring::open(dir, "o", 0, &first).unwrap(), first)
    }

    #[test]
    fn the_current_key_is_on_disk_only_until_it_is_prepared() {
        let dir = tempfile::tempdir().unwrap();
        let (mut keyring, _) = begun(dir.path());
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

    #[test]
    fn a_key_that_is_forgotten_is_overwritten_in_its_place_and_the_other_is_not_touched() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("epoch.keys");
        let (mut keyring, first) = begun(dir.path());
        let held = std::fs::File::open(&path).unwrap();
        let secret = keyring.current.encode();
        let holds = |what: &str| std::fs::read_to_string(&path).unwrap().contains(what);
        assert!(holds(&secret));
        for _ in 0..3 {
            let next = keyring.next.encode();
            keyring.prepared(keyring.preparation().unwrap().store().unwrap());
            assert!(!holds(&secret) && holds(&next));
            assert!(keyring.advance());
        }
        // The same blocks of the disk, which a new file would leave as they are.
        let (now, then) = (path.metadata().unwrap(), held.metadata().unwrap());
        assert_eq!((now.ino(), now.len()), (then.ino(), 2 * 4096));
        assert_eq!(on_disk(dir.path()), ["o/epoch/3", "o/epoch/4"]);
        assert!(Keyring::open(dir.path(), "o", 0, &first).is_err());
        let announced = keyring.current.public();
        let again = Keyring::open(dir.path(), "o", 3, announced).unwrap();
        assert_eq!(again.next(), keyring.next());
        assert_eq!(path.metadata().unwrap().ino(), now.ino());
    }

    #[test]
    fn what_a_torn_write_leaves_keeps_nobody_from_the_other_key() {
        for torn in 0..400 {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("epoch.keys");
            let (mut keyring, _) = begun(dir.path());
            let before = std::fs::read(&path).unwrap();
            let preparation = keyring.preparation().unwrap();
            keyring.prepared(preparation.store().unwrap());
            let mut bytes = std::fs::read(&path).unwrap();
            bytes[torn..].copy_from_slice(&before[torn..]);
            std::fs::write(&path, bytes).unwrap();
            let next = keyring.next().clone();
            let again = Keyring::open(dir.path(), "o", 1, &next).unwrap();
            assert_eq!(again.current().public(), &next, "torn at {torn}");
            assert_eq!(on_disk(dir.path()), ["o/epoch/1", "o/epoch/2"]);
        }
    }

    /// The file as earlier versions kept it.
    fn in_lines(path: &Path, keys: &[&SignerKey]) {
        let lines = keys.iter().map(|key| key.encode().to_string() + "\n");
        std::fs::write(path, lines.collect::<String>()).unwrap();
    }

    #[test]
    fn the_file_of_an_earlier_version_is_taken_over() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("epoch.keys");
        let (keyring, _) = begun(dir.path());
        for keys in [vec![&keyring.next], vec![&keyring.next, &keyring.current]] {
            in_lines(&path, &keys);
            let old = std::fs::File::open(&path).unwrap();
            let mut again = Keyring::open(dir.path(), "o", 1, keyring.next()).unwrap();
            let left = std::io::read_to_string(old).unwrap();
            assert!(
                left.len() > 50 && left.chars().all(|char| char == '\n'),
                "{left}"
            );
            again.prepared(again.preparation().unwrap().store().unwrap());
            assert_eq!(on_disk(dir.path()), ["o/epoch/2", "o/epoch/3"]);
        }
    }

    #[test]
    fn whatever_fails_while_it_is_taken_over_the_next_start_goes_on() {
        let actions = [
            (Action::Create, 1),
            // Of the new file, and over the old one.
            (Action::Write, 2),
            (Action::Sync, 2),
            (Action::Rename, 1),
            (Action::SyncDirectory, 1),
        ];
        for (action, times) in actions {
            for after in 0..times {
                let dir = tempfile::tempdir().unwrap();
                let (keyring, _) = begun(dir.path());
                in_lines(&dir.path().join("epoch.keys"), &[&keyring.next]);
                let open = || Keyring::open(dir.path(), "o", 1, keyring.next());
                fault::plan(dir.path(), action, after, Errno::EIO);
                assert!(open().is_err(), "{action} {after}");
                assert!(open().is_ok(), "{action} {after}");
                assert_eq!(on_disk(dir.path()), ["o/epoch/1", "o/epoch/2"]);
            }
            let dir = tempfile::tempdir().unwrap();
            let (keyring, _) = begun(dir.path());
            in_lines(&dir.path().join("epoch.keys"), &[&keyring.next]);
            fault::plan(dir.path(), action, times, Errno::EIO);
            assert!(Keyring::open(dir.path(), "o", 1, keyring.next()).is_ok());
            assert!(fault::withdraw(dir.path()), "{action} more often");
        }
    }

    #[test]
    fn a_damaged_file_is_told_as_such() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("epoch.keys");
        let (_, first) = begun(dir.path());
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[20] = 0xff;
        std::fs::write(&path, bytes).unwrap();
        let error = Keyring::open(dir.path(), "o", 0, &first).map(|_| ());
        let Err(Error::EpochKey { found, .. }) = error else {
            panic!("{error:?}");
        };
        assert_eq!(found, "o/epoch/1 and what is no key");
    }
}
