//! Locks that the kernel releases when their owner dies, however it dies.

use std::fs::{File, OpenOptions};
use std::path::Path;

use nix::fcntl::{Flock, FlockArg};

use crate::{Error, Result};

/// An exclusive lock on a file, held until dropped.
#[derive(Debug)]
pub(crate) struct Lock(#[expect(dead_code, reason = "held for its drop")] Flock<File>);

impl Lock {
    /// Waits until the lock is free, and takes it.
    pub(crate) fn wait(path: &Path) -> Result<Self> {
        Flock::lock(open(path)?, FlockArg::LockExclusive)
            .map(Self)
            .map_err(|(_, errno)| Error::path("lock", path)(errno.into()))
    }

    /// Takes the lock if nobody holds it.
    pub(crate) fn attempt(path: &Path) -> Result<Option<Self>> {
        match Flock::lock(open(path)?, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => Ok(Some(Self(lock))),
            Err((_, nix::errno::Errno::EWOULDBLOCK)) => Ok(None),
            Err((_, errno)) => Err(Error::path("lock", path)(errno.into())),
        }
    }
}

fn open(path: &Path) -> Result<File> {
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(Error::path("open", path))
}
