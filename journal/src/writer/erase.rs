//! Erasing entries: declared by a sealed entry first, then done file by file.

use std::fs::OpenOptions;
use std::path::Path;

use super::blobs::{self, Watched};
use super::core::{Core, SEGMENT_MODE};
use super::{Inner, Receipt, Writer, lock};
use crate::durable::{self, Action, Protection, failed};
use crate::entry::{Event, Head, LINE_LIMIT};
use crate::erased::Erased;
use crate::error::{EraseFault, Error};
use crate::own::{self, Own};
use crate::reader::{Line, Reader};
use crate::runs::Runs;
use crate::segment::{self, Lines};
use crate::tree::leaf_hash;

impl Writer {
    /// Erases the content of entries, and the blobs that they alone name: a sealed entry says `by` whom and
    /// for what `reason`, then their lines are replaced by their numbers and leaf hashes, with which
    /// every seal and every proof still passes. Other writers wait meanwhile.
    ///
    /// # Errors
    ///
    /// [`Error::Erase`] when one of them cannot be erased, and then none is; else what the disk
    /// refused.
    pub fn erase(&self, entries: &[u64], by: &str, reason: &str) -> Result<Receipt, Error> {
        let runs: Runs = entries.iter().copied().collect();
        self.handle.inner.erase(&runs, by, reason)
    }
}

impl Inner {
    fn erase(&self, runs: &Runs, by: &str, reason: &str) -> Result<Receipt, Error> {
        lock(&self.queue).check()?;
        let _one_at_a_time = lock(&self.housekeeping);
        // Reading may take long, and nobody at a prompt waits for it; housekeeping alone changes what stands there.
        let dir = lock(&self.core).dir.clone();
        let watched = Watched::begin(&self.blobs);
        check(&dir, runs)?;
        let erased: Vec<_> = runs.iter().collect();
        let orphans = blobs::orphans(&dir, &erased)?;
        let mut core = lock(&self.core);
        let declaration = Own::Erased(own::Erased {
            entries: runs.iter().collect(),
            by: by.to_owned(),
            reason: reason.to_owned(),
        });
        let json = declaration.to_json();
        if json.len() > LINE_LIMIT / 2 {
            return Err(Error::Erase {
                seq: runs.first().unwrap_or_default(),
                fault: EraseFault::Many,
            });
        }
        let committed = core
            .commit(&[Event::of_object(json)])
            .inspect_err(|failure| self.stop(failure))?;
        // From here on a failure leaves work that the next start takes up.
        let done = watched
            .remove(&orphans)
            .and_then(|()| rewrite(&dir, &erased, core.options.protection))
            .and_then(|()| core.reopen());
        if let Err(Error::Disk(failure)) = &done {
            self.stop(failure);
        }
        done?;
        Ok(Receipt {
            seq: committed.first,
            time: committed.stamp.time,
        })
    }
}

/// All of them must be there, and none may be the journal's own.
fn check(dir: &Path, runs: &Runs) -> Result<(), Error> {
    let refuse = |seq, fault| Err(Error::Erase { seq, fault });
    let mut missing = runs.clone();
    for line in Reader::open(dir)? {
        if let Line::Entry { seq, bytes } = line?
            && missing.contains(seq)
        {
            if Head::parse(&bytes).is_some_and(|head| head.own_event().is_some()) {
                return refuse(seq, EraseFault::Own);
            }
            missing.remove(seq, seq);
        }
    }
    match missing.first() {
        Some(seq) => refuse(seq, EraseFault::Missing),
        None => Ok(()),
    }
}

/// Takes up what a crash interrupted: entries that are declared erased, and still there.
pub(super) fn take_up(
    dir: &Path,
    runs: &[(u64, u64)],
    protection: Protection,
) -> Result<(), Error> {
    if runs.is_empty() {
        return Ok(());
    }
    for blob in blobs::orphans(dir, runs)? {
        blobs::remove(dir, &blob)?;
    }
    rewrite(dir, runs, protection)
}

/// Replaces the lines of these entries, wherever that has not been done.
fn rewrite(dir: &Path, runs: &[(u64, u64)], protection: Protection) -> Result<(), Error> {
    let segments = segment::list(dir)?;
    for (place, (name, path)) in segments.iter().enumerate() {
        let end = segments
            .get(place + 1)
            .map_or(u64::MAX, |next| next.0.first);
        let concerned = |run: &&(u64, u64)| run.0 < end && run.1 >= name.first;
        if runs.iter().any(|run| concerned(&run)) {
            rewrite_segment(path, runs, protection)?;
        }
    }
    Ok(())
}

fn rewrite_segment(path: &Path, runs: &[(u64, u64)], protection: Protection) -> Result<(), Error> {
    let mut lines = Lines::open(path)?;
    let mut contents = Vec::new();
    while let Some(line) = lines.next()? {
        let erased = Head::parse(line.bytes).filter(|head| {
            runs.iter()
                .any(|(first, last)| (*first..=*last).contains(&head.seq))
        });
        match erased {
            Some(head) if line.ended => {
                let erased = Erased {
                    seq: head.seq,
                    leaf: leaf_hash(line.bytes),
                };
                contents.extend_from_slice(erased.line(line.bytes.len()).as_bytes());
            }
            _ => contents.extend_from_slice(line.bytes),
        }
        if line.ended {
            contents.push(b'\n');
        }
    }
    durable::replace_segment(path, SEGMENT_MODE, &contents, protection)?;
    Ok(())
}

impl Core {
    /// The file that grows may have been replaced.
    fn reopen(&mut self) -> Result<(), Error> {
        let path = &self.segment.path;
        self.segment.file = OpenOptions::new()
            .append(true)
            .open(path)
            .map_err(failed(Action::Open, path))?;
        Ok(())
    }
}
