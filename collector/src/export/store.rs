//! How far each export is, in SQLite; every commit reaches the disk.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OptionalExtension as _, params};
use rusqlite_migration::{M, Migrations};

use crate::database;
use crate::feed::Place;

/// Every migration ever shipped, oldest first; what is listed here is never edited.
const MIGRATIONS: &[M<'static>] = &[M::up(include_str!("../../migrations/exports-1.sql"))];

/// The database.
pub(super) struct Store {
    connection: Mutex<Connection>,
}

/// Up to where a receiver has everything.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Confirmed {
    pub(crate) place: Place,
    /// Entries, in all.
    pub(crate) entries: u64,
    /// Microseconds since 1970.
    pub(crate) changed: i64,
}

/// Why it could not.
#[derive(Debug, thiserror::Error)]
#[error("the database of exports could not {doing}")]
pub(crate) struct StoreError {
    doing: &'static str,
    #[source]
    source: rusqlite::Error,
}

impl Store {
    pub(super) fn open(path: &Path) -> Result<Self, database::OpenError> {
        let migrations = Migrations::from_slice(MIGRATIONS);
        let connection = database::open(path, database::Commits::ReachTheDisk, &migrations)?;
        Ok(Self {
            connection: Mutex::new(connection),
        })
    }

    /// `None` before the first time.
    pub(super) fn confirmed(&self, name: &str) -> Result<Option<Confirmed>, StoreError> {
        self.lock()
            .prepare_cached(
                "SELECT segment, into_it, confirmed, changed FROM places WHERE name = ?1",
            )
            .and_then(|mut statement| {
                let row = statement.query_row([name], |row| {
                    Ok(Confirmed {
                        place: Place {
                            segment: row.get(0)?,
                            into: row.get(1)?,
                        },
                        entries: row.get(2)?,
                        changed: row.get(3)?,
                    })
                });
                row.optional()
            })
            .map_err(failed("say how far one is"))
    }

    pub(super) fn keep(&self, name: &str, confirmed: &Confirmed) -> Result<(), StoreError> {
        let Confirmed {
            place,
            entries,
            changed,
        } = confirmed;
        self.lock()
            .prepare_cached("INSERT OR REPLACE INTO places (name, segment, into_it, confirmed, changed) VALUES (?1, ?2, ?3, ?4, ?5)")
            .and_then(|mut insert| insert.execute(params![name, place.segment, place.into, entries, changed]))
            .map(|_| ())
            .map_err(failed("keep how far one is"))
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn failed(doing: &'static str) -> impl Fn(rusqlite::Error) -> StoreError {
    move |source| StoreError { doing, source }
}
