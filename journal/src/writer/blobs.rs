//! Long texts on their way into an entry, and those that no entry names any more.
//!
//! A text that is kept twice is one file. So housekeeping, which removes what no entry names that stays, must know of
//! callers that are about to be told that the file is there and have yet to append the entry that names it.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{Writer, lock};
use crate::blob;
use crate::durable::{Action, failed};
use crate::error::Error;
use crate::reader::{Line, Reader};

/// A caller that has not appended its entry after this time never will.
const PROMISE: Duration = Duration::from_secs(10 * 60);

impl Writer {
    /// Keeps a text too long for an entry, whatever its bytes, and returns its SHA-256 in
    /// hexadecimal once it is on disk. Append the entry that names it afterwards. Nobody else waits for it, but whoever
    /// brings the same text.
    ///
    /// # Errors
    ///
    /// [`Error::BlobTooLong`] over [`crate::blob::BLOB_LIMIT`] bytes, else what the disk refused;
    /// the journal goes on in either case.
    pub fn keep_blob(&self, bytes: &[u8]) -> Result<String, Error> {
        self.handle.inner.blobs.keep(bytes)
    }
}

/// The texts of a journal.
#[derive(Debug)]
pub(super) struct Blobs {
    journal: PathBuf,
    book: Mutex<Book>,
    /// A text has come to the disk, or will not.
    settled: Condvar,
}

/// The promises given to callers. Never held while the disk writes: every append looks into it.
#[derive(Debug, Default)]
struct Book {
    /// How many entries are still to come for a text, and when the last one was promised.
    promised: HashMap<String, (u32, Instant)>,
    /// What was promised before housekeeping began to read the journal, or since.
    watched: Option<BTreeSet<String>>,
    /// What somebody is writing.
    underway: BTreeSet<String>,
}

impl Blobs {
    pub(super) fn of(journal: &Path) -> Self {
        Self {
            journal: journal.to_owned(),
            book: Mutex::default(),
            settled: Condvar::new(),
        }
    }

    /// Keeps a text for the entry that follows.
    fn keep(&self, text: &[u8]) -> Result<String, Error> {
        let name = blob::name(text)?;
        // Promised before anybody looks whether it is there: from here on nobody removes it.
        let mut book = lock(&self.book);
        book.promise(&name);
        while !book.underway.insert(name.clone()) {
            book = self.wait(book);
        }
        drop(book);
        let kept = blob::keep(&self.journal, &name, text);
        let mut book = lock(&self.book);
        book.underway.remove(&name);
        if kept.is_err() {
            book.settle(&name);
        }
        drop(book);
        self.settled.notify_all();
        kept?;
        Ok(name)
    }

    fn wait<'a>(&self, book: MutexGuard<'a, Book>) -> MutexGuard<'a, Book> {
        self.settled
            .wait(book)
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a promise is open.
    pub(super) fn owes(&self) -> bool {
        !lock(&self.book).promised.is_empty()
    }

    /// An entry that names these texts is on disk.
    pub(super) fn named(&self, names: &[String]) {
        if names.is_empty() {
            return;
        }
        let mut book = lock(&self.book);
        names.iter().for_each(|name| book.settle(name));
    }
}

impl Book {
    fn promise(&mut self, name: &str) {
        self.promised
            .retain(|_, (_, since)| since.elapsed() < PROMISE);
        let (count, since) = self
            .promised
            .entry(name.to_owned())
            .or_insert((0, Instant::now()));
        (*count, *since) = (count.saturating_add(1), Instant::now());
        self.watched.iter_mut().for_each(|watched| {
            watched.insert(name.to_owned());
        });
    }

    /// One promise less.
    fn settle(&mut self, name: &str) {
        if let Some((count, _)) = self.promised.get_mut(name) {
            *count -= 1;
            if *count == 0 {
                self.promised.remove(name);
            }
        }
    }
}

/// Housekeeping under way.
pub(super) struct Watched<'a> {
    blobs: &'a Blobs,
}

impl<'a> Watched<'a> {
    /// From here on what is promised is remembered. Comes before the journal is read.
    pub(super) fn begin(blobs: &'a Blobs) -> Self {
        let mut book = lock(&blobs.book);
        book.watched = Some(book.promised.keys().cloned().collect());
        Self { blobs }
    }

    /// Removes texts that no entry named when the journal was read; what was promised stays.
    pub(super) fn remove(&self, orphans: &BTreeSet<String>) -> Result<(), Error> {
        // Held throughout, so that nobody is told of a file that goes the next moment.
        let book = lock(&self.blobs.book);
        let is_promised = |name: &str| {
            let watched = book.watched.as_ref();
            watched.is_some_and(|watched| watched.contains(name))
        };
        for name in orphans.iter().filter(|name| !is_promised(name)) {
            remove(&self.blobs.journal, name)?;
        }
        Ok(())
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        lock(&self.blobs.book).watched = None;
    }
}

/// Removes the text, if it is there.
pub(super) fn remove(journal: &Path, name: &str) -> Result<(), Error> {
    if let Some(path) = blob::path(journal, name) {
        std::fs::remove_file(&path).map_err(failed(Action::Remove, &path))?;
    }
    Ok(())
}

/// The texts that no entry names but those in `runs` (first and last), or none at all: whoever kept them did not come to
/// append theirs.
pub(super) fn orphans(journal: &Path, runs: &[(u64, u64)]) -> Result<BTreeSet<String>, Error> {
    let mut orphans = blob::list(journal)?;
    if orphans.is_empty() {
        return Ok(orphans);
    }
    let goes = |seq: u64| {
        let mut runs = runs.iter();
        runs.any(|(first, last)| (*first..=*last).contains(&seq))
    };
    for line in Reader::open(journal)? {
        let bytes = match line? {
            Line::Entry { seq, bytes } if !goes(seq) => bytes,
            // Somebody may still find out what stood there.
            Line::Unreadable { bytes, .. } => bytes,
            _ => continue,
        };
        for name in blob::named(&bytes) {
            orphans.remove(name);
        }
    }
    Ok(orphans)
}

#[cfg(test)]
mod tests {
    use std::{slice, thread};

    use super::*;

    #[test]
    fn what_is_promised_while_housekeeping_reads_stays() {
        let dir = tempfile::tempdir().unwrap();
        let blobs = Blobs::of(dir.path());
        let keep = |text: &[u8]| blobs.keep(text).unwrap();
        let (before, during, old) = (keep(b"before"), keep(b"during"), keep(b"old"));
        blobs.named(&[during.clone(), old.clone()]);
        let all = BTreeSet::from([before.clone(), during.clone(), old.clone()]);
        let watched = Watched::begin(&blobs);
        assert_eq!(keep(b"during"), during);
        // Its entry is on disk, but the journal may have been read before.
        blobs.named(slice::from_ref(&during));
        watched.remove(&all).unwrap();
        drop(watched);
        let is_there = |name: &str| blob::path(dir.path(), name).is_some();
        assert!(is_there(&before) && is_there(&during) && !is_there(&old));
        blobs.named(slice::from_ref(&before));
        assert!(!blobs.owes());
        Watched::begin(&blobs).remove(&all).unwrap();
        assert!(!is_there(&before) && !is_there(&during));
    }

    #[test]
    fn many_who_bring_the_same_text_at_once_are_all_told_of_one_file() {
        let dir = tempfile::tempdir().unwrap();
        let blobs = Blobs::of(dir.path());
        let text = vec![b'x'; 1_000_000];
        let names: BTreeSet<String> = thread::scope(|scope| {
            let keep = || blobs.keep(&text).unwrap();
            let callers: Vec<_> = (0..8).map(|_| scope.spawn(keep)).collect();
            let named = callers.into_iter().map(|caller| caller.join().unwrap());
            named.collect()
        });
        assert_eq!(names, blob::list(dir.path()).unwrap());
        for name in &names {
            assert!(blob::is_itself(dir.path(), name).unwrap());
            (0..8).for_each(|_| blobs.named(slice::from_ref(name)));
        }
        assert_eq!((names.len(), blobs.owes()), (1, false));
    }

    #[test]
    fn a_text_that_could_not_be_kept_is_promised_to_nobody() {
        let dir = tempfile::tempdir().unwrap();
        // There can be no directory.
        std::fs::write(dir.path().join(blob::DIR), "").unwrap();
        let blobs = Blobs::of(dir.path());
        assert!(blobs.keep(b"text").is_err());
        assert!(!blobs.owes());
    }
}
