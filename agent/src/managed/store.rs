//! The managed accounts as the daemon sees them: read anew whenever the file changed.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Error, Managed};
use crate::file_mark::FileMark;

/// Who is managed, by the file.
///
/// A file that cannot be read changes nothing: whoever was managed stays managed.
pub struct Store {
    path: PathBuf,
    inner: Mutex<Inner>,
}

struct Inner {
    mark: Option<FileMark>,
    managed: Arc<Managed>,
}

impl Store {
    /// Reads the file for the first time.
    ///
    /// # Errors
    /// It cannot be read: the agent does not start, and the module refuses managed accounts.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let mark = FileMark::of(path);
        let managed = Arc::new(Managed::load(path)?);
        Ok(Self {
            path: path.to_owned(),
            inner: Mutex::new(Inner { mark, managed }),
        })
    }

    /// Who is managed now.
    ///
    /// # Errors
    /// The file changed and cannot be read; [`Store::last`] still says who was managed.
    pub fn current(&self) -> Result<Arc<Managed>, Error> {
        let mut inner = self.lock();
        let mark = FileMark::of(&self.path);
        if mark != inner.mark {
            inner.managed = Arc::new(Managed::load(&self.path)?);
            inner.mark = mark;
        }
        Ok(Arc::clone(&inner.managed))
    }

    /// Who was managed when the file could last be read.
    #[must_use]
    pub fn last(&self) -> Arc<Managed> {
        Arc::clone(&self.lock().managed)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_changed_file_is_read_anew_and_a_broken_one_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("managed");
        let store = Store::open(&path).unwrap();
        assert!(store.current().unwrap().is_empty());
        fs::write(&path, "1001 deploy\n").unwrap();
        assert!(store.current().unwrap().contains(1001));
        fs::write(&path, "what is this\n").unwrap();
        assert!(store.current().is_err());
        assert!(store.last().contains(1001));
    }
}
