//! The index in SQLite. Commits need not reach the disk: what a power cut takes is taken in again.

mod carry;
mod condition;
mod pairs;
mod plan;
mod readers;
mod renewal;
mod rows;
mod sessions;
mod text;
mod texts;
mod ways;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use rusqlite::{Connection, TransactionBehavior};
use rusqlite_migration::{M, Migrations};

use super::cursor::Cursor;
use super::query::{Order, Query};
use super::record::Record;
use super::session::{Session, Wanted};
use super::story::Story;
use super::{Index, IndexError, Page};
use crate::database;
use crate::segments::Cause;
use pairs::Pairs;
use readers::Readers;
use rows::{Hit, Overwritten};

/// Every migration ever shipped, oldest first; what is listed here is never edited. One that changes what is known of an
/// entry leaves the old rows in `carried`.
const MIGRATIONS: &[M<'static>] = &[
    M::up(include_str!("../../migrations/index-1.sql")),
    M::up(include_str!("../../migrations/index-2.sql")),
    M::up(include_str!("../../migrations/index-3.sql")),
];

/// The index.
pub struct SqliteIndex {
    path: PathBuf,
    /// `None` after another index should have taken its place and could not be opened.
    open: RwLock<Option<Open>>,
}

/// Connections to one database. They are closed in this order: the last brings everything into the one file, and must be
/// able to write.
struct Open {
    readers: Readers,
    writer: Mutex<Connection>,
}

impl Open {
    fn at(path: &Path) -> Result<Self, database::OpenError> {
        let migrations = Migrations::from_slice(MIGRATIONS);
        let mut writer = database::open(path, database::Commits::ReachTheSystem, &migrations)?;
        let not_opened = |source| database::OpenError::NotOpened {
            path: path.to_owned(),
            source,
        };
        rows::prepare(&writer).map_err(not_opened)?;
        carry::over(&mut writer).map_err(not_opened)?;
        pairs::fill(&mut writer).map_err(not_opened)?;
        Ok(Self {
            readers: Readers::open(path)?,
            writer: Mutex::new(writer),
        })
    }
}

impl SqliteIndex {
    /// Opens the database at `path`, making or migrating it as needed.
    ///
    /// # Errors
    /// When it cannot be opened, is newer than this program, or a migration fails.
    pub fn open(path: &Path) -> Result<Self, database::OpenError> {
        Ok(Self {
            open: RwLock::new(Some(Open::at(path)?)),
            path: path.to_owned(),
        })
    }

    /// Where an index that was made anew waits to take the place of the one at `path`.
    pub fn ready(path: &Path) -> PathBuf {
        path.with_extension("ready")
    }

    /// Puts an index that waits so in the place of the one at `path`, which nobody has open.
    ///
    /// # Errors
    /// When a file cannot be moved.
    pub fn put_ready(path: &Path) -> Result<(), IndexError> {
        renewal::put(path, &Self::ready(path))
    }

    /// The number of the last segment that the index at `path` has taken, while another process has it open.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn taken_at(path: &Path) -> Result<u64, IndexError> {
        let reader = database::open_to_read(path).map_err(|source| IndexError::Failed {
            doing: "be opened",
            source: source.into(),
        })?;
        rows::taken(&reader).map_err(|source| failed("say how far it is", source))
    }

    fn read<T>(
        &self,
        doing: &'static str,
        job: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, IndexError> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        let open = open.as_ref().ok_or_else(closed)?;
        let outcome = open.readers.with(job);
        outcome.map_err(|source| failed(doing, source))
    }

    fn write<T>(
        &self,
        doing: &'static str,
        job: impl FnOnce(&Connection) -> Result<T, IndexError>,
    ) -> Result<T, IndexError> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        let open = open.as_ref().ok_or_else(closed)?;
        let mut writer = lock(&open.writer);
        let failed = |source| failed(doing, source);
        let transaction = writer
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(failed)?;
        let done = job(&transaction)?;
        transaction.commit().map_err(failed)?;
        Ok(done)
    }
}

impl Index for SqliteIndex {
    fn taken(&self) -> Result<u64, IndexError> {
        self.read("say how far it is", rows::taken)
    }

    fn take(&self, first: u64, segments: &[Vec<Record>]) -> Result<(), IndexError> {
        const DOING: &str = "take segments";
        self.write(DOING, |transaction| {
            let failed = |source| failed(DOING, source);
            let taken = rows::taken(transaction).map_err(failed)?;
            if first > taken + 1 {
                return Err(IndexError::OutOfTurn {
                    taken,
                    given: first,
                });
            }
            let mut pairs = Pairs::default();
            for (number, records) in (first..).zip(segments) {
                if number > taken {
                    rows::insert(transaction, number, records, &mut pairs).map_err(failed)?;
                    rows::took(transaction, number).map_err(failed)?;
                }
            }
            pairs.write(transaction).map_err(failed)
        })
    }

    fn forget(&self, segment: u64, runs: &[(u64, u64)]) -> Result<(), IndexError> {
        const DOING: &str = "forget entries";
        self.write(DOING, |transaction| {
            Overwritten::Everywhere
                .apply_to(transaction)
                .and_then(|()| {
                    runs.iter()
                        .try_for_each(|run| rows::forget(transaction, segment, *run))
                })
                .and_then(|()| Overwritten::InPages.apply_to(transaction))
                .map_err(|source| failed(DOING, source))
        })?;
        // What was deleted stands in the log of the database until it is gone.
        self.checkpoint()
    }

    fn renew(&self) -> Result<bool, IndexError> {
        renewal::renew(&self.path, &self.open)
    }

    fn search(&self, query: &Query) -> Result<Page, IndexError> {
        page(
            query,
            self.read("search", |reader| plan::search(reader, query))?,
        )
    }

    fn sessions(&self, wanted: &Wanted) -> Result<Vec<Session>, IndexError> {
        self.read("look for sessions", |reader| {
            sessions::search(reader, wanted)
        })
    }

    fn story(&self, story: &Story) -> Result<Page, IndexError> {
        let hits = self.read("tell of a session", |reader| plan::story(reader, story))?;
        page(&story.query(), hits)
    }
}

impl SqliteIndex {
    fn checkpoint(&self) -> Result<(), IndexError> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        let open = open.as_ref().ok_or_else(closed)?;
        lock(&open.writer)
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .map_err(|source| failed("write down what was forgotten", source))
    }
}

fn closed() -> IndexError {
    IndexError::Failed {
        doing: "be opened again after it was renewed; restart the collector",
        source: "it is closed".into(),
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
