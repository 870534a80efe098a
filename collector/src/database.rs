//! How this program opens SQLite.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use rusqlite_migration::Migrations;

/// How long a connection waits for another one's write.
const PATIENCE: Duration = Duration::from_secs(5);

/// How far a commit goes before it returns.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Commits {
    /// To the disk: what was answered is never lost.
    ReachTheDisk,
    /// To the system: a power cut may take the last ones, and what is lost can be made again.
    ReachTheSystem,
}

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file could not be opened as a database.
    #[error("the database {} cannot be opened", path.display())]
    NotOpened {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// It is newer than this program, or a migration failed.
    #[error("the database {} could not be brought to this version's schema", path.display())]
    Migration {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: rusqlite_migration::Error,
    },
}

/// Opens a database to write, making or migrating it as needed.
pub(crate) fn open(
    path: &Path,
    commits: Commits,
    migrations: &Migrations<'_>,
) -> Result<Connection, OpenError> {
    let not_opened = |source| OpenError::NotOpened {
        path: path.to_owned(),
        source,
    };
    let mut connection = Connection::open(path).map_err(not_opened)?;
    prepare(&connection, commits).map_err(not_opened)?;
    migrations
        .to_latest(&mut connection)
        .map_err(|source| OpenError::Migration {
            path: path.to_owned(),
            source,
        })?;
    Ok(connection)
}

/// Opens a database that [`open`] has opened before, to read.
pub(crate) fn open_to_read(path: &Path) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(path, flags)
        .and_then(|connection| connection.busy_timeout(PATIENCE).map(|()| connection))
        .map_err(|source| OpenError::NotOpened {
            path: path.to_owned(),
            source,
        })
}

fn prepare(connection: &Connection, commits: Commits) -> rusqlite::Result<()> {
    let synchronous = match commits {
        Commits::ReachTheDisk => "FULL",
        Commits::ReachTheSystem => "NORMAL",
    };
    connection.busy_timeout(PATIENCE)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)
}
