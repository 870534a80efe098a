//! The CA's database: SQLite, and nothing outside this folder knows that.
//!
//! Writes go through one thread that commits what is waiting together: many callers, one `fdatasync`.
//! Reads take a connection of their own from a small pool and never wait for a writer.

mod certificates;
mod collectors;
mod copy;
mod hosts;
mod invitations;
mod narrowings;
mod nonces;
mod own_record;
mod pending;
mod revocations;
mod rosters;
mod tokens;
mod windows;
mod writer;

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction};
use rusqlite_migration::{M, Migrations};

pub use certificates::IssuedCertificate;
pub use collectors::{AdmittedCollector, FormerWitness};
pub use copy::{copy, settle};
pub use hosts::EnrolledHost;
pub use invitations::StoredInvitation;
pub use narrowings::StoredNarrowing;
pub use nonces::{NonceError, Nonces};
pub use revocations::StoredRevocation;
pub use rosters::StoredRoster;
pub use tokens::Token;
pub use windows::{StoredStatement, StoredWindow, WindowFilter};

pub use writer::Settled;
use writer::Writer;

/// Every migration ever shipped, oldest first; what is listed here is never edited.
const MIGRATIONS: &[M<'static>] = &[
    M::up(include_str!("../migrations/1-spine.sql")),
    M::up(include_str!("../migrations/2-collectors.sql")),
    M::up(include_str!("../migrations/3-tokens-by-group.sql")),
    M::up(include_str!("../migrations/4-revocations.sql")),
    M::up(include_str!("../migrations/5-narrowings.sql")),
    M::up(include_str!("../migrations/6-replacing-tokens.sql")),
    M::up(include_str!("../migrations/7-journal-first.sql")),
    M::up(include_str!("../migrations/8-client-certificates.sql")),
    M::up(include_str!("../migrations/9-witness-heirs.sql")),
    M::up(include_str!("../migrations/10-invitations.sql")),
];

/// As many readers as there is any use for on a small server.
const READERS: usize = 4;

/// The database.
pub struct Store {
    writer: Writer,
    readers: Mutex<Vec<Connection>>,
    returned: Condvar,
}

/// A transaction: every method of it is one statement of SQL.
pub struct Tx<'a>(&'a Connection);

/// Why the database did not do as told.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite refused or failed.
    #[error("the database failed")]
    Sqlite(#[from] rusqlite::Error),
    /// The database is not of a version this program knows.
    #[error("the database {path} could not be brought to this version's schema")]
    Migration {
        /// The database.
        path: PathBuf,
        /// What went wrong.
        source: rusqlite_migration::Error,
    },
    /// The file could not be opened.
    #[error("the database {path} cannot be opened")]
    NotOpened {
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The file could not be made.
    #[error("the database {path} cannot be made")]
    NotMade {
        /// The database.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A column holds what this program never wrote.
    #[error("the database holds a malformed {what}")]
    Malformed {
        /// Which value.
        what: &'static str,
        /// What the parser said.
        source: serde_json::Error,
    },
    /// The commit of a batch failed: nothing of it was kept.
    #[error("the database could not commit: {reason}")]
    NotCommitted {
        /// What SQLite said, to each of the batch.
        reason: String,
    },
    /// What the journal tells of certificates is not in the table, time and again.
    #[error(
        "the database lacks the rows of {rows} certificates that it refused; no more are made until it has them"
    )]
    Behind {
        /// How many.
        rows: usize,
    },
    /// The database's thread has ended.
    #[error("the database is shut down")]
    Closed,
}

impl Store {
    /// Opens the database at `path`, making or migrating it as needed.
    ///
    /// # Errors
    /// When it cannot be opened, is newer than this program, or a migration fails.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let not_opened = |source| StoreError::NotOpened {
            path: path.to_owned(),
            source,
        };
        keep_private(path)?;
        let mut connection = Connection::open(path).map_err(not_opened)?;
        prepare(&connection, "FULL").map_err(not_opened)?;
        Migrations::from_slice(MIGRATIONS)
            .to_latest(&mut connection)
            .map_err(|source| StoreError::Migration {
                path: path.to_owned(),
                source,
            })?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let readers = (0..READERS)
            .map(|_| Connection::open_with_flags(path, flags).map_err(not_opened))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            writer: Writer::start(connection),
            readers: Mutex::new(readers),
            returned: Condvar::new(),
        })
    }

    /// Runs `job` in a transaction and returns when it is durable. An error from `job` undoes what it did.
    ///
    /// # Errors
    /// The job's own, or the database's.
    pub fn write<T, E>(
        &self,
        job: impl FnOnce(&Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.writer.run(job)
    }

    /// Runs `job` after what is waiting now, and does not wait for it; a failure is logged.
    pub fn write_later(
        &self,
        job: impl FnOnce(&Tx<'_>) -> Result<(), StoreError> + Send + 'static,
    ) {
        self.writer.run_later(job);
    }

    /// Runs `job` after what is waiting now, without waiting for it or for the disk; `settled` is told what became of it. It is
    /// durable when anything that was written later, and waited for, is.
    pub fn write_behind(
        &self,
        job: impl FnOnce(&Tx<'_>) -> Result<(), StoreError> + Send + 'static,
        settled: impl FnOnce(Settled) + Send + 'static,
    ) {
        self.writer.run_behind(job, settled);
    }

    /// Runs `job` on one consistent view of what is committed.
    ///
    /// # Errors
    /// The job's own, or the database's.
    pub fn read<T, E>(&self, job: impl FnOnce(&Tx<'_>) -> Result<T, E>) -> Result<T, E>
    where
        E: From<StoreError>,
    {
        let mut connection = self.take_reader();
        let result = connection
            .transaction()
            .map_err(|error| E::from(StoreError::Sqlite(error)))
            .and_then(|transaction| job(&Tx(&transaction)));
        self.readers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(connection);
        self.returned.notify_one();
        result
    }

    fn take_reader(&self) -> Connection {
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(reader) = readers.pop() {
                return reader;
            }
            readers = self
                .returned
                .wait(readers)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl<'a> Tx<'a> {
    fn of(transaction: &'a Transaction<'_>) -> Self {
        Self(transaction)
    }
}

/// SQLite makes its files as open as the umask lets it, and its logs as open as the database: so we make the first.
fn keep_private(path: &Path) -> Result<(), StoreError> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
        .map(drop)
        .map_err(|source| StoreError::NotMade {
            path: path.to_owned(),
            source,
        })
}

/// Settings that hold for a connection: a log beside the database, and how far a commit goes.
fn prepare(connection: &Connection, synchronous: &str) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)
}

/// A list as the database keeps it.
fn list(values: &[String]) -> Result<String, StoreError> {
    serde_json::to_string(values).map_err(|source| StoreError::Malformed {
        what: "list",
        source,
    })
}

fn unlist(text: &str, what: &'static str) -> Result<Vec<String>, StoreError> {
    serde_json::from_str(text).map_err(|source| StoreError::Malformed { what, source })
}

#[cfg(test)]
mod tests;
