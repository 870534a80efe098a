//! Logs of others, to which this collector is a witness and nothing more (C2SP tlog-witness): it holds none of their
//! entries, and remembers of each the latest checkpoint, so that it never cosigns two pasts.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use daypass_journal::error::KeyFault;
use daypass_journal::follow::SignedCheckpoint;
use daypass_journal::note::{KeyKind, VerifierKey};
use daypass_protocol::digest::{Digest, Pin};
use serde::Deserialize;

use crate::add_checkpoint::{AddCheckpoint, Judgement};
use crate::checkpoints::Mark;
use crate::durable;

const FILE_MODE: u32 = 0o640;

/// A log, as the configuration names it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Stranger {
    /// The first line of its checkpoints.
    pub origin: String,
    /// Its public key, as a vkey.
    pub key: String,
    /// Those that it was handed over to since, as whoever runs it has told.
    #[serde(default)]
    pub later_keys: Vec<String>,
}

/// Why the checkpoint of another's log is not judged.
#[derive(Debug, thiserror::Error)]
pub enum StrangerError {
    /// What is configured is no key.
    #[error("the key of the log {origin} in the configuration cannot be used: {fault}")]
    Key {
        /// Whose.
        origin: String,
        /// What is wrong with it.
        fault: KeyFault,
    },
    /// A witness's key.
    #[error("the key of the log {origin} in the configuration is a witness's, not a log's")]
    Kind {
        /// Whose.
        origin: String,
    },
    /// One origin stands there twice, or is that of a journal of this CA.
    #[error(
        "the log {origin} stands in the configuration twice, or is a journal of this very CA, which sends its entries"
    )]
    Name {
        /// Which.
        origin: String,
    },
    /// What was kept cannot be read, or nothing be kept.
    #[error("{} cannot be {doing}", path.display())]
    Disk {
        /// The file.
        path: PathBuf,
        /// `read` or `written`.
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// What was kept is no checkpoint of that log. Without it nothing may be cosigned: another past might have been.
    #[error("{} does not hold a checkpoint that {origin} signed", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Whose.
        origin: String,
    },
    /// The checkpoint is not signed by the log's key.
    #[error("the checkpoint is not signed by the key of {origin}")]
    NotSigned {
        /// Whose.
        origin: String,
    },
}

/// The latest checkpoint of a log, on disk. Only this file makes one.
#[derive(Clone, Debug)]
pub struct Kept {
    note: String,
}

impl Kept {
    /// The log's own signed note.
    pub fn note(&self) -> &str {
        &self.note
    }
}

/// What became of a checkpoint.
#[derive(Debug)]
pub struct Witnessed {
    /// As the specification orders it.
    pub judgement: Judgement,
    /// What may be cosigned.
    pub kept: Option<Kept>,
}

/// The logs, and what is remembered of each.
pub struct Strangers {
    logs: BTreeMap<String, Log>,
}

struct Log {
    /// The last one is the newest; the latest checkpoint may be older than it.
    keys: Vec<String>,
    path: PathBuf,
    /// Held while a checkpoint is judged and kept: one at a time.
    latest: Mutex<Option<SignedCheckpoint>>,
}

impl Strangers {
    /// Reads what is kept of these logs, none of them of the CA `ca`, in `directory`, which must be there if there are any.
    ///
    /// # Errors
    /// What is configured or kept cannot be used.
    pub fn open(directory: &Path, ca: Pin, logs: &[Stranger]) -> Result<Self, StrangerError> {
        // Journals of this CA are stored, or not cosigned at all.
        let ours = format!("daypass/{}/", ca.short());
        let mut known = BTreeMap::new();
        for stranger in logs {
            let origin = &stranger.origin;
            let fault = |fault| StrangerError::Key {
                origin: origin.clone(),
                fault,
            };
            let keys: Vec<String> = [&stranger.key]
                .into_iter()
                .chain(&stranger.later_keys)
                .cloned()
                .collect();
            for key in &keys {
                let read: VerifierKey = key.parse().map_err(fault)?;
                if read.kind() != KeyKind::Ed25519 {
                    return Err(StrangerError::Kind {
                        origin: origin.clone(),
                    });
                }
            }
            let log = Log {
                path: directory.join(Digest::of(origin).to_string()),
                keys,
                latest: Mutex::default(),
            };
            *log.lock() = log.read(origin)?;
            let is_ours = origin.starts_with(&ours);
            if is_ours || known.insert(origin.clone(), log).is_some() {
                return Err(StrangerError::Name {
                    origin: origin.clone(),
                });
            }
        }
        Ok(Self { logs: known })
    }

    /// Whether checkpoints of this origin are witnessed.
    pub fn knows(&self, origin: &str) -> bool {
        self.logs.contains_key(origin)
    }

    /// Judges a checkpoint, and keeps it where it follows from the latest one.
    ///
    /// # Errors
    /// When the log did not sign it, or it cannot be kept.
    pub fn add(&self, request: &AddCheckpoint) -> Result<Witnessed, StrangerError> {
        let checkpoint = &request.checkpoint;
        let origin = &checkpoint.origin;
        let not_signed = || StrangerError::NotSigned {
            origin: origin.clone(),
        };
        let log = self.logs.get(origin).ok_or_else(not_signed)?;
        if !log.signed(checkpoint) {
            return Err(not_signed());
        }
        let mut latest = log.lock();
        let held = latest.as_ref().map_or(Mark::empty(), |held| Mark {
            size: held.size,
            root: held.root,
        });
        let judgement = match request.judge(&held) {
            // It follows, and entries are not asked for.
            Judgement::EntriesMissing => {
                log.keep(&request.note)?;
                *latest = Some(checkpoint.clone());
                Judgement::Cosign
            }
            judgement => judgement,
        };
        let kept = (judgement == Judgement::Cosign).then(|| Kept {
            note: request.note.clone(),
        });
        Ok(Witnessed { judgement, kept })
    }
}

impl Log {
    fn lock(&self) -> MutexGuard<'_, Option<SignedCheckpoint>> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn signed(&self, checkpoint: &SignedCheckpoint) -> bool {
        self.keys.iter().any(|key| checkpoint.is_signed_by(key))
    }

    fn read(&self, origin: &str) -> Result<Option<SignedCheckpoint>, StrangerError> {
        let note = match std::fs::read_to_string(&self.path) {
            Ok(note) => note,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(self.failed("read", source)),
        };
        let checkpoint = SignedCheckpoint::parse(&note);
        let signed =
            checkpoint.filter(|checkpoint| checkpoint.origin == origin && self.signed(checkpoint));
        signed.map(Some).ok_or_else(|| StrangerError::Damaged {
            path: self.path.clone(),
            origin: origin.to_owned(),
        })
    }

    fn keep(&self, note: &str) -> Result<(), StrangerError> {
        durable::replace(&self.path, FILE_MODE, note.as_bytes())
            .map_err(|source| self.failed("written", source))
    }

    fn failed(&self, doing: &'static str, source: io::Error) -> StrangerError {
        StrangerError::Disk {
            path: self.path.clone(),
            doing,
            source,
        }
    }
}

#[cfg(test)]
mod tests {
    use daypass_journal::identity::Identity;
    use daypass_journal::witness::Witness;

    use super::*;

    fn stranger(origin: &str, key: impl Into<String>) -> Stranger {
        Stranger {
            origin: origin.to_owned(),
            key: key.into(),
            later_keys: Vec::new(),
        }
    }

    fn pin() -> Pin {
        "0123456789abcdef".repeat(4).parse().unwrap()
    }

    fn refused(logs: &[Stranger]) -> String {
        let dir = tempfile::tempdir().unwrap();
        Strangers::open(dir.path(), pin(), logs)
            .map(|_| ())
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn what_cannot_be_a_log_is_refused_with_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let log = Identity::create(&dir.path().join("log"), "example.org/log")
            .unwrap()
            .log_vkey();
        let witness = Witness::create(&dir.path().join("w"), "example.org/w").unwrap();
        let one = stranger("example.org/log", &log);
        assert!(Strangers::open(dir.path(), pin(), std::slice::from_ref(&one)).is_ok());
        assert!(
            refused(&[one.clone(), one])
                .contains("example.org/log stands in the configuration twice")
        );
        assert!(
            refused(&[stranger("daypass/0123456789abcdef/ca/0", &log)]).contains("of this very CA")
        );
        assert!(refused(&[stranger("x", "nonsense")]).contains("the log x"));
        assert!(refused(&[stranger("x", witness.vkey().to_string())]).contains("is a witness's"));
    }

    #[test]
    fn without_what_was_kept_nothing_is_cosigned() {
        let dir = tempfile::tempdir().unwrap();
        let log = Identity::create(&dir.path().join("log"), "example.org/log")
            .unwrap()
            .log_vkey();
        let kept = dir.path().join(Digest::of("example.org/log").to_string());
        std::fs::write(&kept, "torn").unwrap();
        let opened = Strangers::open(dir.path(), pin(), &[stranger("example.org/log", log)]);
        assert!(matches!(opened, Err(StrangerError::Damaged { .. })));
    }
}
