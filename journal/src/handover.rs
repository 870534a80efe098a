//! The log's secret key changes hands: how that looks on disk, and what a start makes of it.
//!
//! 1. `first-log.vkey` names the key that others registered, if it does not yet.
//! 2. The heir is stored as `log.key.next`.
//! 3. The journal announces it, under a seal by the key before it.
//! 4. `log.key.next` takes the place of `log.key`.
//!
//! Whether 3 came to be, the journal knows: where it did, a start does 4; where it did not, the heir is nobody's.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::durable;
use crate::epoch::decode;
use crate::error::{Action, DiskError, Error};
use crate::identity;
use crate::note::{SignerKey, VerifierKey};

const LOG_KEY: &str = "log.key";
const NEXT: &str = "log.key.next";

/// An heir on disk that is not in its place yet.
pub(crate) struct Handover {
    keys_dir: PathBuf,
}

impl Handover {
    /// Makes the key that comes after `current`, and stores it beside that.
    pub(crate) fn begin(
        keys_dir: &Path,
        current: &VerifierKey,
    ) -> Result<(Self, SignerKey), Error> {
        identity::keep_first_log(keys_dir)?;
        let heir = SignerKey::generate(current.name())?;
        // On disk before it is announced: an announced key that is lost ends the journal.
        durable::replace(&keys_dir.join(NEXT), 0o600, heir.encode().as_bytes())?;
        let keys_dir = keys_dir.to_owned();
        Ok((Self { keys_dir }, heir))
    }

    /// The heir is announced, and sealed: the disk forgets the key before it.
    pub(crate) fn finish(self) -> Result<(), DiskError> {
        durable::rename(&self.keys_dir.join(NEXT), &self.keys_dir.join(LOG_KEY))
    }
}

/// The secret of the key that a journal, read to its end, goes on with.
pub(crate) fn take_up(keys_dir: &Path, announced: &VerifierKey) -> Result<SignerKey, Error> {
    let stored = read(&keys_dir.join(LOG_KEY))?;
    let next = keys_dir.join(NEXT);
    if stored.public() == announced {
        // A key that was never announced, or whose announcement no seal covered.
        durable::remove(&next)?;
        return Ok(stored);
    }
    let heir = match read(&next) {
        Ok(heir) => Some(heir),
        Err(Error::Disk(failure)) if is_missing(&failure) => None,
        Err(error) => return Err(error),
    };
    match heir.filter(|heir| heir.public() == announced) {
        Some(heir) => {
            durable::rename(&next, &keys_dir.join(LOG_KEY))?;
            Ok(heir)
        }
        None => Err(Error::LogKey {
            wanted: announced.to_string(),
            found: stored.public().to_string(),
            dir: keys_dir.to_owned(),
        }),
    }
}

fn is_missing(failure: &DiskError) -> bool {
    failure.action == Action::Open && failure.source.kind() == std::io::ErrorKind::NotFound
}

/// A log's stored secret.
pub(crate) fn read(path: &Path) -> Result<SignerKey, Error> {
    let text = Zeroizing::new(durable::read_small(path)?);
    decode(path, &text)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::identity::Identity;

    struct Keys(tempfile::TempDir);

    impl Keys {
        fn new() -> Self {
            let keys = Self(tempfile::tempdir().unwrap());
            Identity::create(&keys.path(), "o").unwrap();
            keys
        }

        fn path(&self) -> PathBuf {
            self.0.path().join("keys")
        }

        fn current(&self) -> VerifierKey {
            read(&self.path().join(LOG_KEY)).unwrap().public().clone()
        }

        fn has_next(&self) -> bool {
            self.path().join(NEXT).exists()
        }
    }

    #[test]
    fn a_start_finishes_what_the_journal_announced() {
        let keys = Keys::new();
        let (first, identity) = (keys.current(), Identity::open(&keys.path()).unwrap());
        let (_, heir) = Handover::begin(&keys.path(), &first).unwrap();
        let mode = keys.path().join(NEXT).metadata().unwrap().permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
        let taken = take_up(&keys.path(), heir.public()).unwrap();
        assert_eq!(taken.public(), heir.public());
        assert_eq!(&keys.current(), heir.public());
        assert!(!keys.has_next());
        assert_eq!(Identity::open(&keys.path()).unwrap(), identity);
        assert_ne!(identity.log_vkey(), heir.public().to_string());
    }

    #[test]
    fn a_start_forgets_what_the_journal_never_announced() {
        let keys = Keys::new();
        let first = keys.current();
        Handover::begin(&keys.path(), &first).unwrap();
        let taken = take_up(&keys.path(), &first).unwrap();
        assert_eq!(taken.public(), &first);
        assert!(!keys.has_next());
    }

    #[test]
    fn keys_of_before_logs_could_be_handed_over_are_handed_over_too() {
        let keys = Keys::new();
        let identity = Identity::open(&keys.path()).unwrap();
        std::fs::remove_file(keys.path().join("first-log.vkey")).unwrap();
        assert_eq!(Identity::open(&keys.path()).unwrap(), identity);
        for _ in 0..2 {
            let (handover, heir) = Handover::begin(&keys.path(), &keys.current()).unwrap();
            handover.finish().unwrap();
            assert_eq!(&keys.current(), heir.public());
            assert_eq!(Identity::open(&keys.path()).unwrap(), identity);
        }
    }

    #[test]
    fn keys_of_another_time_than_the_journals_are_told() {
        let keys = Keys::new();
        let stranger = SignerKey::generate("o").unwrap();
        for _ in 0..2 {
            let error = take_up(&keys.path(), stranger.public()).map(|_| ());
            let Err(Error::LogKey { wanted, found, .. }) = error else {
                panic!("{error:?}");
            };
            assert_eq!(wanted, stranger.public().to_string());
            assert_eq!(found, keys.current().to_string());
            // Nor does an heir help whom the journal does not know.
            Handover::begin(&keys.path(), &keys.current()).unwrap();
        }
    }
}
