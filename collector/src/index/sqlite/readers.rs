//! Connections to read by: one that searches long keeps nobody waiting, and none searches for ever.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, TryLockError};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::lock;
use crate::database;

/// Searches at once.
const READERS: usize = 4;
/// A search that takes longer is given up.
const LONGEST: Duration = Duration::from_secs(20);
/// Steps of SQLite between two looks at the clock: well under a millisecond.
const STEPS: i32 = 20_000;
/// KiB of pages that each keeps; the system keeps the others.
const CACHE_KIB: i32 = 16 * 1024;
/// Bytes of the file that are read without a copy.
const MAPPED: i64 = 1 << 30;

pub(super) struct Readers {
    all: Vec<Mutex<Connection>>,
    next: AtomicUsize,
}

impl Readers {
    pub(super) fn open(path: &Path) -> Result<Self, database::OpenError> {
        let all = (0..READERS).map(|_| {
            let reader = database::open_to_read(path)?;
            prepare(&reader).map_err(|source| database::OpenError::NotOpened {
                path: path.to_owned(),
                source,
            })?;
            Ok(Mutex::new(reader))
        });
        Ok(Self {
            all: all.collect::<Result<_, _>>()?,
            next: AtomicUsize::default(),
        })
    }

    /// Does something with one that is free, or with the next to be.
    pub(super) fn with<T>(
        &self,
        job: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let free = self.all.iter().find_map(|reader| match reader.try_lock() {
            Ok(reader) => Some(reader),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        });
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.all.len();
        let reader = free.unwrap_or_else(|| lock(&self.all[turn]));
        let deadline = Instant::now() + LONGEST;
        reader.progress_handler(STEPS, Some(move || Instant::now() > deadline))?;
        job(&reader)
    }
}

fn prepare(reader: &Connection) -> rusqlite::Result<()> {
    reader.pragma_update(None, "cache_size", -CACHE_KIB)?;
    reader.pragma_update(None, "mmap_size", MAPPED)
}
