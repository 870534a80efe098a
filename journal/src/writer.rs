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
use crate::entry::Event;
use crate::error::{DiskError, Error, KeyFault};
use crate::horizon::Horizon;
use crate::note::{KeyKind, VerifierKey};

mod batch;
mod blobs;
mod core;
mod erase;
mod keeper;
pub(crate) mod retire;
mod start;
mod witness;

#[cfg(test)]
mod faults;
#[cfg(test)]
mod tests;

pub use crate::durable::Protection;
use batch::{Open, Shared};
use core::Core;
use keeper::Keeper;
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
            horizon: Horizon::default(),
        }
    }
}

/// The most witnesses that a journal may declare.
pub const WITNESS_LIMIT: usize = 16;

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

/// What happens to the epoch after an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    GoOn,
    EndEpoch,
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
    epoch_age: Duration,
    blobs: Mutex<blobs::Blobs>,
    /// Held by whoever replaces segments.
    housekeeping: Mutex<()>,
}

#[derive(Default)]
struct Queue {
    open: Option<Open>,
    stopped: Option<DiskError>,
    closed: bool,
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
    /// what was sealed, [`Error::EpochKey`] when keys and journal are not of the same time, and
    /// whatever the disk refused.
    pub fn open(dir: &Path, keys_dir: &Path, options: Options) -> Result<(Self, Recovery), Error> {
        let witnesses = witness_keys(&options.witnesses)?;
        let epoch_age = options.epoch_age;
        let (core, recovery) = start::start(dir, keys_dir, options, witnesses)?;
        let inner = Arc::new(Inner {
            queue: Mutex::default(),
            core: Mutex::new(core),
            prepared: Condvar::new(),
            wake: Condvar::new(),
            duty: Mutex::default(),
            epoch_age,
            blobs: Mutex::default(),
            housekeeping: Mutex::default(),
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

    /// Keeps a text too long for an entry, whatever its bytes, and returns its SHA-256 in
    /// hexadecimal once it is on disk. Append the entry that names it afterwards.
    ///
    /// # Errors
    ///
    /// [`Error::BlobTooLong`] over [`crate::blob::BLOB_LIMIT`] bytes, else what the disk refused;
    /// the journal goes on in either case.
    pub fn keep_blob(&self, bytes: &[u8]) -> Result<String, Error> {
        let dir = lock(&self.handle.inner.core).dir.clone();
        // One at a time: two callers may bring the same text.
        lock(&self.handle.inner.blobs).keep(&dir, bytes)
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

impl Inner {
    fn append(&self, event: &impl Serialize, after: After) -> Result<Receipt, Error> {
        let event = Event::of_caller(event)?;
        let blob = match lock(&self.blobs).owes() {
            true => event.blob(),
            false => None,
        };
        let (shared, place, leads) = {
            let mut queue = lock(&self.queue);
            queue.check()?;
            queue.join(event, after)
        };
        if leads {
            self.lead(&shared);
        }
        let receipt = shared.wait(place)?;
        if let Some(blob) = blob {
            lock(&self.blobs).named(&blob);
        }
        Ok(receipt)
    }

    fn append_all(&self, events: &[impl Serialize], after: After) -> Vec<Result<Receipt, Error>> {
        let events: Vec<_> = events
            .iter()
            .map(|event| Event::of_caller(event).map_err(Error::from))
            .collect();
        let owes = lock(&self.blobs).owes();
        let blob = |event: &Result<Event, Error>| event.as_ref().ok().filter(|_| owes)?.blob();
        let blobs: Vec<_> = events.iter().map(blob).collect();
        let mut led = None;
        let joined: Vec<_> = {
            let mut queue = lock(&self.queue);
            let join = |event: Result<Event, Error>| {
                queue.check()?;
                let (shared, place, leads) = queue.join(event?, after);
                if leads {
                    led = Some(Arc::clone(&shared));
                }
                Ok((shared, place))
            };
            events.into_iter().map(join).collect()
        };
        if let Some(shared) = led {
            self.lead(&shared);
        }
        let wait = |(shared, place): (Arc<Shared>, usize)| shared.wait(place);
        let answered: Vec<_> = joined
            .into_iter()
            .map(|joined| joined.and_then(wait))
            .collect();
        for (blob, answer) in blobs.iter().zip(&answered) {
            if let (Some(blob), Ok(_)) = (blob, answer) {
                lock(&self.blobs).named(blob);
            }
        }
        answered
    }

    /// Commits the open batch once the commit before is through.
    fn lead(&self, shared: &Arc<Shared>) {
        let guard = batch::Answer::owed(shared);
        let mut core = lock(&self.core);
        let (open, stopped) = {
            let mut queue = lock(&self.queue);
            (queue.open.take(), queue.stopped.clone())
        };
        let Some(open) = open else { return };
        let mut outcome = match stopped {
            Some(failure) => Err(failure),
            None => core.commit(&open.events),
        };
        let mut is_work_left = false;
        if let Err(failure) = &outcome {
            self.stop(failure);
        } else if open.after == After::EndEpoch || core.epoch_is_full() {
            core = self.end_epoch(core, open.after);
            // On disk, but whoever asked for the end of the epoch did not get it.
            if let Some(failure) = lock(&self.queue).stopped.clone() {
                outcome = Err(failure);
            }
            is_work_left = true;
        } else {
            is_work_left |= core.is_settling();
        }
        drop(core);
        guard.give(outcome);
        // Behind the answer: what the keeper does must not delay it.
        if is_work_left {
            self.call_keeper();
        }
    }

    /// Ends the epoch as soon as the disk has forgotten its key.
    fn end_epoch<'a>(
        &'a self,
        mut core: MutexGuard<'a, Core>,
        after: After,
    ) -> MutexGuard<'a, Core> {
        let reason = match after {
            After::EndEpoch => crate::own::Reason::Request,
            After::GoOn => crate::own::Reason::Entries,
        };
        let epoch = core.epoch();
        loop {
            // Somebody who waited here as well may have been first.
            if core.epoch() != epoch
                || core.end_epoch(reason)
                || lock(&self.queue).stopped.is_some()
            {
                break;
            }
            self.await_keeper();
            core = self
                .prepared
                .wait(core)
                .unwrap_or_else(PoisonError::into_inner);
        }
        core
    }

    fn stop(&self, failure: &DiskError) {
        let mut queue = lock(&self.queue);
        queue.stopped.get_or_insert_with(|| failure.clone());
        drop(queue);
        self.prepared.notify_all();
    }

    fn close(&self) -> Result<(), Error> {
        {
            let mut queue = lock(&self.queue);
            queue.check()?;
            queue.closed = true;
        }
        let mut core = lock(&self.core);
        // Whoever joined before is led by somebody who waits for the core; the closing entry must
        // come after them, so they are taken along here.
        let open = lock(&self.queue).open.take();
        let taken = open.map(|open| (core.commit(&open.events), open.shared));
        let closed = match &taken {
            Some((Err(failure), _)) => Err(failure.clone()),
            _ => core.close().map_err(keeper::as_disk_error),
        };
        if let Err(failure) = &closed {
            self.stop(failure);
        }
        // Answered only now, because some may have asked for the end of their epoch.
        if let Some((outcome, shared)) = taken {
            shared.answer(outcome);
        }
        Ok(closed?)
    }
}

impl Queue {
    fn check(&self) -> Result<(), Error> {
        self.check_disk()?;
        if self.closed {
            return Err(Error::Closed);
        }
        Ok(())
    }

    fn check_disk(&self) -> Result<(), Error> {
        match &self.stopped {
            Some(cause) => Err(Error::Stopped {
                cause: cause.clone(),
            }),
            None => Ok(()),
        }
    }

    /// Joins the open batch; the third value tells whether the caller has to lead it.
    fn join(&mut self, event: Event, after: After) -> (Arc<Shared>, usize, bool) {
        let leads = self.open.is_none();
        let open = self.open.get_or_insert_with(Open::default);
        open.events.push(event);
        if after == After::EndEpoch {
            open.after = After::EndEpoch;
        }
        (Arc::clone(&open.shared), open.events.len() - 1, leads)
    }
}
