//! The trust file: the keys to verify with. They never come from the journal's own directory.

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::durable::{self, DiskError};
use crate::entry::Head;
use crate::error::KeyFault;
use crate::log_keys::{Heir, LogKeys};
use crate::note::{KeyKind, VerifierKey};
use crate::own::Own;
use crate::proof::Proof;
use crate::seal::epoch_key_name;

/// Why a trust file is none.
#[derive(Debug, Error)]
pub enum TrustError {
    /// It cannot be read.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// It is not TOML of the form expected; the message names line and key.
    #[error("not a trust file: {0}")]
    Toml(#[from] toml::de::Error),
    /// A key in it is no key.
    #[error("the key {text:?}: {fault}")]
    Key {
        /// What stands there.
        text: String,
        /// What is wrong with it.
        fault: KeyFault,
    },
    /// A key in it is another's.
    #[error("the key {text:?} stands where a key named {expected:?} belongs")]
    Name {
        /// What stands there.
        text: String,
        /// The name that the key must have.
        expected: String,
    },
    /// A log's later keys are not in the order in which it had them.
    #[error("the key {text:?} stands behind one that came later")]
    Order {
        /// What stands there.
        text: String,
    },
}

/// A journal and the keys that were registered for it before its first entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedLog {
    pub(crate) log: VerifierKey,
    pub(crate) first_epoch: VerifierKey,
    /// The keys that it was handed over to, oldest first, where somebody has learned them: for checkpoints that stand
    /// without their journal.
    later: Vec<LaterKey>,
}

/// A log's later key.
#[derive(Clone, Debug, PartialEq, Eq)]
struct LaterKey {
    key: VerifierKey,
    /// The entry that handed the log over to it, the last under its seal.
    entry: u64,
}

impl TrustedLog {
    /// The journal's origin.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.log.name()
    }

    /// Takes a log's key and that of its epoch 0, as vkeys.
    ///
    /// # Errors
    ///
    /// [`TrustError::Key`] and [`TrustError::Name`].
    pub fn new(log_key: &str, epoch_key: &str) -> Result<Self, TrustError> {
        let log = key(log_key, KeyKind::Ed25519)?;
        let first_epoch = key(epoch_key, KeyKind::Ed25519)?;
        let expected = epoch_key_name(log.name(), 0);
        if first_epoch.name() != expected {
            return Err(TrustError::Name {
                text: epoch_key.to_owned(),
                expected,
            });
        }
        Ok(Self {
            log,
            first_epoch,
            later: Vec::new(),
        })
    }

    /// Adds a key (vkey) that entry `entry` handed the log over to: it signs the checkpoints behind that entry's own.
    ///
    /// # Errors
    ///
    /// [`TrustError::Key`], [`TrustError::Name`], and [`TrustError::Order`] where it stands before one that came later.
    pub fn with_later_key(mut self, text: &str, entry: u64) -> Result<Self, TrustError> {
        let key = key(text, KeyKind::Ed25519)?;
        if key.name() != self.origin() {
            return Err(TrustError::Name {
                text: text.to_owned(),
                expected: self.origin().to_owned(),
            });
        }
        if self.later.last().is_some_and(|last| last.entry >= entry) {
            return Err(TrustError::Order {
                text: text.to_owned(),
            });
        }
        self.later.push(LaterKey { key, entry });
        Ok(self)
    }

    /// The same log with the keys that its journal says it was handed over to.
    pub(crate) fn with_heirs_of(&self, keys: &LogKeys) -> Self {
        let later = |heir: &Heir| {
            let entry = heir.announced?;
            let key = heir.key.clone();
            Some(LaterKey { key, entry })
        };
        Self {
            later: keys.later().iter().filter_map(later).collect(),
            ..self.clone()
        }
    }

    /// The same log, with the key that the entry `leaf` hands it over to: `None` where it is no such entry, or not proven to
    /// be the last one under a seal of the key before. That seal needs no witness: it is this log's word about itself.
    #[must_use]
    pub fn following(&self, leaf: &[u8], proof: &Proof) -> Option<Self> {
        let event = Head::parse(leaf)?.own_event()?;
        let Ok(Some(Own::LogKey(to))) = Own::parse(&event) else {
            return None;
        };
        let proven = proof.check(leaf, self, &[]).ok()?;
        let is_last = proven.size == proof.index.checked_add(1)?;
        let later = is_last.then(|| self.clone().with_later_key(&to.log_key, proof.index));
        later?.ok()
    }

    /// The key that signs a checkpoint of so many entries.
    pub(crate) fn key_at(&self, size: u64) -> &VerifierKey {
        let mut later = self.later.iter().rev();
        let later = later.find(|later| later.entry.saturating_add(1) < size);
        later.map_or(&self.log, |later| &later.key)
    }
}

/// Whom to believe.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    /// Journals that can be verified.
    pub logs: Vec<TrustedLog>,
    /// Witnesses whose cosignatures count.
    pub witnesses: Vec<VerifierKey>,
    /// The pin of the CA, for those who check certificates and rosters.
    pub pin: Option<String>,
    /// The keys with which the CA signs certificates, as OpenSSH writes them.
    pub user_ca: Vec<String>,
}

/// The file as TOML has it.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    log: Vec<FileLog>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    witness: Vec<FileWitness>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ca: Option<FileCa>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct FileLog {
    origin: String,
    log_key: String,
    epoch_key: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    later: Vec<FileLater>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct FileLater {
    key: String,
    entry: u64,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct FileWitness {
    key: String,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct FileCa {
    pin: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    user_ca: Vec<String>,
}

impl Trust {
    /// Reads a trust file.
    ///
    /// # Errors
    ///
    /// See [`TrustError`].
    pub fn read(path: &Path) -> Result<Self, TrustError> {
        Self::parse(&durable::read_small(path)?)
    }

    /// Reads a trust file's text.
    ///
    /// # Errors
    ///
    /// See [`TrustError`].
    pub fn parse(text: &str) -> Result<Self, TrustError> {
        let file: File = toml::from_str(text)?;
        let log = |log: FileLog| {
            let trusted = TrustedLog::new(&log.log_key, &log.epoch_key)?;
            if trusted.origin() != log.origin {
                return Err(TrustError::Name {
                    text: log.log_key,
                    expected: log.origin,
                });
            }
            let mut later = log.later.iter();
            later.try_fold(trusted, |trusted, later| {
                trusted.with_later_key(&later.key, later.entry)
            })
        };
        let witness = |witness: FileWitness| key(&witness.key, KeyKind::Cosignature);
        Ok(Self {
            logs: file.log.into_iter().map(log).collect::<Result<_, _>>()?,
            witnesses: file
                .witness
                .into_iter()
                .map(witness)
                .collect::<Result<_, _>>()?,
            pin: file.ca.as_ref().map(|ca| ca.pin.clone()),
            user_ca: file.ca.map(|ca| ca.user_ca).unwrap_or_default(),
        })
    }
}

impl fmt::Display for Trust {
    /// The trust file's text.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let later = |later: &LaterKey| FileLater {
            key: later.key.to_string(),
            entry: later.entry,
        };
        let log = |log: &TrustedLog| FileLog {
            origin: log.origin().to_owned(),
            log_key: log.log.to_string(),
            epoch_key: log.first_epoch.to_string(),
            later: log.later.iter().map(later).collect(),
        };
        let witness = |key: &VerifierKey| FileWitness {
            key: key.to_string(),
        };
        let file = File {
            log: self.logs.iter().map(log).collect(),
            witness: self.witnesses.iter().map(witness).collect(),
            ca: self.pin.clone().map(|pin| FileCa {
                pin,
                user_ca: self.user_ca.clone(),
            }),
        };
        out.write_str(&toml::to_string(&file).map_err(|_| fmt::Error)?)
    }
}

fn key(text: &str, kind: KeyKind) -> Result<VerifierKey, TrustError> {
    let bad = |fault| TrustError::Key {
        text: text.to_owned(),
        fault,
    };
    let key: VerifierKey = text.parse().map_err(bad)?;
    if key.kind() != kind {
        return Err(bad(KeyFault::Kind {
            byte: key.kind().byte(),
        }));
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::note::SignerKey;

    fn vkeys() -> (String, String, String) {
        let vkey = |name: &str| SignerKey::generate(name).unwrap().public().clone();
        let witness = vkey("w").as_kind(KeyKind::Cosignature);
        (
            vkey("o").to_string(),
            vkey("o/epoch/0").to_string(),
            witness.to_string(),
        )
    }

    #[test]
    fn a_trust_file_goes_there_and_back() {
        let (log, epoch, witness) = vkeys();
        let text = format!(
            "[[log]]\norigin = \"o\"\nlog_key = \"{log}\"\nepoch_key = \"{epoch}\"\n\n\
             [[witness]]\nkey = \"{witness}\"\n\n[ca]\npin = \"SHA256:x\"\n"
        );
        let trust = Trust::parse(&text).unwrap();
        assert_eq!(trust.to_string(), text);
        let text = text + "user_ca = [\"ssh-ed25519 AAAA\"]\n";
        assert_eq!(Trust::parse(&text).unwrap().to_string(), text);
    }

    #[test]
    fn keys_in_the_wrong_place_are_refused() {
        let (log, epoch, witness) = vkeys();
        for (origin, log, epoch) in [
            ("other", &log, &epoch),
            ("o", &epoch, &epoch),
            ("o", &log, &log),
            ("o", &witness, &epoch),
        ] {
            let text = format!(
                "[[log]]\norigin = \"{origin}\"\nlog_key = \"{log}\"\nepoch_key = \"{epoch}\"\n"
            );
            assert!(Trust::parse(&text).is_err(), "{text}");
        }
        let text = format!("[[witness]]\nkey = \"{log}\"\n");
        assert!(Trust::parse(&text).is_err());
    }

    #[test]
    fn a_logs_later_keys_count_behind_their_entry() {
        let (log, epoch, _) = vkeys();
        let (second, third) = (vkeys().0, vkeys().0);
        let text = format!(
            "[[log]]\norigin = \"o\"\nlog_key = \"{log}\"\nepoch_key = \"{epoch}\"\n\n\
             [[log.later]]\nkey = \"{second}\"\nentry = 6\n\n\
             [[log.later]]\nkey = \"{third}\"\nentry = 11\n"
        );
        let trust = Trust::parse(&text).unwrap();
        assert_eq!(trust.to_string(), text);
        let key_at = |size| trust.logs[0].key_at(size).to_string();
        for (size, key) in [
            (1, &log),
            (7, &log),
            (8, &second),
            (12, &second),
            (13, &third),
        ] {
            assert_eq!(&key_at(size), key, "{size}");
        }
        for (from, to) in [("entry = 11", "entry = 6"), (&*third, &*epoch)] {
            let text = text.replace(from, to);
            assert!(Trust::parse(&text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_unknown_key_is_an_error_that_names_it() {
        let error = Trust::parse("[[lgo]]\norigin = \"o\"\n").unwrap_err();
        assert!(error.to_string().contains("lgo"), "{error}");
    }
}
