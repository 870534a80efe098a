//! Files that must survive a power cut: every fsync, link and rename of this crate's own files.
//!
//! | operation | system calls, in order |
//! |---|---|
//! | [`put`] | `openat(O_CREAT\|O_EXCL)` of a temporary name, `write`, `fsync`, `linkat` to the name (never replaces), `unlinkat`, `fsync` of the directory |
//! | [`settle`] | `fsync` of a file that is there, `fsync` of its directory |
//! | [`replace`] | `openat(O_CREAT\|O_EXCL)` of a temporary name, `write`, `fsync`, `rename`, `fsync` of the directory |
//! | [`rename`] | `rename`, `fsync` of both directories |
//! | [`make_dirs`] | `mkdir`, `fsync` of the parent, from the top down |
//!
//! A failed fsync is never retried on the same file: the kernel may have dropped its pages.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// How the names of unfinished files begin.
pub(crate) const TEMPORARY: &str = ".new-";

/// Files of this process that were begun.
static BEGUN: AtomicU64 = AtomicU64::new(0);

/// What became of a [`put`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Linked {
    /// The file is there now, and durable.
    New,
    /// Something of that name was there before; nothing was changed.
    Taken,
}

/// Puts a file in place unless its name is taken.
pub(crate) fn put(path: &Path, mode: u32, bytes: &[u8]) -> io::Result<Linked> {
    let temporary = write_temporary(path, mode, bytes)?;
    let linked = std::fs::hard_link(&temporary, path);
    std::fs::remove_file(&temporary)?;
    match linked {
        Ok(()) => sync_dir(parent(path)).map(|()| Linked::New),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(Linked::Taken),
        Err(error) => Err(error),
    }
}

/// Makes sure that a file that is there will still be there, whoever put it.
pub(crate) fn settle(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()?;
    sync_dir(parent(path))
}

/// Puts a file with these contents in place, whole or not at all.
pub(crate) fn replace(path: &Path, mode: u32, bytes: &[u8]) -> io::Result<()> {
    let temporary = write_temporary(path, mode, bytes)?;
    std::fs::rename(&temporary, path)?;
    sync_dir(parent(path))
}

/// Removes a file, durably; one that is not there is removed.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Ok(()) => sync_dir(parent(path)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Makes `below`, part by part, under `top`, which must exist.
pub(crate) fn make_dirs(top: &Path, below: &Path, mode: u32) -> io::Result<()> {
    let mut dir = top.to_owned();
    for part in below.components() {
        let above = dir.clone();
        dir.push(part);
        match DirBuilder::new().mode(mode).create(&dir) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            // Made just now, or by somebody who may not have come to this yet.
            _ => sync_dir(&above)?,
        }
    }
    Ok(())
}

fn write_temporary(path: &Path, mode: u32, bytes: &[u8]) -> io::Result<PathBuf> {
    let number = BEGUN.fetch_add(1, Ordering::Relaxed);
    let name = format!("{TEMPORARY}{}-{number}", std::process::id());
    let temporary = parent(path).join(name);
    // Of a process with the same id before a crash.
    match std::fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&temporary)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if let Err(error) = written {
        // The disk is full, most likely: make room again, and report what happened first.
        let _ = std::fs::remove_file(&temporary);
        return Err(error);
    }
    Ok(temporary)
}

/// Moves a durable file to another name, which may be taken.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::rename(from, to)?;
    sync_dir(parent(to))?;
    sync_dir(parent(from))
}

fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_taken_keeps_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("segment");
        assert_eq!(put(&path, 0o640, b"one").unwrap(), Linked::New);
        assert_eq!(put(&path, 0o640, b"two").unwrap(), Linked::Taken);
        assert_eq!(std::fs::read(&path).unwrap(), b"one");
        assert_eq!(
            std::fs::read_dir(dir.path()).unwrap().count(),
            1,
            "nothing temporary stays"
        );
    }

    #[test]
    fn a_replaced_file_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("chain.json");
        replace(&path, 0o600, b"one").unwrap();
        replace(&path, 0o600, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
    }
}
