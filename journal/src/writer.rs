//! The one writer of a journal.
//!
//! Many callers may append at once. The first to arrive while a commit is under way leads the next
//! one: it waits for its turn, takes along everybody who joined meanwhile, and answers all of them
//! after one `write` and one `fdatasync` of their entries and one seal. A caller on its own never
//! waits for company.

use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::chain::Interruption;
use crate::error::{Error, KeyFault};
use crate::horizon::Horizon;
use crate::note::{KeyKind, VerifierKey};

mod batch;
mod blobs;
mod core;
mod erase;
mod group;
mod keeper;
mod log_key;
pub(crate) mod retire;
mod start;
mod witness;

#[cfg(test)]
mod faults;
#[cfg(test)]
mod tests;

pub use crate::durable::Protection;
use blobs::Blobs;
use core::Core;
use group::{After, Queue};
use keeper::Keeper;
pub use log_key::Rotated;
pub use retire::{Retention, Retired};

/// How a journal is written.
#[derive(Clone, Debug)]
pub struct Options {
    /// The vkeys of the witnesses that this journal is to be cosigned by, declared at each start;
    /// [`Writer::declare_witnesses`] changes them.
    pub witnesses: Vec<String>,
    /// Those of them that hold no entries: what they alone have cosigned is kept.
    pub outside: Vec<String>,
    /// Whether segments can only grow, by an attribute of the file system.
    pub protection: Protection,
    /// A segment is ended before it grows beyond this many bytes.
    pub segment_bytes: u64,
    /// An epoch ends after this many entries,
    pub epoch_entries: u64,
    /// or after this time, if anything was sealed in it.
    pub epoch_age: Duration,
    /// The log's key is handed over to a new one when it is so old.
    pub log_key_age: Duration,
    /// Moved after each commit; keep a clone to know how far the journal is on disk.
    pub horizon: Horizon,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            witnesses: Vec::new(),
            outside: Vec::new(),
            protection: Protection::default(),
            segment_bytes: 16 * 1024 * 1024,
            epoch_entries: 1 << 16,
            epoch_age: Duration::from_secs(60 * 60),
            log_key_age: log_key::AGE,
            horizon: Horizon::default(),
        }
    }
}

/// The most witnesses that a journal may declare: two keys of each of eight collectors, whose keys are being renewed, and as
/// many that hold no entries.
pub const WITNESS_LIMIT: usize = 32;

/// The keys of declared witnesses.
fn witness_keys(witnesses: &[String]) -> Result<Vec<VerifierKey>, Error> {
    let count = witnesses.len();
    if count > WITNESS_LIMIT {
        return Err(Error::Witnesses {
            count,
            limit: WITNESS_LIMIT,
        });
    }
    let key = |text: &String| {
        let witness = |fault| Error::Witness {
            text: text.clone(),
            fault,
        };
        let key: VerifierKey = text.parse().map_err(witness)?;
        match key.kind() {
            KeyKind::Cosignature => Ok(key),
            KeyKind::Ed25519 => Err(witness(KeyFault::Kind { byte: 1 })),
        }
    };
    witnesses.iter().map(key).collect()
}

/// That an entry is durable and sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The entry's sequence number.
    pub seq: u64,
    /// The entry's time.
    pub time: DateTime<Utc>,
}

/// What was found when the journal was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// How many entries were sealed before.
    pub sealed: u64,
    /// Whether the last writer stopped cleanly (or never wrote).
    pub clean: bool,
    /// What crashes left behind, oldest first; each is recorded by an entry.
    pub interruptions: Vec<Torn>,
}

/// The unsealed end of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Torn {
    /// The segment's file name.
    pub segment: String,
    /// Where the torn part begins, in bytes.
    pub offset: u64,
    /// Its length in bytes; 0 when the last line is whole.
    pub length: u64,
    /// The first whole entry that no seal covered,
    pub unproven_first: u64,
    /// and how many there were; they are kept.
    pub unproven: u64,
}

impl From<&Interruption> for Torn {
    fn from(interruption: &Interruption) -> Self {
        Self {
            segment: interruption.segment.clone(),
            offset: interruption.torn.offset,
            length: interruption.torn.length,
            unproven_first: interruption.unproven.first,
            unproven: interruption.unproven.count,
        }
    }
}

/// The writer; clones write to the same journal.
#[derive(Clone)]
pub struct Writer {
    handle: Arc<Handle>,
}

/// Stops the keeper when the last clone is gone.
struct Handle {
    inner: Arc<Inner>,
    keeper: Mutex<Option<Keeper>>,
}

struct Inner {
    queue: Mutex<Queue>,
    core: Mutex<Core>,
    /// Signalled when the current epoch's key is forgotten by the disk, or will never be.
    prepared: Condvar,
    /// Wakes the keeper.
    wake: Condvar,
    duty: Mutex<keeper::Duty>,
    /// Before the keeper does what nobody waits for.
    rest: Duration,
    epoch_age: Duration,
    blobs: Blobs,
    /// Held by whoever replaces segments.
    housekeeping: Mutex<()>,
    /// Held by whoever hands the log's key over.
    handover: Mutex<()>,
}

/// A panic of another thread left no half-made state: every change is made after the last step that
/// can fail, and a failed commit stops the writer.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Writer {
    /// Opens the journal in `dir` for writing, with the keys in `keys_dir`; both stay this writer's
    /// alone. A directory that is not there is made (its parent must be); an empty one becomes a
    /// journal.
    ///
    /// What a crash left is kept and recorded, never rewritten. Every start begins a new epoch.
    ///
    /// # Errors
    ///
    /// [`Error::InUse`] when another process writes it, [`Error::Damaged`] when what is there is not
    /// what was sealed, [`Error::LogKey`] and [`Error::EpochKey`] when keys and journal are not of the same time, and
    /// whatever the disk refused.
    pub fn open(dir: &Path, keys_dir: &Path, options: Options) -> Result<(Self, Recovery), Error> {
        Self::open_resting(dir, keys_dir, options, keeper::REST)
    }

    fn open_resting(
        dir: &Path,
        keys_dir: &Path,
        options: Options,
        rest: Duration,
    ) -> Result<(Self, Recovery), Error> {
        let witnesses = witness_keys(&options.witnesses)?;
        let epoch_age = options.epoch_age;
        let (core, recovery) = start::start(dir, keys_dir, options, witnesses)?;
        let inner = Arc::new(Inner {
            queue: Mutex::default(),
            core: Mutex::new(core),
            prepared: Condvar::new(),
            wake: Condvar::new(),
            duty: Mutex::default(),
            rest,
            epoch_age,
            blobs: Blobs::of(dir),
            housekeeping: Mutex::default(),
            handover: Mutex::default(),
        });
        let keeper = Keeper::spawn(&inner).map_err(crate::durable::failed(
            crate::error::Action::Open,
            Path::new("a thread for the epoch keys"),
        ))?;
        let handle = Handle {
            inner,
            keeper: Mutex::new(Some(keeper)),
        };
        let writer = Self {
            handle: Arc::new(handle),
        };
        Ok((writer, recovery))
    }

    /// Appends an event, any value that serializes to a JSON object, and returns once it is sealed
    /// and on disk.
    ///
    /// # Errors
    ///
    /// [`Error::Event`] when the event is not taken, after which the journal goes on;
    /// [`Error::Disk`] when the disk failed, and [`Error::Stopped`] ever after.
    pub fn append(&self, event: &impl Serialize) -> Result<Receipt, Error> {
        self.handle.inner.append(event, After::GoOn)
    }

    /// Appends as [`Writer::append`] does, and returns after the key that sealed the entry was
    /// wiped from memory and disk: nobody can seal another past for it any more.
    ///
    /// # Errors
    ///
    /// As for [`Writer::append`].
    pub fn append_ending_epoch(&self, event: &impl Serialize) -> Result<Receipt, Error> {
        self.handle.inner.append(event, After::EndEpoch)
    }

    /// Appends events together, in this order and in one commit, and returns once all are sealed and on disk; each has
    /// an answer of its own.
    ///
    /// # Errors
    ///
    /// As for [`Writer::append`]. One that is not taken keeps none of the others out.
    pub fn append_all<E: Serialize>(&self, events: &[E]) -> Vec<Result<Receipt, Error>> {
        self.handle.inner.append_all(events, After::GoOn)
    }

    /// Appends as [`Writer::append_all`] does, and ends the epoch as [`Writer::append_ending_epoch`] does.
    ///
    /// # Errors
    ///
    /// As for [`Writer::append_all`].
    pub fn append_all_ending_epoch(
        &self,
        events: &[impl Serialize],
    ) -> Vec<Result<Receipt, Error>> {
        self.handle.inner.append_all(events, After::EndEpoch)
    }

    /// Writes the closing entry and its seal; other clones can append nothing after it.
    ///
    /// # Errors
    ///
    /// As for [`Writer::append`].
    pub fn close(self) -> Result<(), Error> {
        self.handle.stop_keeper();
        self.handle.inner.close()
    }
}

impl Handle {
    fn stop_keeper(&self) {
        if let Some(keeper) = lock(&self.keeper).take() {
            keeper.stop(&self.inner);
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.stop_keeper();
    }
}
