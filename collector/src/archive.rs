//! A second copy of all that is stored, in another directory: on another disk, so that one lost disk loses nothing.
//!
//! ```text
//! segments/ORIGIN/NAME   as in the store, what no list names (evidence of forks) included
//! list                   a line for each segment, `NUMBER STORED NAME ORIGIN`, in the order in which they were stored (when,
//!                        in microseconds since 1970); a later line for a number takes the place of an earlier one
//! logs.json              by whose word each journal is known, and its checkpoint
//! owed.json              what is still to be taken out of segments, by number: they are lost in the store
//! exports.json           how far each export is
//! authority.json         what the CA said last
//! revoked.json           the keys that people revoked
//! journal/INCARNATION/   the collector's own journal
//! ```
//!
//! A segment is listed once it is durable there, so `rsync` may take this directory at any time: whatever its copy of `list`
//! names is worth having.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

mod contents;
mod error;
mod files;

pub use contents::{ArchivedLog, Listed, Owed, read_exports, read_list, read_logs, read_owed};
pub use error::ArchiveError;
use files::logs;

use crate::checkpoints::StoredSegment;
use crate::durable;
use crate::keep::Stores;
use crate::origin::Origin;
use crate::segments::directory::DirectorySegments;
use crate::segments::{SegmentError, SegmentName, SegmentStore};
use crate::stored::{self, Now};

/// Segments that are copied before the list is synced.
const AT_ONCE: usize = 256;
const FILE_MODE: u32 = 0o640;
const DIRECTORY_MODE: u32 = 0o750;
/// What the CA said last.
pub const AUTHORITY: &str = "authority.json";
/// What is still to be taken out of segments.
const OWED: &str = "owed.json";
/// How far exports are.
const EXPORTS: &str = "exports.json";

/// The directory, open for copying.
pub struct Archive {
    root: PathBuf,
    segments: DirectorySegments,
    list: File,
    copied: u64,
    /// The last in the list, until it was compared with what is stored.
    unchecked: Option<Listed>,
    /// Numbers before that which are not in the list.
    left_out: Vec<u64>,
    logs: Vec<u8>,
    owed: Vec<u8>,
    exports: Vec<u8>,
}

impl Archive {
    /// Opens the archive in `root`, which must exist.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub fn open(root: &Path) -> Result<Self, ArchiveError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| ArchiveError::File { path, source }
        };
        durable::make_dirs(root, Path::new("segments"), DIRECTORY_MODE)
            .map_err(failed(&root.join("segments")))?;
        let path = root.join("list");
        let mut list = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(&path)
            .map_err(failed(&path))?;
        mend(&mut list).map_err(failed(&path))?;
        let listed = read_list(root)?;
        let last = listed.last_key_value();
        let (copied, unchecked) = (
            last.map(|(number, _)| *number),
            last.map(|(_, listed)| listed.clone()),
        );
        let left_out = (1..copied.unwrap_or(0)).filter(|number| !listed.contains_key(number));
        Ok(Self {
            segments: DirectorySegments::open(&root.join("segments"))?,
            root: root.to_owned(),
            list,
            copied: copied.unwrap_or(0),
            unchecked,
            left_out: left_out.collect(),
            logs: Vec::new(),
            owed: Vec::new(),
            exports: Vec::new(),
        })
    }

    /// The number of the last segment that is there.
    pub fn copied(&self) -> u64 {
        self.copied
    }

    /// Copies what is not there yet; says of how many segments. What is lost is told to `lost`, and passed over until the archive
    /// is opened again.
    ///
    /// # Errors
    /// What was copied stays, and the next call goes on. [`ArchiveError::Another`] before anything is copied.
    pub fn follow(
        &mut self,
        stores: Stores<'_>,
        lost: &mut dyn FnMut(&StoredSegment, SegmentError) -> Result<(), ArchiveError>,
    ) -> Result<u64, ArchiveError> {
        self.belongs(stores)?;
        // Read first, so that whatever they count is copied when they are written.
        let logs = logs(stores)?;
        self.write_owed(stores)?;
        let mut count = self.fill(stores, lost)?;
        loop {
            let segments = stores.checkpoints.segments_after(self.copied, AT_ONCE)?;
            let Some(last) = segments.last().map(|segment| segment.number) else {
                break;
            };
            let there = self.put_all(stores, segments, lost)?;
            self.append(&there)?;
            self.copied = last;
            count += there.len() as u64;
        }
        self.write_logs(logs)?;
        Ok(count)
    }

    /// Whether this is the copy of what is stored here. Numbers are others after a restore that did not bring everything back, or in
    /// a store that is older than the copy: what is new would be taken for copied.
    fn belongs(&mut self, stores: Stores<'_>) -> Result<(), ArchiveError> {
        let Some(last) = &self.unchecked else {
            return Ok(());
        };
        let number = self.copied;
        let stored = stores
            .checkpoints
            .segments_after(number.saturating_sub(1), 1)?;
        // Its name is another where text was taken out since.
        let is_same = stored.first().is_some_and(|stored| {
            let (name, other) = (&stored.name, &last.name);
            let place = (stored.number, &stored.log, name.first, name.size);
            place == (number, &last.log, other.first, other.size)
        });
        if !is_same {
            return Err(ArchiveError::Another {
                path: self.root.clone(),
                number,
            });
        }
        self.unchecked = None;
        Ok(())
    }

    /// Copies what was lost here when it was to be copied, and is back.
    fn fill(
        &mut self,
        stores: Stores<'_>,
        lost: &mut dyn FnMut(&StoredSegment, SegmentError) -> Result<(), ArchiveError>,
    ) -> Result<u64, ArchiveError> {
        let mut count = 0;
        while let Some(number) = self.left_out.last().copied() {
            let mut segments = stores.checkpoints.segments_after(number - 1, 1)?;
            segments.retain(|segment| segment.number == number);
            let there = self.put_all(stores, segments, lost)?;
            if !there.is_empty() {
                self.append(&there)?;
                count += 1;
            }
            self.left_out.pop();
        }
        Ok(count)
    }

    /// Puts what is not lost and owes nothing, by the names of now.
    fn put_all(
        &self,
        stores: Stores<'_>,
        segments: Vec<StoredSegment>,
        lost: &mut dyn FnMut(&StoredSegment, SegmentError) -> Result<(), ArchiveError>,
    ) -> Result<Vec<StoredSegment>, ArchiveError> {
        let mut there = Vec::new();
        for segment in segments {
            match stored::now::<ArchiveError>(stores, &segment)? {
                // Not before what is to be taken out of it is.
                Now::Whole(..) if !stores.checkpoints.lost().owed(segment.number)?.is_empty() => {}
                Now::Whole(name, bytes) => {
                    self.put_bytes(&segment.log, &name, &bytes)?;
                    there.push(StoredSegment { name, ..segment });
                }
                Now::Lost(error) => lost(&segment, error)?,
            }
        }
        Ok(there)
    }

    /// Copies what no checkpoint counts: evidence of forks. It is in no list; the names say what it is.
    ///
    /// # Errors
    /// The same may be asked again.
    pub fn follow_evidence(
        &self,
        stores: Stores<'_>,
        log: &Origin,
        names: &[SegmentName],
    ) -> Result<(), ArchiveError> {
        for name in names {
            match stores.segments.bytes(log, name) {
                Ok(bytes) => self.put_bytes(log, name, &bytes)?,
                // Nothing counts it: the alarm that it was kept for stands.
                Err(error) if error.is_loss() => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(error, "evidence is not copied");
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Removes what is not kept any more.
    ///
    /// # Errors
    /// The same may be asked again.
    pub fn remove(&self, log: &Origin, name: &SegmentName) -> Result<(), ArchiveError> {
        Ok(self.segments.remove(log, name)?)
    }

    /// Puts what a segment has become in the place of what it was.
    ///
    /// # Errors
    /// The same may be asked again.
    pub fn replace(
        &mut self,
        stores: Stores<'_>,
        old: &SegmentName,
        new: &StoredSegment,
    ) -> Result<(), ArchiveError> {
        if new.number <= self.copied {
            self.put(stores, new)?;
            self.append(std::slice::from_ref(new))?;
        }
        Ok(self.segments.remove(&new.log, old)?)
    }

    /// Copies a segment, and reads the copy.
    fn put(&self, stores: Stores<'_>, segment: &StoredSegment) -> Result<(), ArchiveError> {
        let StoredSegment { log, name, .. } = segment;
        self.put_bytes(log, name, &stores.segments.bytes(log, name)?)
    }

    fn put_bytes(
        &self,
        log: &Origin,
        name: &SegmentName,
        bytes: &[u8],
    ) -> Result<(), ArchiveError> {
        self.segments.put(log, name, bytes)?;
        self.segments.bytes(log, name)?;
        Ok(())
    }

    fn append(&mut self, segments: &[StoredSegment]) -> Result<(), ArchiveError> {
        let lines: Vec<String> = segments
            .iter()
            .map(|segment| {
                let StoredSegment {
                    number,
                    log,
                    name,
                    stored,
                } = segment;
                format!("{number} {stored} {name} {log}\n")
            })
            .collect();
        self.list
            .write_all(lines.concat().as_bytes())
            .and_then(|()| self.list.sync_data())
            .map_err(|source| ArchiveError::File {
                path: self.root.join("list"),
                source,
            })
    }
}

/// Cuts off the line that a crash left half-written.
fn mend(list: &mut File) -> io::Result<()> {
    let mut text = Vec::new();
    list.seek(SeekFrom::Start(0))?;
    list.read_to_end(&mut text)?;
    let whole = text
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |last| last + 1);
    if whole < text.len() {
        list.set_len(whole as u64)?;
        list.sync_all()?;
    }
    Ok(())
}
