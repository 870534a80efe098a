//! Writing over what is on disk: secrets that are to be gone. A file that takes another's place, or a removed one, leaves its
//! blocks as they are until somebody else needs them.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

#[cfg(test)]
use super::fault;
use super::{Action, DiskError, SMALL, failed, may_fail, replace};

/// Writes over a piece of a file, in its place, and returns once that is on disk. A power cut may tear it.
pub(crate) fn overwrite(path: &Path, at: u64, bytes: &[u8]) -> Result<(), DiskError> {
    let file = OpenOptions::new()
        .write(true)
        .open(path)
        .map_err(failed(Action::Open, path))?;
    write_over(&file, path, at, bytes)
}

fn write_over(file: &File, path: &Path, at: u64, bytes: &[u8]) -> Result<(), DiskError> {
    #[cfg(test)]
    if let Err(error) = fault::strike(Action::Write, path) {
        // Torn in the middle of a key's line.
        let beginning = &bytes[..bytes.len().min(64)];
        file.write_all_at(beginning, at)
            .map_err(failed(Action::Write, path))?;
        fault::fall();
        return Err(failed(Action::Write, path)(error));
    }
    file.write_all_at(bytes, at)
        .map_err(failed(Action::Write, path))?;
    may_fail(Action::Sync, path)?;
    file.sync_data().map_err(failed(Action::Sync, path))
}

/// Brings to the disk what was written to a file.
pub(crate) fn sync(path: &Path) -> Result<(), DiskError> {
    may_fail(Action::Sync, path)?;
    let file = File::open(path).map_err(failed(Action::Open, path))?;
    file.sync_data().map_err(failed(Action::Sync, path))
}

/// As [`replace`], for secrets: newlines are written over the file that was there, since blocks that are only given up
/// keep what is in them.
pub(crate) fn supplant(path: &Path, mode: u32, bytes: &[u8]) -> Result<(), DiskError> {
    let old = match OpenOptions::new().write(true).open(path) {
        Ok(old) => Some(old),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(failed(Action::Open, path)(error)),
    };
    replace(path, mode, bytes)?;
    let Some(old) = old else { return Ok(()) };
    let length = old.metadata().map_err(failed(Action::Read, path))?.len();
    let length = usize::try_from(length).map_or(SMALL, |length| length.min(SMALL));
    write_over(&old, path, 0, &vec![b'\n'; length])
}
