//! Retiring old segments: archived if asked for, declared by a sealed entry, then replaced one by
//! one by their leaf hashes and what the chain hangs on.
//!
//! A crash leaves segments that are declared and still whole; the next start goes on with them.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use super::blobs::{self, Watched};
use super::core::SEGMENT_MODE;
use super::{Inner, Writer, lock};
use crate::blob;
use crate::durable::{self, Action, DiskError, Protection, failed};
use crate::entry::{Event, Head};
use crate::error::{Error, RetireFault};
use crate::own::{self, Own, RetiredSegment};
use crate::reader::began;
use crate::segment::{self, Lines, Name, Tail};

mod archive;
pub(crate) mod extract;

/// The most segments that one entry declares; a later call goes on.
const TOGETHER: usize = 128;

/// Which segments are old enough to go. One that is not sealed, that no declared witness has
/// cosigned, or that still grows never is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Those in which everything was written before this time,
    pub before: Option<DateTime<Utc>>,
    /// and the oldest ones while all whole segments together have more bytes than this.
    pub beyond_bytes: Option<u64>,
    /// The first entry that has to stay, and with it every segment that does not end before it.
    pub keep_from: Option<u64>,
    /// Where they are kept whole first, in a directory named after the journal: one that is there.
    pub archive: Option<PathBuf>,
}

/// What was retired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retired {
    /// The entry that says so.
    pub seq: u64,
    /// How many segments.
    pub segments: usize,
    /// Bytes that they have on disk no more.
    pub freed: u64,
}

impl Writer {
    /// Retires segments: a sealed entry says `by` whom and for what `reason`; their leaf hashes, the
    /// journal's own entries and one seal of each epoch stay, so that every seal and every proof still
    /// passes. Others go on writing meanwhile. `None` when no segment is old enough.
    ///
    /// # Errors
    ///
    /// [`Error::Retire`] when they cannot be archived, and then none is retired; else what the disk
    /// refused.
    pub fn retire(
        &self,
        which: &Retention,
        by: &str,
        reason: &str,
    ) -> Result<Option<Retired>, Error> {
        self.handle.inner.retire(which, by, reason)
    }
}

/// A whole segment.
struct Old {
    name: Name,
    path: PathBuf,
    last: u64,
    bytes: u64,
}

impl Inner {
    fn retire(&self, which: &Retention, by: &str, reason: &str) -> Result<Option<Retired>, Error> {
        lock(&self.queue).check()?;
        let _one_at_a_time = lock(&self.housekeeping);
        let (dir, current, cosigned, protection, origin) = {
            let core = lock(&self.core);
            let current = core.segment.path.clone();
            let protection = core.options.protection;
            let origin = core.log.public().name().to_owned();
            (
                core.dir.clone(),
                current,
                core.cosigned(),
                protection,
                origin,
            )
        };
        let old = choose(&dir, &current, cosigned, which)?;
        if old.is_empty() {
            return Ok(None);
        }
        let archive = match &which.archive {
            Some(archive) => Some(archive::of(archive, &origin)?),
            None => None,
        };
        if let Some(archive) = &archive {
            for segment in &old {
                archive::keep(&dir, &segment.path, archive)?;
            }
        }
        let segments = old.iter().map(described).collect::<Result<_, _>>()?;
        let declaration = Own::Retired(own::Retired {
            segments,
            by: by.to_owned(),
            reason: reason.to_owned(),
            archive: archive.map(|dir| dir.display().to_string()),
        });
        let seq = {
            let mut core = lock(&self.core);
            let event = Event::of_object(declaration.to_json());
            let committed = core.commit(&[event]);
            committed.inspect_err(|failure| self.stop(failure))?.first
        };
        // From here on a failure leaves work that the next call or start takes up; what is written
        // meanwhile does not depend on it.
        let runs: Vec<_> = old.iter().map(|old| (old.name.first, old.last)).collect();
        let watched = Watched::begin(&self.blobs);
        let orphans = blobs::orphans(&dir, &runs)?;
        watched.remove(&orphans)?;
        drop(watched);
        rewrite(&dir, &runs, protection)?;
        let left = |old: &Old| old.path.metadata().map_or(0, |file| file.len());
        let freed = old.iter().map(|old| old.bytes - left(old).min(old.bytes));
        Ok(Some(Retired {
            seq,
            segments: old.len(),
            freed: freed.sum(),
        }))
    }
}

/// The oldest whole segments that may go, and are to.
fn choose(dir: &Path, current: &Path, cosigned: u64, which: &Retention) -> Result<Vec<Old>, Error> {
    let segments = segment::list(dir)?;
    let mut whole = Vec::new();
    for (place, (name, path)) in segments.iter().enumerate() {
        let Some((next, next_path)) = segments.get(place + 1) else {
            break;
        };
        if path == current || next.first > cosigned {
            break;
        }
        if next.first > name.first && extract::has_entries(path)? {
            let bytes = path.metadata().map_err(failed(Action::Read, path))?.len();
            whole.push((*name, path, next.first - 1, bytes, next_path));
        }
    }
    let mut all: u64 = whole.iter().map(|(.., bytes, _)| bytes).sum();
    all += current.metadata().map_or(0, |file| file.len());
    let mut old = Vec::new();
    for (name, path, last, bytes, next_path) in whole {
        // What is in a segment was written before the next began.
        let is_before = match which.before {
            Some(before) => began(next_path)?.is_some_and(|time| time <= before),
            None => false,
        };
        let is_beyond = which.beyond_bytes.is_some_and(|limit| all > limit);
        let has_to_stay = which.keep_from.is_some_and(|first| last >= first);
        if !(is_before || is_beyond) || has_to_stay || old.len() == TOGETHER {
            break;
        }
        all -= bytes;
        old.push(Old {
            name,
            path: path.clone(),
            last,
            bytes,
        });
    }
    Ok(old)
}

fn described(old: &Old) -> Result<RetiredSegment, DiskError> {
    let whole = Tail::of(&old.path, 0)?;
    Ok(RetiredSegment {
        segment: old.name.to_string(),
        entries: (old.name.first, old.last),
        length: whole.length,
        sha256: whole.sha256,
    })
}

/// Takes up what a crash interrupted: segments that are declared retired, and still there.
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

/// Replaces the segments with these first entries, wherever that has not been done.
fn rewrite(dir: &Path, runs: &[(u64, u64)], protection: Protection) -> Result<(), Error> {
    for (name, path) in segment::list(dir)? {
        if runs.iter().any(|(first, _)| *first == name.first) && extract::has_entries(&path)? {
            let extract = extract::of(&path)?;
            durable::replace_segment(&path, SEGMENT_MODE, &extract, protection)?;
        }
    }
    Ok(())
}
