//! One process at a time works on the stores.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A lock that is waited for is tried again after this.
const AGAIN: Duration = Duration::from_millis(20);

/// Held until it is dropped, or the process ends.
pub(crate) struct Lock {
    _file: File,
}

/// Why there is no lock.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LockError {
    /// Somebody else holds it.
    #[error("another daypass-collector works on {}; stop it first: systemctl stop daypass-collector", path.display())]
    Held {
        /// The lock.
        path: PathBuf,
    },
    /// The file cannot be opened or locked.
    #[error("{} cannot be locked", path.display())]
    Io {
        /// The lock.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Takes the lock at `path`, and waits so long for it.
pub(crate) fn wait(path: &Path, patience: Duration) -> Result<Lock, LockError> {
    let begun = Instant::now();
    loop {
        match take(path) {
            Err(LockError::Held { .. }) if begun.elapsed() < patience => {
                std::thread::sleep(AGAIN);
            }
            outcome => return outcome,
        }
    }
}

/// Takes the lock at `path`.
pub(crate) fn take(path: &Path) -> Result<Lock, LockError> {
    let failed = |source| LockError::Io {
        path: path.to_owned(),
        source,
    };
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(Lock { _file: file }),
        Err(TryLockError::WouldBlock) => Err(LockError::Held {
            path: path.to_owned(),
        }),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}
