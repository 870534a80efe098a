//! Group ids for sessions, each given once: a contractor may leave a setgid file behind, which must never mean anybody
//! again.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use daypass_gate::place::{FIRST_SESSION_GID, LAST_SESSION_GID};

use crate::durable;

/// How many are reserved on disk at a time: a crash skips at most this many of 200 million.
const BLOCK: u32 = 64;

/// Gives out session group ids.
#[derive(Debug)]
pub struct Gids {
    path: PathBuf,
    range: Mutex<Range>,
}

#[derive(Debug)]
struct Range {
    next: u32,
    reserved: u32,
}

/// Why there is no group id.
#[derive(Debug, thiserror::Error)]
pub enum GidError {
    /// The counter could not be read or written.
    #[error(transparent)]
    File(#[from] durable::Error),
    /// The counter's file holds something else.
    #[error("{} does not hold a session group id; the agent cannot know which were used", path.display())]
    Form {
        /// Which file.
        path: PathBuf,
    },
    /// All were used.
    #[error("this host has used all its session group ids")]
    UsedUp,
}

impl Gids {
    /// Goes on after the last one that may have been given out.
    ///
    /// # Errors
    /// [`GidError`]; a missing file means none was.
    pub fn open(path: &Path) -> Result<Self, GidError> {
        let next = match durable::read(path, 32)? {
            None => FIRST_SESSION_GID,
            Some(bytes) => std::str::from_utf8(&bytes)
                .ok()
                .and_then(|text| text.trim().parse().ok())
                .filter(|gid| (FIRST_SESSION_GID..=LAST_SESSION_GID + 1).contains(gid))
                .ok_or_else(|| GidError::Form {
                    path: path.to_owned(),
                })?,
        };
        Ok(Self {
            path: path.to_owned(),
            range: Mutex::new(Range {
                next,
                reserved: next,
            }),
        })
    }

    /// The next one. It is durable that it was given out before this returns.
    ///
    /// # Errors
    /// [`GidError`].
    pub fn take(&self) -> Result<u32, GidError> {
        let mut range = self.range.lock().unwrap_or_else(PoisonError::into_inner);
        if range.next > LAST_SESSION_GID {
            return Err(GidError::UsedUp);
        }
        if range.next == range.reserved {
            let reserved = range.next.saturating_add(BLOCK).min(LAST_SESSION_GID + 1);
            durable::replace(&self.path, format!("{reserved}\n").as_bytes(), 0o600)?;
            range.reserved = reserved;
        }
        range.next += 1;
        Ok(range.next - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_group_is_given_twice_whatever_happens_in_between() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("session-gid");
        let gids = Gids::open(&path).unwrap();
        let mut given: Vec<u32> = (0..BLOCK + 3).map(|_| gids.take().unwrap()).collect();
        assert_eq!(given[0], FIRST_SESSION_GID);
        let after_a_crash = Gids::open(&path).unwrap();
        given.extend((0..5).map(|_| after_a_crash.take().unwrap()));
        let mut unique = given.clone();
        unique.dedup();
        assert_eq!(unique.len(), given.len());
        assert!(given.is_sorted());
    }

    #[test]
    fn a_counter_that_cannot_be_read_gives_none() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("session-gid");
        std::fs::write(&path, "27\n").unwrap();
        assert!(matches!(Gids::open(&path), Err(GidError::Form { .. })));
    }

    #[test]
    fn the_range_ends() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("session-gid");
        std::fs::write(&path, format!("{LAST_SESSION_GID}\n")).unwrap();
        let gids = Gids::open(&path).unwrap();
        assert_eq!(gids.take().unwrap(), LAST_SESSION_GID);
        assert!(matches!(gids.take(), Err(GidError::UsedUp)));
    }
}
