//! Files that are whole or not there at all.
//!
//! The sequence: create a neighbour (`O_EXCL`), `write`, `fchmod`, `fsync`, `rename` over the target. A reader at
//! any moment, `ssh` for one, sees the old file or the new one.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::diagnostic::Failure;

/// Puts `content` at `path` with permission bits `mode`, whole or not at all. Missing directories are made, 0700.
pub fn write(path: &Path, content: &[u8], mode: u32) -> Result<(), Failure> {
    replace(path, content, mode).map_err(|source| Failure::CannotWrite {
        path: path.to_owned(),
        source,
    })
}

/// Reads the text in `path`, at most `bound` bytes of it; `None` when there is no such file.
pub fn read(path: &Path, bound: u64) -> Result<Option<String>, Failure> {
    let Some(bytes) = read_bytes(path, bound)? else {
        return Ok(None);
    };
    String::from_utf8(bytes)
        .map(Some)
        .map_err(|error| Failure::CannotRead {
            path: path.to_owned(),
            source: io::Error::new(io::ErrorKind::InvalidData, error.utf8_error()),
        })
}

/// Likewise, whatever is in it.
pub fn read_bytes(path: &Path, bound: u64) -> Result<Option<Vec<u8>>, Failure> {
    let unreadable = |source| Failure::CannotRead {
        path: path.to_owned(),
        source,
    };
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    let mut bytes = Vec::new();
    file.take(bound + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > bound {
        return Err(Failure::FileTooLong {
            path: path.to_owned(),
            bound,
        });
    }
    Ok(Some(bytes))
}

/// Makes `path` and what is missing above it, for this user only.
pub fn directory(path: &Path) -> Result<(), Failure> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|source| Failure::CannotWrite {
        path: path.to_owned(),
        source,
    })
}

fn replace(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let parent = path.parent().unwrap_or(Path::new("/"));
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(parent)?;
    let neighbour = neighbour(path)?;
    let written = (|| {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&neighbour)?;
        file.write_all(content)?;
        file.set_permissions(Permissions::from_mode(mode))?;
        file.sync_all()?;
        fs::rename(&neighbour, path)
    })();
    if written.is_err() {
        // Whatever went wrong is what the reader is told; a leftover is only untidy.
        let _ = fs::remove_file(&neighbour);
    }
    written
}

fn neighbour(path: &Path) -> io::Result<PathBuf> {
    let mut random = [0_u8; 8];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{:016x}", u64::from_ne_bytes(random)));
    Ok(path.with_file_name(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_nothing_is_left_beside_it() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("a/b");
        write(&path, b"one", 0o600).expect("written");
        write(&path, b"two", 0o644).expect("written");
        assert_eq!(read(&path, 10).expect("read").as_deref(), Some("two"));
        assert_eq!(
            fs::metadata(&path).expect("there").permissions().mode() & 0o777,
            0o644
        );
        assert_eq!(
            fs::read_dir(directory.path().join("a"))
                .expect("a directory")
                .count(),
            1
        );
    }

    #[test]
    fn a_file_over_its_bound_is_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("long");
        write(&path, b"12345", 0o600).expect("written");
        assert!(matches!(read(&path, 4), Err(Failure::FileTooLong { .. })));
        assert!(
            read(&directory.path().join("none"), 4)
                .expect("no error")
                .is_none()
        );
    }
}
