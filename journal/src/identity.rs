//! Who a journal is: its origin and the keys that others register before its first entry.
//!
//! A directory of keys (0700) holds
//!
//! | file | mode | content |
//! |---|---|---|
//! | `log.key` | 0600 | the log's secret key as it is now; its name is the origin |
//! | `log.key.next` | 0600 | the one that it is being handed over to, for that moment |
//! | `first-log.vkey` | 0644 | public key of the log when it was made, for trust files |
//! | `epoch.keys` | 0600 | secret keys of the epochs to come |
//! | `first-epoch.vkey` | 0644 | public key of epoch 0, for trust files |

use std::path::Path;

use zeroize::Zeroizing;

use crate::durable;
use crate::encoding::hex;
use crate::epoch::{Keyring, decode, key_error};
use crate::error::Error;
use crate::note::{SignerKey, VerifierKey, check_name};

const LOG_KEY: &str = "log.key";
const FIRST_LOG: &str = "first-log.vkey";
const FIRST_EPOCH: &str = "first-epoch.vkey";

/// Room that epoch key names need beyond the origin: `/epoch/` and 20 digits.
const EPOCH_SUFFIX: &str = "/epoch/18446744073709551615";

/// The public identity of a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    log: VerifierKey,
    first_epoch: VerifierKey,
}

impl Identity {
    /// Makes the keys of a new journal in `keys_dir`, which is made if need be (its parent must be
    /// there).
    ///
    /// # Errors
    ///
    /// [`Error::IdentityExists`] when there are keys already, [`Error::Origin`] when the origin
    /// cannot name a journal, else what the disk or the kernel refused.
    pub fn create(keys_dir: &Path, origin: &str) -> Result<Self, Error> {
        check_name(&format!("{origin}{EPOCH_SUFFIX}"))
            .and_then(|()| check_name(origin))
            .map_err(|fault| Error::Origin {
                origin: origin.to_owned(),
                fault,
            })?;
        durable::make_dir(keys_dir, 0o700)?;
        let log_path = keys_dir.join(LOG_KEY);
        if log_path.exists() {
            return Err(Error::IdentityExists {
                dir: keys_dir.to_owned(),
            });
        }
        let first_epoch = Keyring::create(keys_dir, origin)?;
        let text = format!("{first_epoch}\n");
        durable::replace(&keys_dir.join(FIRST_EPOCH), 0o644, text.as_bytes())?;
        let log = SignerKey::generate(origin)?;
        let text = format!("{}\n", log.public());
        durable::replace(&keys_dir.join(FIRST_LOG), 0o644, text.as_bytes())?;
        // Last: while it is missing there is no identity, and creating starts over.
        durable::replace(&log_path, 0o600, log.encode().as_bytes())?;
        Ok(Self {
            log: log.public().clone(),
            first_epoch,
        })
    }

    /// Reads the identity that [`Identity::create`] made.
    ///
    /// # Errors
    ///
    /// [`Error::Disk`] when a file is missing, [`Error::Key`] when it holds no key.
    pub fn open(keys_dir: &Path) -> Result<Self, Error> {
        Ok(Self {
            log: first_log_key(keys_dir)?,
            first_epoch: public_key(&keys_dir.join(FIRST_EPOCH))?,
        })
    }

    /// The origin: the journal's name, and that of its log key.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.log.name()
    }

    /// The public key that the log was made with, as a C2SP vkey. Later ones, the journal itself names.
    #[must_use]
    pub fn log_vkey(&self) -> String {
        self.log.to_string()
    }

    /// The public key of epoch 0, as a C2SP vkey.
    #[must_use]
    pub fn epoch_vkey(&self) -> String {
        self.first_epoch.to_string()
    }

    pub(crate) fn log(&self) -> &VerifierKey {
        &self.log
    }

    pub(crate) fn first_epoch(&self) -> &VerifierKey {
        &self.first_epoch
    }
}

/// 16 random hexadecimal digits: the last part of an origin, another one after each new start from
/// nothing.
///
/// # Errors
///
/// [`Error::Random`] when the kernel gives no random bytes.
pub fn fresh_incarnation() -> Result<String, Error> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|source| Error::Random { source })?;
    Ok(hex(&bytes))
}

/// The log's first key. Where no file names it, the log was made before keys were handed over, and has its first one still.
fn first_log_key(keys_dir: &Path) -> Result<VerifierKey, Error> {
    let named = keys_dir.join(FIRST_LOG);
    if named.exists() {
        return public_key(&named);
    }
    let path = keys_dir.join(LOG_KEY);
    let text = Zeroizing::new(durable::read_small(&path)?);
    Ok(decode(&path, &text)?.public().clone())
}

/// Has a file name the log's first key, before another one comes.
pub(crate) fn keep_first_log(keys_dir: &Path) -> Result<(), Error> {
    let named = keys_dir.join(FIRST_LOG);
    if !named.exists() {
        let text = format!("{}\n", first_log_key(keys_dir)?);
        durable::replace(&named, 0o644, text.as_bytes())?;
    }
    Ok(())
}

fn public_key(path: &Path) -> Result<VerifierKey, Error> {
    let text = durable::read_small(path)?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    text.parse().map_err(|fault| key_error(path, fault))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn an_identity_is_created_once_and_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let keys = dir.path().join("keys");
        let made = Identity::create(&keys, "daypass/00/host/db1/01").unwrap();
        assert_eq!(Identity::open(&keys).unwrap(), made);
        assert_eq!(made.origin(), "daypass/00/host/db1/01");
        assert!(made.log_vkey().starts_with("daypass/00/host/db1/01+"));
        assert!(
            made.epoch_vkey()
                .starts_with("daypass/00/host/db1/01/epoch/0+")
        );
        assert!(matches!(
            Identity::create(&keys, "other"),
            Err(Error::IdentityExists { .. })
        ));
    }

    #[test]
    fn nobody_else_may_read_the_secrets() {
        let dir = tempfile::tempdir().unwrap();
        let keys = dir.path().join("keys");
        Identity::create(&keys, "o").unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&keys), 0o700);
        assert_eq!(mode(&keys.join(LOG_KEY)), 0o600);
        assert_eq!(mode(&keys.join("epoch.keys")), 0o600);
    }

    #[test]
    fn an_origin_that_breaks_lines_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        for origin in ["", "a b", "a\nb", &"o".repeat(240)] {
            let made = Identity::create(&dir.path().join("keys"), origin);
            assert!(matches!(made, Err(Error::Origin { .. })), "{origin:?}");
        }
    }
}
