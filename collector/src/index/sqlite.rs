//! The index in SQLite. Commits need not reach the disk: what a power cut takes is taken in again.

mod carry;
mod condition;
mod plan;
mod readers;
mod rows;
mod text;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, TransactionBehavior};
use rusqlite_migration::{M, Migrations};

use super::cursor::Cursor;
use super::query::{Order, Query};
use super::record::Record;
use super::{Index, IndexError, Page};
use crate::database;
use crate::segments::Cause;
use readers::Readers;
use rows::Hit;

/// Every migration ever shipped, oldest first; what is listed here is never edited. One that changes what is known of an
/// entry leaves the old rows in `carried`.
const MIGRATIONS: &[M<'static>] = &[
    M::up(include_str!("../../migrations/index-1.sql")),
    M::up(include_str!("../../migrations/index-2.sql")),
];

/// The index.
pub struct SqliteIndex {
    writer: Mutex<Connection>,
    readers: Readers,
}

impl SqliteIndex {
    /// Opens the database at `path`, making or migrating it as needed.
    ///
    /// # Errors
    /// When it cannot be opened, is newer than this program, or a migration fails.
    pub fn open(path: &Path) -> Result<Self, database::OpenError> {
        let migrations = Migrations::from_slice(MIGRATIONS);
        let mut writer = database::open(path, database::Commits::ReachTheSystem, &migrations)?;
        let not_opened = |source| database::OpenError::NotOpened {
            path: path.to_owned(),
            source,
        };
        rows::prepare(&writer).map_err(not_opened)?;
        carry::over(&mut writer).map_err(not_opened)?;
        Ok(Self {
            writer: Mutex::new(writer),
            readers: Readers::open(path)?,
        })
    }
}

impl Index for SqliteIndex {
    fn taken(&self) -> Result<u64, IndexError> {
        self.readers
            .with(rows::taken)
            .map_err(|source| failed("say how far it is", source))
    }

    fn take(&self, first: u64, segments: &[Vec<Record>]) -> Result<(), IndexError> {
        let mut writer = lock(&self.writer);
        let failed = |source| failed("take segments", source);
        let transaction = writer
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(failed)?;
        let taken = rows::taken(&transaction).map_err(failed)?;
        if first > taken + 1 {
            return Err(IndexError::OutOfTurn {
                taken,
                given: first,
            });
        }
        for (number, records) in (first..).zip(segments) {
            if number > taken {
                rows::insert(&transaction, number, records).map_err(failed)?;
                rows::took(&transaction, number).map_err(failed)?;
            }
        }
        transaction.commit().map_err(failed)
    }

    fn search(&self, query: &Query) -> Result<Page, IndexError> {
        let hits = self
            .readers
            .with(|reader| plan::search(reader, query))
            .map_err(|source| failed("search", source))?;
        page(query, hits)
    }
}

/// The page that one hit more than asked for makes.
fn page(query: &Query, mut hits: Vec<Hit>) -> Result<Page, IndexError> {
    let more = hits.len() > query.limit;
    hits.truncate(query.limit);
    let next = next(query, hits.last(), more)?;
    let entries = hits.into_iter().map(|hit| hit.found).collect();
    Ok(Page { entries, next })
}

fn next(query: &Query, last: Option<&Hit>, more: bool) -> Result<Option<Cursor>, IndexError> {
    let start = Cursor::Arrival { segment: 0, seq: 0 };
    Ok(match (query.order, last) {
        (Order::Arrival, Some(hit)) => Some(Cursor::Arrival {
            segment: hit.segment,
            seq: hit.seq,
        }),
        (Order::Arrival, None) => Some(query.after.clone().unwrap_or(start)),
        (_, Some(hit)) if more => Some(Cursor::Time {
            time: hit.time,
            log: hit
                .found
                .origin
                .parse()
                .map_err(|source| IndexError::Failed {
                    doing: "read an origin that it wrote",
                    source: Cause::from(source),
                })?,
            seq: hit.seq,
        }),
        _ => None,
    })
}

fn failed(doing: &'static str, source: rusqlite::Error) -> IndexError {
    if source.sqlite_error_code() == Some(rusqlite::ErrorCode::OperationInterrupted) {
        return IndexError::TooLong;
    }
    IndexError::Failed {
        doing,
        source: source.into(),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
