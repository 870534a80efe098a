//! Puts an index that was made anew in the place of the one that serves, while it serves.

use std::path::Path;
use std::sync::{PoisonError, RwLock};

use super::{IndexError, Open, SqliteIndex};
use crate::durable;
use crate::segments::Cause;

/// What SQLite keeps beside a database.
const BESIDE: [&str; 2] = ["-wal", "-shm"];

/// Whether there was one.
pub(super) fn renew(path: &Path, open: &RwLock<Option<Open>>) -> Result<bool, IndexError> {
    let ready = SqliteIndex::ready(path);
    if !ready.exists() {
        return Ok(false);
    }
    // Before anything is closed: one that cannot be opened takes nobody's place. Closing the last connection brings
    // everything into the one file.
    drop(Open::at(&ready).map_err(failed("be opened"))?);
    let mut open = open.write().unwrap_or_else(PoisonError::into_inner);
    drop(open.take());
    let moved = put(path, &ready);
    // The old one, when nothing was moved.
    *open = Some(Open::at(path).map_err(failed("be opened"))?);
    moved.map(|()| true)
}

/// Moves the new one into the place of the old one, which is closed.
pub(super) fn put(path: &Path, ready: &Path) -> Result<(), IndexError> {
    for suffix in BESIDE {
        let mut beside = path.as_os_str().to_owned();
        beside.push(suffix);
        durable::remove(Path::new(&beside)).map_err(failed("take the old one's place"))?;
    }
    durable::rename(ready, path).map_err(failed("take the old one's place"))
}

fn failed<E: Into<Cause>>(doing: &'static str) -> impl Fn(E) -> IndexError {
    move |source| IndexError::Failed {
        doing,
        source: source.into(),
    }
}
