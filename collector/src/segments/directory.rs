//! Segments as files: one directory a log, one file a segment.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use daypass_protocol::digest::Digest;

use super::{Put, SegmentError, SegmentName, SegmentStore};
use crate::durable::{self, Linked, TEMPORARY};
use crate::origin::Origin;

/// Of a segment's file.
const FILE_MODE: u32 = 0o640;
/// Of the directories above it.
const DIRECTORY_MODE: u32 = 0o750;

/// A directory of segments.
pub struct DirectorySegments {
    root: PathBuf,
    /// Logs whose directory is there, durably.
    made: Mutex<HashSet<Origin>>,
}

impl DirectorySegments {
    /// Opens the store in `root`, which must exist, and removes what a crash left half-written.
    ///
    /// # Errors
    /// [`SegmentError::Failed`] when a directory cannot be read.
    pub fn open(root: &Path) -> Result<Self, SegmentError> {
        sweep(root).map_err(|source| failed("remove unfinished files under", root, source))?;
        Ok(Self {
            root: root.to_owned(),
            made: Mutex::default(),
        })
    }

    /// Opens the store to read, while another process writes it: what is unfinished may be about to be finished.
    pub fn open_to_read(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            made: Mutex::default(),
        }
    }

    fn directory(&self, log: &Origin) -> PathBuf {
        self.root.join(log.path())
    }

    /// The log's directory, made once in the life of a process.
    fn made(&self, log: &Origin) -> Result<PathBuf, SegmentError> {
        let directory = self.directory(log);
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if !made.contains(log) {
            durable::make_dirs(&self.root, &log.path(), DIRECTORY_MODE)
                .map_err(|source| failed("make", &directory, source))?;
            made.insert(log.clone());
        }
        Ok(directory)
    }
}

impl SegmentStore for DirectorySegments {
    fn put(&self, log: &Origin, name: &SegmentName, bytes: &[u8]) -> Result<Put, SegmentError> {
        if Digest::of(bytes) != name.content {
            return Err(SegmentError::Misnamed { name: *name });
        }
        let path = self.made(log)?.join(name.to_string());
        let write = |source| failed("write", &path, source);
        match durable::put(&path, FILE_MODE, bytes).map_err(write)? {
            Linked::New => Ok(Put::New),
            Linked::Taken => {
                self.bytes(log, name)?;
                // Who put it may have been killed before it was durable.
                durable::settle(&path).map_err(write)?;
                Ok(Put::Present)
            }
        }
    }

    fn bytes(&self, log: &Origin, name: &SegmentName) -> Result<Vec<u8>, SegmentError> {
        let path = self.directory(log).join(name.to_string());
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(SegmentError::Missing {
                    log: log.clone(),
                    name: *name,
                });
            }
            Err(source) => return Err(failed("read", &path, source)),
        };
        if Digest::of(&bytes) == name.content {
            Ok(bytes)
        } else {
            Err(SegmentError::Damaged {
                log: log.clone(),
                name: *name,
            })
        }
    }

    fn remove(&self, log: &Origin, name: &SegmentName) -> Result<(), SegmentError> {
        let path = self.directory(log).join(name.to_string());
        durable::remove(&path).map_err(|source| failed("remove", &path, source))
    }

    fn names(&self, log: &Origin) -> Result<Vec<SegmentName>, SegmentError> {
        let directory = self.directory(log);
        let list = |source| failed("list", &directory, source);
        let files = match std::fs::read_dir(&directory) {
            Ok(files) => files,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(list(source)),
        };
        let mut names = Vec::new();
        for file in files {
            let file = file.map_err(list)?;
            // Whatever has another name is none of ours.
            let name = file.file_name();
            names.extend(
                name.to_str()
                    .and_then(|name| name.parse::<SegmentName>().ok()),
            );
        }
        names.sort_unstable();
        Ok(names)
    }
}

/// Removes unfinished files at every depth.
fn sweep(directory: &Path) -> io::Result<()> {
    for file in std::fs::read_dir(directory)? {
        let file = file?;
        if file.file_type()?.is_dir() {
            sweep(&file.path())?;
        } else if file
            .file_name()
            .as_encoded_bytes()
            .starts_with(TEMPORARY.as_bytes())
        {
            std::fs::remove_file(file.path())?;
        }
    }
    Ok(())
}

fn failed(doing: &str, path: &Path, source: io::Error) -> SegmentError {
    SegmentError::Failed {
        doing: format!("{doing} {}", path.display()),
        source: source.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log() -> Origin {
        "daypass/0123456789abcdef/host/db1/00000000000000ff"
            .parse()
            .unwrap()
    }

    #[test]
    fn segments_in_a_directory_keep_the_contract() {
        let dir = tempfile::tempdir().unwrap();
        super::super::contract::holds_for(|| DirectorySegments::open(dir.path()).unwrap());
    }

    #[test]
    fn a_file_that_was_changed_on_disk_is_not_given_out() {
        let dir = tempfile::tempdir().unwrap();
        let store = DirectorySegments::open(dir.path()).unwrap();
        let name = SegmentName::of(0, 1, b"lines");
        store.put(&log(), &name, b"lines").unwrap();
        let path = store.directory(&log()).join(name.to_string());
        std::fs::write(&path, b"lined").unwrap();
        assert!(matches!(
            store.bytes(&log(), &name),
            Err(SegmentError::Damaged { .. })
        ));
        let again = store.put(&log(), &name, b"lines");
        assert!(
            matches!(again, Err(SegmentError::Damaged { .. })),
            "and is not called present"
        );
    }

    #[test]
    fn what_a_crash_left_half_written_is_removed_at_the_next_start() {
        let dir = tempfile::tempdir().unwrap();
        let store = DirectorySegments::open(dir.path()).unwrap();
        let name = SegmentName::of(0, 1, b"lines");
        store.put(&log(), &name, b"lines").unwrap();
        let stray = store.directory(&log()).join(".new-1-1");
        std::fs::write(&stray, b"li").unwrap();
        let store = DirectorySegments::open(dir.path()).unwrap();
        assert!(!stray.exists());
        assert_eq!(store.names(&log()).unwrap(), [name]);
    }

    #[test]
    fn a_directory_that_takes_no_files_fails_the_put_and_says_where() {
        let dir = tempfile::tempdir().unwrap();
        let store = DirectorySegments::open(dir.path()).unwrap();
        // A file where the log's directory should be: works for root too, whom no mode stops.
        std::fs::write(dir.path().join("daypass"), b"").unwrap();
        let error = store
            .put(&log(), &SegmentName::of(0, 1, b"x"), b"x")
            .unwrap_err();
        assert!(
            error.to_string().contains("daypass/0123456789abcdef"),
            "{error}"
        );
    }
}
