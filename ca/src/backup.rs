//! `daypass-ca backup`: everything a CA is, in one file, while it serves.
//!
//! The database is copied by SQLite's own backup, so that what the file holds is one committed moment; the journal is
//! copied after it, and so knows every decision that the database does. Signing keys are copied as they are,
//! encrypted; the X.509 keys as they are, in the clear. The last file says how many there are, so that a backup that was cut
//! off is told from a whole one. The journal's keys stay behind: whoever finds a backup cannot write the CA's journal, and a restored CA
//! begins a new one.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::cli::BackupArgs;
use crate::config::{Config, ConfigError};
use crate::keys::rotation::Kind;
use crate::layout::Layout;
use crate::store::{self, StoreError};

/// The first file in every backup.
pub const MANIFEST: &str = "daypass-ca-backup.json";

/// The last file in every backup.
pub const END: &str = "daypass-ca-backup-end.json";

/// The archive, while it is written.
const PART: &str = "backup.tar";

/// Segments are retired now and then: a backup that misses one on its way begins anew so often.
const ATTEMPTS: u32 = 5;

/// What a backup ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct End {
    /// How many files stand before this one.
    pub files: u64,
}

/// What a backup says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Always 1.
    pub v: u8,
    /// The program that made it.
    pub version: String,
    /// The CA's pin.
    pub ca: String,
    /// Its incarnation when the backup was made.
    pub incarnation: String,
    /// When, in seconds since 1970.
    pub time: i64,
}

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// There is no CA to back up.
    #[error("there is no CA in {directory}")]
    NoCa {
        /// Where it was looked for.
        directory: PathBuf,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file that is there already is not written over.
    #[error("{path} is there already")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A file could not be read or written.
    #[error("{path} cannot be read or written")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The manifest could not be written.
    #[error("the manifest could not be written")]
    Manifest(#[from] serde_json::Error),
}

impl BackupError {
    /// A segment was retired, or a text erased, between its directory's being read and its own. What is missing for another
    /// reason is so the next time, too.
    fn is_of_a_file_that_went(&self) -> bool {
        matches!(self, Self::File { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

/// Writes the backup that the arguments ask for; where it is.
///
/// # Errors
/// When something cannot be read, or the file cannot be written whole: then there is none.
pub fn run(arguments: &BackupArgs) -> Result<PathBuf, BackupError> {
    let config = Config::read(&arguments.config)?;
    let now = crate::authority::Authority::system_clock()().unix();
    write(
        &Layout::new(&config.data),
        Some(&arguments.config),
        &arguments.file,
        now,
    )?;
    Ok(arguments.file.clone())
}

/// Writes a backup of the CA in `layout` to `file`, which must not be there; `config` is taken along.
///
/// # Errors
/// As [`run`].
pub fn write(
    layout: &Layout,
    config: Option<&Path>,
    file: &Path,
    now: i64,
) -> Result<(), BackupError> {
    if file.exists() {
        return Err(BackupError::Exists {
            path: file.to_owned(),
        });
    }
    if !layout.database().exists() {
        return Err(BackupError::NoCa {
            directory: layout.root().to_owned(),
        });
    }
    let directory = file
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let directory = directory.unwrap_or(Path::new("."));
    // A directory of our own beside the file, with a name that nobody else has: what is cleaned up is ours alone.
    let own = tempfile::Builder::new()
        .prefix(".daypass-ca-backup-")
        .permissions(std::fs::Permissions::from_mode(0o700))
        .tempdir_in(directory)
        .map_err(failed(directory))?;
    let mut written = assemble(layout, config, own.path(), now);
    for _ in 1..ATTEMPTS {
        match &written {
            Err(error) if error.is_of_a_file_that_went() => {
                written = assemble(layout, config, own.path(), now);
            }
            _ => break,
        }
    }
    written?;
    put_in_place(&own.path().join(PART), file)?;
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(failed(directory))
}

/// Not over a file that came meanwhile; where the file system has no links, as near to that as it lets us.
fn put_in_place(part: &Path, file: &Path) -> Result<(), BackupError> {
    let exists = || BackupError::Exists {
        path: file.to_owned(),
    };
    match std::fs::hard_link(part, file) {
        Ok(()) => Ok(()),
        Err(source) if source.kind() == io::ErrorKind::AlreadyExists => Err(exists()),
        Err(_) if file.exists() => Err(exists()),
        Err(_) => std::fs::rename(part, file).map_err(failed(file)),
    }
}

/// Writes the archive [`PART`] in the directory `own`, anew.
fn assemble(
    layout: &Layout,
    config: Option<&Path>,
    own: &Path,
    now: i64,
) -> Result<(), BackupError> {
    let (part, snapshot) = (&own.join(PART), &own.join("ca.db"));
    for leftover in [part, snapshot] {
        let _ = std::fs::remove_file(leftover);
    }
    private(snapshot)?;
    let found = store::copy(&layout.database(), snapshot)?;
    let (ca, incarnation) = found.ok_or_else(|| BackupError::NoCa {
        directory: layout.root().to_owned(),
    })?;
    let manifest = Manifest {
        v: 1,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ca,
        incarnation,
        time: now,
    };
    let mut archive = Archive {
        tar: tar::Builder::new(private(part)?),
        files: 0,
    };
    let manifest = serde_json::to_string(&manifest)?;
    archive
        .append(MANIFEST, manifest.len() as u64, manifest.as_bytes())
        .map_err(failed(part))?;
    append_file(&mut archive, "ca.db", snapshot)?;
    if let Some(config) = config {
        append_file(&mut archive, "ca.toml", config)?;
    }
    for kind in [Kind::UserCa, Kind::HostCa] {
        for path in [kind.current(layout), kind.next(layout), kind.old(layout)] {
            append_key(&mut archive, &path)?;
        }
    }
    append_key(&mut archive, &layout.state_key())?;
    let successions = layout.successions();
    if successions.exists() {
        append_file(&mut archive, &inside("keys", &successions), &successions)?;
    }
    append_directory(&mut archive, "tls", &layout.tls())?;
    append_directory(&mut archive, "journal", &layout.journal())?;
    let end = serde_json::to_string(&End {
        files: archive.files,
    })?;
    archive
        .append(END, end.len() as u64, end.as_bytes())
        .map_err(failed(part))?;
    let mut file = archive.tar.into_inner().map_err(failed(part))?;
    file.flush()
        .and_then(|()| file.sync_all())
        .map_err(failed(part))
}

/// Every plain file of a directory and of those in it, by the order of their names.
fn append_directory(
    archive: &mut Archive,
    name: &str,
    directory: &Path,
) -> Result<(), BackupError> {
    let entries = std::fs::read_dir(directory).map_err(failed(directory))?;
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(failed(directory))?;
    paths.sort();
    for path in paths {
        let kind = std::fs::symlink_metadata(&path).map_err(failed(&path))?;
        if kind.is_dir() {
            append_directory(archive, &inside(name, &path), &path)?;
        } else if kind.is_file() {
            append_file(archive, &inside(name, &path), &path)?;
        }
    }
    Ok(())
}

/// A key's halves, as far as they are in files: an agent's own is not for us to have.
fn append_key(archive: &mut Archive, path: &Path) -> Result<(), BackupError> {
    for path in [path.to_owned(), path.with_extension("pub")] {
        if path.exists() {
            append_file(archive, &inside("keys", &path), &path)?;
        }
    }
    Ok(())
}

/// As much of the file as there is now: journals grow at their end while we read.
fn append_file(archive: &mut Archive, name: &str, path: &Path) -> Result<(), BackupError> {
    let file = File::open(path).map_err(failed(path))?;
    let size = file.metadata().map_err(failed(path))?.len();
    archive.append(name, size, file).map_err(failed(path))
}

/// The backup while it is written.
struct Archive {
    tar: tar::Builder<File>,
    files: u64,
}

impl Archive {
    /// Writes `size` bytes of `content`, and fails where there are fewer.
    fn append(&mut self, name: &str, size: u64, content: impl Read) -> io::Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_size(size);
        header.set_mode(0o600);
        header.set_entry_type(tar::EntryType::Regular);
        header.set_cksum();
        let content = Exactly {
            content,
            left: size,
        };
        self.tar.append_data(&mut header, name, content)?;
        self.files += 1;
        Ok(())
    }
}

/// So many bytes, or an error: an archive whose header promised more than came would be damaged behind it.
struct Exactly<R> {
    content: R,
    left: u64,
}

impl<R: Read> Read for Exactly<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let read = self.content.read(&mut buffer[..most])?;
        if read == 0 && most > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= read as u64;
        Ok(read)
    }
}

fn inside(directory: &str, path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    format!("{directory}/{name}")
}

/// A new file that nobody else may read.
fn private(path: &Path) -> Result<File, BackupError> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(failed(path))
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> BackupError {
    let path = path.to_owned();
    |source| BackupError::File { path, source }
}
