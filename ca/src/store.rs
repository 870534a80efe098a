//! The CA's database: SQLite, and nothing outside this folder knows that.
//!
//! Writes go through one thread that commits what is waiting together: many callers, one `fdatasync`.
//! Reads take a connection of their own from a small pool and never wait for a writer.

mod certificates;
mod collectors;
mod hosts;
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
pub use collectors::AdmittedCollector;
pub use hosts::EnrolledHost;
pub use nonces::{NonceError, Nonces};
pub use revocations::StoredRevocation;
pub use rosters::StoredRoster;
pub use tokens::Token;
pub use windows::{StoredStatement, StoredWindow, WindowFilter};

use writer::Writer;

/// Every migration ever shipped, oldest first; what is listed here is never edited.
const MIGRATIONS: &[M<'static>] = &[
    M::up(include_str!("../migrations/1-spine.sql")),
    M::up(include_str!("../migrations/2-collectors.sql")),
    M::up(include_str!("../migrations/3-tokens-by-group.sql")),
    M::up(include_str!("../migrations/4-revocations.sql")),
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

/// Copies the database `from`, which may be in use, to `to`: one committed moment of it. Its pin and incarnation, if
/// there is a CA in it.
///
/// # Errors
/// When one cannot be read or the other not be written.
pub fn copy(from: &Path, to: &Path) -> Result<Option<(String, String)>, StoreError> {
    // Read-write, since a reader of a log beside the database takes part in its locks; nothing is written.
    let source = open_plainly(from)?;
    source.busy_timeout(Duration::from_secs(5))?;
    let mut target = open_plainly(to)?;
    // All pages in one step: a step-wise copy would begin again at every commit of the CA's.
    rusqlite::backup::Backup::new(&source, &mut target)?.run_to_completion(
        std::ffi::c_int::MAX,
        Duration::from_millis(100),
        None,
    )?;
    into_one_file(&target)?;
    Tx(&target).genesis()
}

/// Brings what stands in the log beside a database that nobody uses into the database itself.
///
/// # Errors
/// When it cannot be written.
pub fn settle(path: &Path) -> Result<(), StoreError> {
    into_one_file(&open_plainly(path)?)
}

fn open_plainly(path: &Path) -> Result<Connection, StoreError> {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(|source| {
        StoreError::NotOpened {
            path: path.to_owned(),
            source,
        }
    })
}

fn into_one_file(connection: &Connection) -> Result<(), StoreError> {
    Ok(connection.pragma_update(None, "journal_mode", "DELETE")?)
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
mod tests {
    use super::*;

    #[test]
    fn the_migrations_are_valid() {
        Migrations::from_slice(MIGRATIONS).validate().unwrap();
    }

    #[test]
    fn a_job_that_fails_leaves_nothing_behind_and_its_neighbours_stay() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("ca.db")).unwrap();
        store.write(|tx| tx.add_pending("{\"kept\":1}")).unwrap();
        let refused: Result<(), StoreError> = store.write(|tx| {
            tx.add_pending("{\"undone\":1}")?;
            Err(StoreError::Closed)
        });
        assert!(matches!(refused, Err(StoreError::Closed)));
        let pending = store.read(|tx| tx.pending()).unwrap();
        assert_eq!(pending.len(), 1);
        assert_eq!(pending[0].1, "{\"kept\":1}");
    }

    #[test]
    fn what_was_written_is_there_after_opening_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ca.db");
        let store = Store::open(&path).unwrap();
        store.write(|tx| tx.add_pending("{}")).unwrap();
        drop(store);
        assert_eq!(
            Store::open(&path)
                .unwrap()
                .read(|tx| tx.pending())
                .unwrap()
                .len(),
            1
        );
    }

    /// A database as the program of schema 1 left it: people, a host, windows in several states, a certificate, tokens.
    const VERSION_1: &str = include_str!("../tests/databases/1.sql");

    #[test]
    fn a_database_of_the_first_version_migrates_with_its_data() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ca.db");
        Connection::open(&path)
            .unwrap()
            .execute_batch(VERSION_1)
            .unwrap();
        let store = Store::open(&path).unwrap();
        let (pin, incarnation) = store.read(|tx| tx.genesis()).unwrap().unwrap();
        assert_eq!(incarnation, "8b1da661f5082c1e");
        let signed = store.read(|tx| tx.chain()).unwrap().into_iter();
        let signed: Vec<_> = signed
            .map(|stored| daypass_protocol::roster::SignedRoster {
                roster: stored.roster,
                signatures: stored
                    .signatures
                    .iter()
                    .map(|text| text.parse().unwrap())
                    .collect(),
            })
            .collect();
        let chain = daypass_protocol::roster::Chain::verify(pin.parse().unwrap(), &signed);
        let chain = chain.unwrap();
        let roster = chain.newest();
        assert_eq!((roster.number, roster.people.len()), (3, 3));

        // Every window, with what was said of it, stands where it stood.
        let first = roster.time.plus(600);
        let windows = store
            .read(|tx| {
                tx.windows(&WindowFilter {
                    limit: 10,
                    ..WindowFilter::default()
                })
            })
            .unwrap();
        let states = windows.iter().map(|stored| {
            let case = store
                .read(|tx| crate::case::Case::open(tx, stored))
                .unwrap();
            case.state(roster, first).to_string()
        });
        assert_eq!(states.collect::<Vec<_>>(), ["revoked", "denied", "open"]);
        let host = store.read(|tx| tx.host_named("db1.example")).unwrap();
        let host = host.unwrap();
        assert_eq!((host.name.as_str(), host.groups.len()), ("db1", 1));
        let again = IssuedCertificate {
            serial: 1_015_380_544_057_519_468,
            window: windows[2].id.clone(),
            person: "carl".to_owned(),
            key: String::new(),
            host: "db1".to_owned(),
            account: "deploy".to_owned(),
            valid_after: 0,
            valid_before: 1,
            issued: 0,
        };
        // Its serial is taken for ever.
        assert!(!store.write(move |tx| tx.add_certificate(&again)).unwrap());
        let content = "another".to_owned();
        let number = store.write(move |tx| tx.state_number(&content)).unwrap();
        assert!(number > 1, "{number}");
    }

    #[test]
    fn a_copy_is_one_moment_of_a_database_in_use() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("ca.db")).unwrap();
        store.write(|tx| tx.add_pending("{}")).unwrap();
        let copy_at = directory.path().join("copy.db");
        std::fs::File::create(&copy_at).unwrap();
        copy(&directory.path().join("ca.db"), &copy_at).unwrap();
        store.write(|tx| tx.add_pending("{}")).unwrap();
        let copied = Store::open(&copy_at).unwrap();
        assert_eq!(copied.read(|tx| tx.pending()).unwrap().len(), 1);
    }

    #[test]
    fn tokens_of_the_first_version_keep_what_they_were_good_for() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ca.db");
        let mut connection = Connection::open(&path).unwrap();
        Migrations::from_slice(&MIGRATIONS[..1])
            .to_latest(&mut connection)
            .unwrap();
        for (secret, used) in [([1_u8; 32], None), ([2; 32], Some(1234))] {
            connection
                .execute(
                    "INSERT INTO tokens (secret, host, aliases, groups, maker, expires, used)
                     VALUES (?1, 'db1', '[\"db\"]', '[\"prod\"]', 'ada', 5000, ?2)",
                    rusqlite::params![secret, used],
                )
                .unwrap();
        }
        drop(connection);
        let store = Store::open(&path).unwrap();
        let token = |secret| store.read(|tx| tx.token(&secret)).unwrap().unwrap();
        let unused = token([1; 32]);
        assert_eq!(
            (
                unused.host.as_deref(),
                unused.maker.as_str(),
                unused.expires
            ),
            (Some("db1"), "ada", 5000)
        );
        assert_eq!((unused.uses, unused.used, unused.last_used), (1, 0, None));
        assert_eq!(unused.groups, ["prod"]);
        let used = token([2; 32]);
        assert_eq!((used.uses, used.used, used.last_used), (1, 1, Some(1234)));
        assert!(
            store
                .write::<_, StoreError>(|tx| tx.use_token(&[1; 32], 1))
                .unwrap()
        );
        assert!(
            !store
                .write::<_, StoreError>(|tx| tx.use_token(&[1; 32], 2))
                .unwrap()
        );
    }

    #[test]
    fn a_database_from_a_newer_version_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ca.db");
        drop(Store::open(&path).unwrap());
        Connection::open(&path)
            .unwrap()
            .pragma_update(None, "user_version", 99)
            .unwrap();
        assert!(matches!(
            Store::open(&path),
            Err(StoreError::Migration { .. })
        ));
    }
}
