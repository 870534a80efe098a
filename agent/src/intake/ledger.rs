//! What the intake writes to.

use std::io;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use daypass_journal::retention::Policy;
use daypass_journal::writer::Rotated;
use serde_json::value::RawValue;

/// Where an entry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Its sequence number in this host's journal.
    pub seq: u64,
    /// The time that it carries.
    pub time: DateTime<Utc>,
}

/// What follows an entry in the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Epoch {
    /// The same epoch.
    Continues,
    /// A new one: the key that sealed the entry is wiped before anybody is answered.
    Ends,
}

/// An event as it will stand in the journal, after the head of its line.
pub type Entry = RawValue;

/// A journal that could not be opened or written.
#[derive(Debug, thiserror::Error)]
pub enum LedgerFailed {
    /// This event is not taken; the journal goes on.
    #[error("the journal does not take this event: {0}")]
    Event(#[source] daypass_journal::Error),
    /// The journal takes nothing any more until it is opened again.
    #[error("the journal failed: {0}")]
    Journal(#[source] daypass_journal::Error),
    /// There is no thread to write it.
    #[error("no thread for the journal: {0}")]
    Thread(#[source] io::Error),
    /// A test broke it.
    #[cfg(test)]
    #[error("broken for a test")]
    Broken,
}

/// What the intake writes to: the journal, or a stand-in that fails on demand.
pub trait Ledger: Send + Sync {
    /// Appends events, in this order, and returns once they are durable; the epoch is that of the last.
    ///
    /// # Errors
    /// One for each; but for [`LedgerFailed::Event`], the journal must be opened again.
    fn append(&self, events: &[Box<Entry>], epoch: Epoch) -> Vec<Result<Receipt, LedgerFailed>>;

    /// Keeps a text, for the next entry that names it, and returns once it is durable; a ledger without files has no place.
    ///
    /// # Errors
    /// It is not kept; the journal goes on.
    fn keep_text(&self, text: &[u8]) -> Result<(), daypass_journal::Error> {
        let _ = text;
        Err(daypass_journal::Error::Closed)
    }

    /// Keeps a collector's cosignature.
    ///
    /// # Errors
    /// It is not taken, or the journal takes nothing.
    fn keep_cosignature(&self, note: &str) -> Result<(), daypass_journal::Error>;

    /// Names the witnesses that are expected from here on.
    ///
    /// # Errors
    /// They are none, or the journal takes nothing.
    fn declare_witnesses(&self, keys: &[String]) -> Result<(), daypass_journal::Error>;

    /// Retires what `policy` says; a ledger without files has nothing to retire.
    ///
    /// # Errors
    /// It stays; the journal goes on.
    fn retire(&self, policy: &Policy) -> Result<(), LedgerFailed> {
        let _ = policy;
        Ok(())
    }

    /// Erases entries: says `by` whom and for what `reason`, and returns where that stands.
    ///
    /// # Errors
    /// None of them is erased, or the disk failed half-way; the next start goes on then.
    fn erase(&self, entries: &[u64], by: &str, reason: &str) -> Result<Receipt, LedgerFailed> {
        let _ = (entries, by, reason);
        Err(LedgerFailed::Journal(daypass_journal::Error::Closed))
    }

    /// Hands the log over to a new key, as somebody asks for; a ledger without keys has none.
    ///
    /// # Errors
    /// It keeps its key, or the disk failed half-way; the next start goes on then.
    fn rotate_log_key(&self, by: &str) -> Result<Rotated, LedgerFailed> {
        let _ = by;
        Err(LedgerFailed::Journal(daypass_journal::Error::Closed))
    }

    /// Closes the journal with a closing seal.
    ///
    /// # Errors
    /// The closing seal is not durable.
    fn close(&self) -> Result<(), LedgerFailed>;
}

/// Opens, or after a failure reopens, the journal.
pub type Open = Box<dyn Fn() -> Result<Arc<dyn Ledger>, LedgerFailed> + Send + Sync>;
