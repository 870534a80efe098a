//! The CA's own journal: every decision is an entry in it, durable before it is answered.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use daypass_journal::erasure::{self, MOST_RUNS};
use daypass_journal::horizon::Horizon;
use daypass_journal::reader::{Line, Reader};
use daypass_journal::retention::Policy;
use daypass_journal::writer::{Options, Retired, Rotated, Writer};
use serde_json::{Value, json};

use crate::layout::Layout;

/// Bytes of entries that one look takes along at most.
const LOOK: usize = 4 * 1024 * 1024;

/// The journal, open for writing.
pub struct Ledger {
    writer: Writer,
    horizon: Horizon,
    directory: PathBuf,
    reached: AtomicU64,
}

/// Why an entry could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The journal.
    #[error("the CA's journal failed")]
    Journal(#[from] daypass_journal::Error),
    /// An event that is no JSON object.
    #[error("an event could not be written as JSON")]
    Event(#[from] serde_json::Error),
}

impl Ledger {
    /// Opens the journal for writing, to be cosigned by these witnesses; nobody else can until it is closed.
    ///
    /// # Errors
    /// When another process writes it, or the disk refuses.
    pub fn open(layout: &Layout, witnesses: Vec<String>) -> Result<Self, LedgerError> {
        let directory = layout.journal();
        let horizon = Horizon::default();
        let options = Options {
            witnesses,
            horizon: horizon.clone(),
            ..Options::default()
        };
        let (writer, recovery) = Writer::open(&directory, &layout.journal_keys(), options)?;
        if !recovery.clean {
            tracing::warn!(
                sealed = recovery.sealed,
                "the last run did not stop cleanly; the journal says what it left behind"
            );
        }
        Ok(Self {
            writer,
            horizon,
            directory,
            reached: AtomicU64::new(recovery.sealed),
        })
    }

    /// Appends an event and returns when it is durable.
    ///
    /// # Errors
    /// When it is not: then nothing that it is about may be answered.
    pub fn record(&self, event: &Value) -> Result<(), LedgerError> {
        let receipt = self.writer.append(event)?;
        self.reached.fetch_max(receipt.seq + 1, Ordering::SeqCst);
        Ok(())
    }

    /// A number that no entry which is recorded from now on is below.
    pub fn reached(&self) -> u64 {
        self.reached.load(Ordering::SeqCst)
    }

    /// How many entries it has: none that is recorded from now on has a lower number.
    pub fn sealed(&self) -> u64 {
        self.writer.latest_seal().0
    }

    /// Keeps a text that is too long for an entry, and returns its hash, by which an entry names it, once it is durable.
    ///
    /// # Errors
    /// When it is not.
    pub fn keep(&self, text: &[u8]) -> Result<String, LedgerError> {
        Ok(self.writer.keep_blob(text)?)
    }

    /// Appends an event that was committed before a crash, marked as such.
    ///
    /// # Errors
    /// As [`Ledger::record`].
    pub fn record_late(&self, text: &str) -> Result<(), LedgerError> {
        let mut event: Value = serde_json::from_str(text)?;
        if let Some(event) = event.as_object_mut()
            && let Some(detail) = event
                .entry("detail")
                .or_insert_with(|| json!({}))
                .as_object_mut()
        {
            detail.insert("recovered".to_owned(), Value::Bool(true));
        }
        self.record(&event)
    }

    /// Entries from sequence number `since` on, `limit` at most, exact lines.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn entries(&self, since: u64, limit: usize) -> Result<Vec<String>, LedgerError> {
        let mut entries = Vec::new();
        let mut length = 0;
        for line in Reader::open_at(&self.directory, since)? {
            let Line::Entry { seq, bytes } = line? else {
                continue;
            };
            if seq < since {
                continue;
            }
            length += bytes.len();
            if entries.len() == limit || length > LOOK {
                break;
            }
            // Our own entries are JSON, hence UTF-8.
            entries.push(String::from_utf8_lossy(&bytes).into_owned());
        }
        Ok(entries)
    }

    /// Names the witnesses that are to cosign it from here on; nothing happens when they are the same.
    ///
    /// # Errors
    /// When that does not become durable.
    pub fn declare(&self, witnesses: &[String]) -> Result<(), LedgerError> {
        Ok(self.writer.declare_witnesses(witnesses)?)
    }

    /// Keeps a cosignature as a witness line.
    ///
    /// # Errors
    /// When it is none, or the disk refuses.
    pub fn keep_cosignature(&self, note: &str) -> Result<(), daypass_journal::Error> {
        self.writer.append_witness(note)
    }

    /// How far it is on disk, for whoever forwards it.
    pub fn horizon(&self) -> Horizon {
        self.horizon.clone()
    }

    /// Retires old segments that end before entry `keep_from` as `policy` says; others go on recording meanwhile.
    ///
    /// # Errors
    /// When they cannot be archived, or the disk refuses.
    pub(crate) fn retire(
        &self,
        policy: &Policy,
        keep_from: u64,
    ) -> Result<Option<Retired>, LedgerError> {
        let now = SystemTime::now().into();
        Ok(policy.apply_below(keep_from, &self.writer, now, "ca.toml")?)
    }

    /// Erases entries; the numbers of those that say so, in order. Their hashes stay, and with them every proof.
    ///
    /// # Errors
    /// When one of them cannot be erased, or the disk refuses; what was said to be erased by then is.
    pub fn erase(
        &self,
        entries: &BTreeSet<u64>,
        by: &str,
        reason: &str,
    ) -> Result<Vec<u64>, LedgerError> {
        let mut said_by = Vec::new();
        for runs in erasure::runs(entries).chunks(MOST_RUNS) {
            let numbers: Vec<u64> = runs
                .iter()
                .flat_map(|(first, last)| *first..=*last)
                .collect();
            said_by.push(self.writer.erase(&numbers, by, reason)?.seq);
        }
        Ok(said_by)
    }

    /// Hands the journal over to a new log key, which `by` asked for.
    ///
    /// # Errors
    /// When it has had as many as can be, or the disk refuses.
    pub fn rotate_log_key(&self, by: &str) -> Result<Rotated, LedgerError> {
        Ok(self.writer.rotate_log_key(by)?)
    }

    /// Where it is.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Writes the closing seal; nothing can be recorded, hence nothing decided, after it.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn close(&self) -> Result<(), LedgerError> {
        Ok(self.writer.clone().close()?)
    }
}
