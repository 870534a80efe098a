//! Commands that change who is managed take turns: each reads, changes and writes the same few files.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// Longer than a change takes.
const PATIENCE: Duration = Duration::from_secs(15);
/// Between two tries.
const LOOK: Duration = Duration::from_millis(50);

/// Held while it changes something; the next one's turn comes when it is dropped.
#[derive(Debug)]
pub struct Turn(#[expect(dead_code, reason = "held, not used")] File);

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Somebody else has been at it for long.
    #[error("another command is changing what is managed, and has not ended for {} s", PATIENCE.as_secs())]
    Taken,
    /// The file that tells.
    #[error("whether another command changes what is managed cannot be told: {0}")]
    File(#[from] io::Error),
}

impl Turn {
    /// Waits for it, in `directory`, which is made where it is missing.
    ///
    /// # Errors
    /// See [`enum@Error`].
    pub fn take(directory: &Path) -> Result<Self, Error> {
        Self::take_within(directory, PATIENCE)
    }

    fn take_within(directory: &Path, patience: Duration) -> Result<Self, Error> {
        std::fs::create_dir_all(directory)?;
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(directory.join("changes.lock"))?;
        let begun = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self(file)),
                Err(TryLockError::WouldBlock) if begun.elapsed() < patience => thread::sleep(LOOK),
                Err(TryLockError::WouldBlock) => return Err(Error::Taken),
                Err(TryLockError::Error(error)) => return Err(error.into()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_after_the_other() {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("run");
        let first = Turn::take(&directory).unwrap();
        let second = Turn::take_within(&directory, Duration::ZERO);
        assert!(matches!(second, Err(Error::Taken)));
        drop(first);
        Turn::take(&directory).unwrap();
    }
}
