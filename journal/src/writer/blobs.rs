//! Long texts on their way into an entry, and those that no entry names any more.
//!
//! A text that is kept twice is one file. So housekeeping, which removes what only erased or retired entries name, must
//! know of callers that were just told that the file is there and have yet to append the entry that names it.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::lock;
use crate::blob;
use crate::durable::{Action, failed};
use crate::entry::Head;
use crate::error::Error;
use crate::reader::{Line, Reader};

/// A caller that has not appended its entry after this time never will.
const PROMISE: Duration = Duration::from_secs(10 * 60);

/// The promises given to callers.
#[derive(Debug, Default)]
pub(super) struct Blobs {
    /// How many entries are still to come for a text, and when the last one was promised.
    promised: HashMap<String, (u32, Instant)>,
    /// What was promised before housekeeping began to read the journal, or since.
    watched: Option<BTreeSet<String>>,
}

impl Blobs {
    /// Keeps a text for the entry that follows.
    pub(super) fn keep(&mut self, journal: &Path, bytes: &[u8]) -> Result<String, Error> {
        let name = blob::keep(journal, bytes)?;
        self.promised
            .retain(|_, (_, since)| since.elapsed() < PROMISE);
        let (count, since) = self
            .promised
            .entry(name.clone())
            .or_insert((0, Instant::now()));
        (*count, *since) = (count.saturating_add(1), Instant::now());
        self.watched.iter_mut().for_each(|watched| {
            watched.insert(name.clone());
        });
        Ok(name)
    }

    /// Whether a promise is open.
    pub(super) fn owes(&self) -> bool {
        !self.promised.is_empty()
    }

    /// An entry that names this text is on disk.
    pub(super) fn named(&mut self, name: &str) {
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
    blobs: &'a Mutex<Blobs>,
}

impl<'a> Watched<'a> {
    /// From here on what is promised is remembered. Comes before the journal is read.
    pub(super) fn begin(blobs: &'a Mutex<Blobs>) -> Self {
        let mut held = lock(blobs);
        held.watched = Some(held.promised.keys().cloned().collect());
        Self { blobs }
    }

    /// Removes texts that no entry named when the journal was read; what was promised stays.
    pub(super) fn remove(&self, journal: &Path, orphans: &BTreeSet<String>) -> Result<(), Error> {
        // Held throughout, so that nobody is told of a file that goes the next moment.
        let held = lock(self.blobs);
        let is_promised = |name: &str| {
            let watched = held.watched.as_ref();
            watched.is_some_and(|watched| watched.contains(name))
        };
        for name in orphans.iter().filter(|name| !is_promised(name)) {
            remove(journal, name)?;
        }
        Ok(())
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        lock(self.blobs).watched = None;
    }
}

/// Removes the text, if it is there.
pub(super) fn remove(journal: &Path, name: &str) -> Result<(), Error> {
    if let Some(path) = blob::path(journal, name) {
        std::fs::remove_file(&path).map_err(failed(Action::Remove, &path))?;
    }
    Ok(())
}

/// The texts that entries in `runs` (first and last) name, and no other entry.
pub(super) fn orphans(journal: &Path, runs: &[(u64, u64)]) -> Result<BTreeSet<String>, Error> {
    let (mut inside, mut outside) = (BTreeSet::new(), BTreeSet::new());
    for line in Reader::open(journal)? {
        if let Line::Entry { seq, bytes } = line? {
            let name = Head::parse(&bytes).and_then(|head| blob::named(head.event));
            let goes = runs
                .iter()
                .any(|(first, last)| (*first..=*last).contains(&seq));
            match goes {
                true => inside.extend(name),
                false => outside.extend(name),
            }
        }
    }
    inside.retain(|name| !outside.contains(name) && blob::path(journal, name).is_some());
    Ok(inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_promised_while_housekeeping_reads_stays() {
        let dir = tempfile::tempdir().unwrap();
        let blobs = Mutex::new(Blobs::default());
        let keep = |text: &[u8]| lock(&blobs).keep(dir.path(), text).unwrap();
        let (before, during, old) = (keep(b"before"), keep(b"during"), keep(b"old"));
        for name in [&during, &old] {
            lock(&blobs).named(name);
        }
        let all = BTreeSet::from([before.clone(), during.clone(), old.clone()]);
        let watched = Watched::begin(&blobs);
        assert_eq!(keep(b"during"), during);
        // Its entry is on disk, but the journal may have been read before.
        lock(&blobs).named(&during);
        watched.remove(dir.path(), &all).unwrap();
        drop(watched);
        let is_there = |name: &str| blob::path(dir.path(), name).is_some();
        assert!(is_there(&before) && is_there(&during) && !is_there(&old));
        lock(&blobs).named(&before);
        assert!(!lock(&blobs).owes());
        Watched::begin(&blobs).remove(dir.path(), &all).unwrap();
        assert!(!is_there(&before) && !is_there(&during));
    }
}
