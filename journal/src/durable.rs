//! All that must survive a power cut: every write, fsync, rename and directory fsync of this crate.
//!
//! | operation | system calls, in order |
//! |---|---|
//! | [`append`] | `write` (all bytes, usually one call), `fdatasync` |
//! | [`create`] | `openat(O_CREAT\|O_EXCL\|O_APPEND)`, `fchmod`, `fchown`, `fsync` of the directory |
//! | [`reserve`] | `openat(O_CREAT\|O_APPEND)`, `fchmod`, `fchown`, `fallocate(FALLOC_FL_KEEP_SIZE)` |
//! | [`adopt`] | `rename`, `fsync` of the directory |
//! | [`replace`] | `openat(O_CREAT\|O_EXCL)` of a temporary name, `fchmod`, `fchown`, `write`, `fsync`, `rename`, `fsync` of the directory |
//! | [`supplant`] | as [`replace`]; then `pwrite` over the file that was there, and `fdatasync` |
//! | [`copy`] | as [`replace`], the bytes read from another file |
//! | [`replace_segment`] | `ioctl(FS_IOC_SETFLAGS)` to take the append-only attribute off, [`replace`], and `ioctl` to set it |
//! | [`overwrite`] | `openat(O_WRONLY)`, `pwrite`, `fdatasync` |
//! | [`sync`] | `openat`, `fdatasync` |
//! | [`make_dir`] | `mkdir`, `fchmod`, `fchown`, `fsync` of the parent |
//!
//! A failed fsync is final: the kernel may have dropped the dirty pages, so nothing here retries one.

use std::fmt;
use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::fcntl::{FallocateFlags, fallocate};

mod append_only;
#[cfg(test)]
pub(crate) mod fault;
mod in_place;

pub use append_only::Protection;
pub(crate) use append_only::{guard, release};
pub(crate) use in_place::{overwrite, supplant, sync};

/// What was being done to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Opening it.
    Open,
    /// Reading it.
    Read,
    /// Listing a directory.
    List,
    /// Creating it.
    Create,
    /// Taking the lock on it.
    Lock,
    /// Writing to it.
    Write,
    /// Bringing it to the disk.
    Sync,
    /// Putting it in its place.
    Rename,
    /// Bringing a directory to the disk.
    SyncDirectory,
    /// Making a directory.
    MakeDirectory,
    /// Removing it.
    Remove,
    /// Watching it for changes.
    Watch,
}

impl fmt::Display for Action {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Open => "open",
            Self::Read => "read",
            Self::List => "list",
            Self::Create => "create",
            Self::Lock => "lock",
            Self::Write => "write to",
            Self::Sync => "sync",
            Self::Rename => "rename into place",
            Self::SyncDirectory => "sync the directory",
            Self::MakeDirectory => "make the directory",
            Self::Remove => "remove",
            Self::Watch => "watch",
        })
    }
}

/// A failed operation on a file. Cheap to clone, for all who waited for the same write.
#[derive(Clone, Debug, thiserror::Error)]
#[error("could not {action} {}: {source}", path.display())]
pub struct DiskError {
    /// What was being done.
    pub action: Action,
    /// To which file.
    pub path: PathBuf,
    /// What the system said.
    pub source: Arc<io::Error>,
}

/// Names action and path of a failure.
pub(crate) fn failed(action: Action, path: &Path) -> impl FnOnce(io::Error) -> DiskError {
    move |source| DiskError {
        action,
        path: path.to_owned(),
        source: Arc::new(source),
    }
}

/// Where tests make system calls fail; nothing otherwise.
fn may_fail(action: Action, path: &Path) -> Result<(), DiskError> {
    #[cfg(test)]
    fault::strike(action, path).map_err(failed(action, path))?;
    let _ = (action, path);
    Ok(())
}

/// The most that [`read_small`] reads, in bytes.
const SMALL: usize = 65_536;

/// How the name of a file ends that is not in its place yet.
pub(crate) const UNFINISHED: &str = ".new";

/// A file, whole; `None` where it is longer than that.
pub(crate) fn read_at_most(path: &Path, limit: usize) -> Result<Option<Vec<u8>>, DiskError> {
    let file = File::open(path).map_err(failed(Action::Open, path))?;
    let length = file.metadata().map_or(0, |about| about.len());
    // Room beforehand: where it is a secret, growing would leave copies of it behind.
    let room = usize::try_from(length).map_or(limit, |length| length.min(limit));
    let mut bytes = Vec::with_capacity(room + 1);
    file.take(limit as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(failed(Action::Read, path))?;
    Ok((bytes.len() <= limit).then_some(bytes))
}

/// A small file, whole.
pub(crate) fn read_bytes(path: &Path) -> Result<Vec<u8>, DiskError> {
    match read_at_most(path, SMALL)? {
        Some(bytes) => Ok(bytes),
        None => Err(failed(Action::Read, path)(
            io::ErrorKind::FileTooLarge.into(),
        )),
    }
}

/// A small text file, whole.
pub(crate) fn read_small(path: &Path) -> Result<String, DiskError> {
    let no_text = |_| io::Error::new(io::ErrorKind::InvalidData, "it is no text in UTF-8");
    String::from_utf8(read_bytes(path)?)
        .map_err(no_text)
        .map_err(failed(Action::Read, path))
}

/// Appends to a file opened for appending, and returns once the bytes are on disk.
pub(crate) fn append(file: &mut File, path: &Path, bytes: &[u8]) -> Result<(), DiskError> {
    #[cfg(test)]
    if let Err(error) = fault::strike(Action::Write, path) {
        // What a full disk does: the beginning is written, the rest is not.
        let half = &bytes[..bytes.len() / 2];
        file.write_all(half).map_err(failed(Action::Write, path))?;
        fault::fall();
        return Err(failed(Action::Write, path)(error));
    }
    file.write_all(bytes).map_err(failed(Action::Write, path))?;
    may_fail(Action::Sync, path)?;
    file.sync_data().map_err(failed(Action::Sync, path))
}

/// Gives a new file its mode, of which the umask may have taken bits away, and the group of its directory: whoever may
/// look into that may read what is in it.
fn for_readers(file: &File, path: &Path, mode: u32) -> io::Result<()> {
    file.set_permissions(Permissions::from_mode(mode))?;
    let (own, group) = (file.metadata()?.gid(), parent(path).metadata()?.gid());
    if own != group {
        // Where the system does not let us, fewer read it.
        let _ = fchown(file, None, Some(group));
    }
    Ok(())
}

/// Brings a directory's entries to the disk.
pub(crate) fn sync_dir(dir: &Path) -> Result<(), DiskError> {
    may_fail(Action::SyncDirectory, dir)?;
    File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(failed(Action::SyncDirectory, dir))
}

/// A new, empty file for appending, its name on disk.
pub(crate) fn create(path: &Path, mode: u32) -> Result<File, DiskError> {
    may_fail(Action::Create, path)?;
    let file = OpenOptions::new()
        .append(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .map_err(failed(Action::Create, path))?;
    for_readers(&file, path, mode).map_err(failed(Action::Create, path))?;
    sync_dir(parent(path))?;
    Ok(file)
}

/// Reserves `bytes` on the disk for a file that is still empty, where the file system can.
///
/// Nothing depends on it but that a disk that fills later still has room: a failure is none.
pub(crate) fn allocate(file: &File, bytes: u64) {
    let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
    let _ = fallocate(file, FallocateFlags::FALLOC_FL_KEEP_SIZE, 0, bytes);
}

/// Makes an empty file with room for `bytes` at `path`, to be [`adopt`]ed later.
pub(crate) fn reserve(path: &Path, mode: u32, bytes: u64) -> Result<(), DiskError> {
    may_fail(Action::Create, path)?;
    let file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(mode)
        .open(path)
        .map_err(failed(Action::Create, path))?;
    for_readers(&file, path, mode).map_err(failed(Action::Create, path))?;
    allocate(&file, bytes);
    Ok(())
}

/// Gives a reserved file its name, and opens it for appending once the name is on disk.
pub(crate) fn adopt(reserved: &Path, path: &Path) -> Result<File, DiskError> {
    rename(reserved, path)?;
    OpenOptions::new()
        .append(true)
        .open(path)
        .map_err(failed(Action::Open, path))
}

/// Gives a file another name, and takes the place of what has it; returns once that is on disk.
pub(crate) fn rename(from: &Path, to: &Path) -> Result<(), DiskError> {
    may_fail(Action::Rename, to)?;
    std::fs::rename(from, to).map_err(failed(Action::Rename, to))?;
    sync_dir(parent(to))
}

/// Removes a file, if it is there. A crash may bring it back.
pub(crate) fn remove(path: &Path) -> Result<(), DiskError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(failed(Action::Remove, path)(error))
        }
        _ => Ok(()),
    }
}

/// Puts a file with these contents in place, whole or not at all.
pub(crate) fn replace(path: &Path, mode: u32, bytes: &[u8]) -> Result<(), DiskError> {
    put(path, mode, |file| file.write_all(bytes))
}

/// Puts another content in the place of a segment.
pub(crate) fn replace_segment(
    path: &Path,
    mode: u32,
    bytes: &[u8],
    protection: Protection,
) -> Result<(), DiskError> {
    release(path)?;
    replace(path, mode, bytes)?;
    let file = File::open(path).map_err(failed(Action::Open, path))?;
    guard(&file, protection);
    Ok(())
}

/// Puts a copy of a file in place, whole or not at all.
pub(crate) fn copy(from: &Path, to: &Path, mode: u32) -> Result<(), DiskError> {
    let mut source = File::open(from).map_err(failed(Action::Open, from))?;
    put(to, mode, |file| io::copy(&mut source, file).map(drop))
}

fn put(
    path: &Path,
    mode: u32,
    fill: impl FnOnce(&mut File) -> io::Result<()>,
) -> Result<(), DiskError> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(UNFINISHED);
    let temporary = PathBuf::from(temporary);
    // Left behind by a crash; whoever writes holds the lock.
    remove(&temporary)?;
    may_fail(Action::Create, &temporary)?;
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&temporary)
        .map_err(failed(Action::Create, &temporary))?;
    for_readers(&file, path, mode).map_err(failed(Action::Create, &temporary))?;
    #[cfg(test)]
    if let Err(error) = fault::strike(Action::Write, &temporary) {
        file.write_all(b"{").map_err(failed(Action::Write, path))?;
        fault::fall();
        return Err(failed(Action::Write, &temporary)(error));
    }
    fill(&mut file).map_err(failed(Action::Write, &temporary))?;
    may_fail(Action::Sync, &temporary)?;
    file.sync_all().map_err(failed(Action::Sync, &temporary))?;
    may_fail(Action::Rename, path)?;
    std::fs::rename(&temporary, path).map_err(failed(Action::Rename, path))?;
    sync_dir(parent(path))
}

/// Makes a directory unless it is there; its parent must exist.
pub(crate) fn make_dir(dir: &Path, mode: u32) -> Result<(), DiskError> {
    if dir.is_dir() {
        return Ok(());
    }
    may_fail(Action::MakeDirectory, dir)?;
    match std::fs::DirBuilder::new().mode(mode).create(dir) {
        // Somebody else was first.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && dir.is_dir() => {}
        made => made.map_err(failed(Action::MakeDirectory, dir))?,
    }
    File::open(dir)
        .and_then(|made| for_readers(&made, dir, mode))
        .map_err(failed(Action::MakeDirectory, dir))?;
    sync_dir(parent(dir))
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
    fn a_replaced_file_has_its_mode_and_no_temporary_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        replace(&path, 0o600, b"one").unwrap();
        replace(&path, 0o600, b"two").unwrap();
        assert_eq!(read_small(&path).unwrap(), "two");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_is_there_is_not_created_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("segment");
        create(&path, 0o640).unwrap();
        let error = create(&path, 0o640).unwrap_err();
        assert_eq!(error.action, Action::Create);
        assert_eq!(error.source.kind(), io::ErrorKind::AlreadyExists);
    }

    #[test]
    fn whoever_may_look_into_a_directory_may_read_what_is_made_in_it() {
        let dir = tempfile::tempdir().unwrap();
        if std::os::unix::fs::chown(dir.path(), None, Some(4)).is_err() {
            eprintln!("skipped: only root gives a directory to a group that is not its own");
            return;
        }
        let [made, replaced, reserved] =
            ["made", "replaced", "reserved"].map(|name| dir.path().join(name));
        make_dir(&dir.path().join("inner"), 0o750).unwrap();
        create(&made, 0o640).unwrap();
        replace(&replaced, 0o640, b"text").unwrap();
        reserve(&reserved, 0o640, 1).unwrap();
        create(&dir.path().join("inner/file"), 0o640).unwrap();
        for (name, mode) in [
            ("inner", 0o750),
            ("inner/file", 0o640),
            ("made", 0o640),
            ("replaced", 0o640),
            ("reserved", 0o640),
        ] {
            let about = dir.path().join(name).metadata().unwrap();
            assert_eq!((about.gid(), about.mode() & 0o7777), (4, mode), "{name}");
        }
    }

    #[test]
    fn a_large_file_is_not_read_as_a_small_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("large");
        std::fs::write(&path, vec![b'x'; 70_000]).unwrap();
        assert_eq!(read_small(&path).unwrap_err().action, Action::Read);
    }

    #[test]
    fn what_is_no_text_is_not_read_as_one_and_bytes_are() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("torn");
        std::fs::write(&path, b"a\xff").unwrap();
        assert_eq!(read_bytes(&path).unwrap(), b"a\xff");
        let error = read_small(&path).unwrap_err().to_string();
        assert!(error.ends_with("torn: it is no text in UTF-8"), "{error}");
    }
}
