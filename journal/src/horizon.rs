//! How far a journal is sealed and on disk, for those who forward it.
//!
//! A file shows what was written; whether it is on disk only the writer knows. What left the machine
//! before it was on disk would, after a crash, look like a journal that was rolled back.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Moved by the writer after each commit; clones are the same one, and outlive the writer.
#[derive(Clone, Debug, Default)]
pub struct Horizon {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    sight: Mutex<Sight>,
    changed: Condvar,
}

/// What was seen of a horizon at one time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sight {
    /// So many entries are sealed and on disk.
    pub size: u64,
    calls: u64,
}

impl Horizon {
    /// What is to be seen now.
    #[must_use]
    pub fn sight(&self) -> Sight {
        *self.lock()
    }

    /// Waits until there is something else to be seen than `seen`, or somebody called, or for
    /// `patience`.
    #[must_use]
    pub fn wait(&self, seen: Sight, patience: Duration) -> Sight {
        let (sight, _) = self
            .inner
            .changed
            .wait_timeout_while(self.lock(), patience, |sight| *sight == seen)
            .unwrap_or_else(PoisonError::into_inner);
        *sight
    }

    /// Wakes who waits, though nothing was written.
    pub fn call(&self) {
        let mut sight = self.lock();
        sight.calls = sight.calls.wrapping_add(1);
        drop(sight);
        self.inner.changed.notify_all();
    }

    pub(crate) fn moved(&self, size: u64) {
        self.lock().size = size;
        self.inner.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Sight> {
        self.inner
            .sight
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
