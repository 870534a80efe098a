//! The journal behind the intake.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::Utc;
use daypass_journal::Error;
use daypass_journal::horizon::Horizon;
use daypass_journal::retention::Policy;
use daypass_journal::writer::{Options, Protection, Recovery, Rotated, Writer};

use crate::intake::{Entry, Epoch, Ledger, LedgerFailed, Open, Receipt};

/// This host's journal, open for writing.
pub(crate) struct HostJournal {
    writer: Writer,
    witnesses: Witnesses,
}

/// The witnesses that the journal declares at each start; clones share them.
#[derive(Clone, Default)]
pub struct Witnesses {
    /// Collectors, as the newest state names them.
    collectors: Arc<Mutex<Vec<String>>>,
    /// Those that hold no entries, as the configuration names them.
    outside: Arc<Vec<String>>,
}

impl Witnesses {
    /// The vkeys of collectors, and of `outside` witnesses that hold no entries.
    #[must_use]
    pub fn new(collectors: Vec<String>, outside: Vec<String>) -> Self {
        Self {
            collectors: Arc::new(Mutex::new(collectors)),
            outside: Arc::new(outside),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        self.collectors
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// All of them, with these collectors.
    fn with(&self, collectors: &[String]) -> Vec<String> {
        [collectors, &self.outside].concat()
    }
}

/// Something that opens the journal in `dir` with the keys in `keys`, now and after each failure,
/// and tells what it found.
#[must_use]
pub fn opener(
    dir: PathBuf,
    keys: PathBuf,
    witnesses: Witnesses,
    horizon: Horizon,
    found: impl Fn(Recovery) + Send + Sync + 'static,
) -> Open {
    Box::new(move || {
        let options = Options {
            witnesses: witnesses.with(&witnesses.lock()),
            outside: witnesses.outside.to_vec(),
            horizon: horizon.clone(),
            ..Options::default()
        };
        let (writer, recovery) = open(&dir, &keys, options).map_err(LedgerFailed::Journal)?;
        found(recovery);
        Ok(Arc::new(HostJournal {
            writer,
            witnesses: witnesses.clone(),
        }))
    })
}

fn open(dir: &Path, keys: &Path, options: Options) -> Result<(Writer, Recovery), Error> {
    let options = Options {
        protection: Protection::AppendOnly,
        ..options
    };
    Writer::open(dir, keys, options)
}

impl HostJournal {
    /// Of a writer that a test has opened.
    #[cfg(test)]
    pub(crate) fn of(writer: Writer) -> Self {
        Self {
            writer,
            witnesses: Witnesses::default(),
        }
    }
}

impl Ledger for HostJournal {
    fn append(&self, events: &[Box<Entry>], epoch: Epoch) -> Vec<Result<Receipt, LedgerFailed>> {
        let appended = match epoch {
            Epoch::Continues => self.writer.append_all(events),
            Epoch::Ends => self.writer.append_all_ending_epoch(events),
        };
        let answer = |answer| match answer {
            Ok(daypass_journal::writer::Receipt { seq, time }) => Ok(Receipt { seq, time }),
            Err(error @ Error::Event(_)) => Err(LedgerFailed::Event(error)),
            Err(error) => Err(LedgerFailed::Journal(error)),
        };
        appended.into_iter().map(answer).collect()
    }

    fn keep_text(&self, text: &[u8]) -> Result<(), Error> {
        self.writer.keep_blob(text).map(drop)
    }

    fn keep_cosignature(&self, note: &str) -> Result<(), Error> {
        self.writer.append_witness(note)
    }

    fn declare_witnesses(&self, keys: &[String]) -> Result<(), Error> {
        self.writer.declare_witnesses(&self.witnesses.with(keys))?;
        *self.witnesses.lock() = keys.to_vec();
        Ok(())
    }

    fn retire(&self, policy: &Policy) -> Result<(), LedgerFailed> {
        policy
            .apply(&self.writer, Utc::now(), "agent.toml")
            .map(drop)
            .map_err(LedgerFailed::Journal)
    }

    fn erase(&self, entries: &[u64], by: &str, reason: &str) -> Result<Receipt, LedgerFailed> {
        let receipt = self.writer.erase(entries, by, reason);
        let receipt = receipt.map_err(LedgerFailed::Journal)?;
        Ok(Receipt {
            seq: receipt.seq,
            time: receipt.time,
        })
    }

    fn rotate_log_key(&self, by: &str) -> Result<Rotated, LedgerFailed> {
        self.writer
            .rotate_log_key(by)
            .map_err(LedgerFailed::Journal)
    }

    fn close(&self) -> Result<(), LedgerFailed> {
        self.writer.clone().close().map_err(LedgerFailed::Journal)
    }
}
