//! Checkpoints in SQLite: one file, one writer at a time, every commit on disk before it is answered.

mod losses;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};
use rusqlite_migration::{M, Migrations};

use super::losses::Losses;
use super::{
    Advanced, CheckpointError, CheckpointStore, Held, Mark, Registered, Registration, StoredSegment,
};
use crate::database;
use crate::origin::Origin;
use crate::segments::SegmentName;

/// Every migration ever shipped, oldest first; what is listed here is never edited.
const MIGRATIONS: &[M<'static>] = &[
    M::up(include_str!("../../migrations/checkpoints-1.sql")),
    M::up(include_str!("../../migrations/checkpoints-2.sql")),
    M::up(include_str!("../../migrations/checkpoints-3.sql")),
];

/// Columns of a log, as [`registration_of`] and [`held_of`] read them.
const LOG: &str = "origin, record, signature, registered, size, root, seal, follower, stored";
/// Columns of a segment, as [`segment_of`] reads them.
const SEGMENT: &str = "segments.number, logs.origin, segments.name, segments.stored";

/// The store.
pub struct SqliteCheckpoints {
    writer: Mutex<Connection>,
    reader: Mutex<Connection>,
}

impl SqliteCheckpoints {
    /// Opens the database at `path`, making or migrating it as needed.
    ///
    /// # Errors
    /// When it cannot be opened, is newer than this program, or a migration fails.
    pub fn open(path: &Path) -> Result<Self, database::OpenError> {
        let migrations = Migrations::from_slice(MIGRATIONS);
        let writer = database::open(path, database::Commits::ReachTheDisk, &migrations)?;
        let reader = database::open_to_read(path)?;
        Ok(Self {
            writer: Mutex::new(writer),
            reader: Mutex::new(reader),
        })
    }

    /// Opens a database that [`SqliteCheckpoints::open`] has opened before, to read alone: while another process writes it.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open_to_read(path: &Path) -> Result<Self, database::OpenError> {
        Ok(Self {
            writer: Mutex::new(database::open_to_read(path)?),
            reader: Mutex::new(database::open_to_read(path)?),
        })
    }

    /// The number of the last segment; 0 before the first.
    ///
    /// # Errors
    /// [`CheckpointError::Failed`].
    pub fn last_segment(&self) -> Result<u64, CheckpointError> {
        lock(&self.reader)
            .query_row("SELECT coalesce(max(number), 0) FROM segments", [], |row| {
                row.get(0)
            })
            .map_err(|source| failed("count segments", source))
    }

    fn write<T>(
        &self,
        doing: &'static str,
        job: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, CheckpointError> {
        let mut writer = lock(&self.writer);
        (|| {
            let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let result = job(&transaction)?;
            transaction.commit()?;
            Ok(result)
        })()
        .map_err(|source| failed(doing, source))
    }

    fn segments(
        &self,
        rest: &str,
        parameters: &[&dyn rusqlite::ToSql],
    ) -> Result<Vec<StoredSegment>, CheckpointError> {
        self.listed(
            &format!("SELECT {SEGMENT} FROM segments JOIN logs ON logs.id = segments.log {rest}"),
            parameters,
        )
    }

    fn listed(
        &self,
        sql: &str,
        parameters: &[&dyn rusqlite::ToSql],
    ) -> Result<Vec<StoredSegment>, CheckpointError> {
        let reader = lock(&self.reader);
        let columns = (|| {
            let mut statement = reader.prepare_cached(sql)?;
            let rows = statement.query_map(parameters, |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })?;
            rows.collect::<rusqlite::Result<Vec<SegmentColumns>>>()
        })()
        .map_err(|source| failed("list segments", source))?;
        columns.into_iter().map(segment_of).collect()
    }
}

impl CheckpointStore for SqliteCheckpoints {
    fn register(&self, registration: &Registration) -> Result<Registered, CheckpointError> {
        let Registration {
            log,
            record,
            signature,
            registered,
        } = registration;
        let empty = Mark::empty();
        self.write("register a log", |transaction| {
            let known: Option<String> = transaction
                .prepare_cached("SELECT record FROM logs WHERE origin = ?1")?
                .query_row([log.to_string()], |row| row.get(0))
                .optional()?;
            match known {
                Some(known) if known == *record => return Ok(Registered::Same),
                Some(_) => return Ok(Registered::Differs),
                None => {}
            }
            transaction.execute(
                "INSERT INTO logs (origin, record, signature, registered, size, root) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![
                    log.to_string(),
                    record,
                    signature,
                    registered,
                    empty.size,
                    empty.root
                ],
            )?;
            Ok(Registered::New)
        })
    }

    fn registration(&self, log: &Origin) -> Result<Option<Registration>, CheckpointError> {
        Ok(self.find(log)?.map(|(registration, _)| registration))
    }

    fn latest(&self, log: &Origin) -> Result<Option<Held>, CheckpointError> {
        Ok(self.find(log)?.and_then(|(_, held)| held))
    }

    fn advance(
        &self,
        log: &Origin,
        old: &Mark,
        new: &Held,
        segment: &SegmentName,
    ) -> Result<Advanced, CheckpointError> {
        let origin = log.to_string();
        let advanced = self.write("advance a checkpoint", |transaction| {
            let changed = transaction
                .prepare_cached(
                    "UPDATE logs SET \
                     stored = CASE WHEN size = ?4 THEN stored ELSE ?8 END, \
                     size = ?4, root = ?5, seal = ?6, follower = ?7 \
                     WHERE origin = ?1 AND ((size = ?2 AND root = ?3) OR (size = ?4 AND root = ?5))",
                )?
                .execute(params![
                    origin, old.size, old.root, new.mark.size, new.mark.root, new.seal, new.follower, new.stored
                ])?;
            if changed == 0 {
                return Ok(None);
            }
            // Already there when this is the same write again.
            transaction
                .prepare_cached(
                    "INSERT INTO segments (log, first, size, name, stored) \
                     SELECT id, ?2, ?3, ?4, ?5 FROM logs WHERE origin = ?1 \
                     AND NOT EXISTS (SELECT 1 FROM segments WHERE log = logs.id AND size = ?3)",
                )?
                .execute(params![origin, segment.first, segment.size, segment.to_string(), new.stored])?;
            Ok(Some(Advanced::Done))
        })?;
        match advanced {
            Some(advanced) => Ok(advanced),
            None if self.find(log)?.is_some() => Ok(Advanced::Stale),
            None => Err(CheckpointError::Unregistered { log: log.clone() }),
        }
    }

    fn segments_of(
        &self,
        log: &Origin,
        from: u64,
        limit: usize,
    ) -> Result<Vec<StoredSegment>, CheckpointError> {
        self.segments(
            "WHERE logs.origin = ?1 AND segments.size > ?2 ORDER BY segments.size LIMIT ?3",
            params![log.to_string(), from, limit],
        )
    }

    fn segments_after(
        &self,
        after: u64,
        limit: usize,
    ) -> Result<Vec<StoredSegment>, CheckpointError> {
        self.segments(
            "WHERE segments.number > ?1 ORDER BY segments.number LIMIT ?2",
            params![after, limit],
        )
    }

    fn replace(&self, old: &StoredSegment, new: &SegmentName) -> Result<Advanced, CheckpointError> {
        let (before, after) = (old.name.to_string(), new.to_string());
        self.write("replace a segment", |transaction| {
            let listed: Option<String> = transaction
                .prepare_cached("SELECT name FROM segments WHERE number = ?1")?
                .query_row([old.number], |row| row.get(0))
                .optional()?;
            if listed.as_ref() == Some(&after) {
                return Ok(Advanced::Done);
            }
            if listed.as_ref() != Some(&before) {
                return Ok(Advanced::Stale);
            }
            transaction
                .prepare_cached("UPDATE segments SET name = ?2 WHERE number = ?1")?
                .execute(params![old.number, after])?;
            transaction
                .prepare_cached("INSERT OR IGNORE INTO replaced (number, name) VALUES (?1, ?2)")?
                .execute(params![old.number, before])?;
            Ok(Advanced::Done)
        })
    }

    fn replaced(&self, limit: usize) -> Result<Vec<StoredSegment>, CheckpointError> {
        self.listed(
            "SELECT replaced.number, logs.origin, replaced.name, segments.stored FROM replaced \
             JOIN segments ON segments.number = replaced.number JOIN logs ON logs.id = segments.log \
             ORDER BY replaced.number LIMIT ?1",
            params![limit],
        )
    }

    fn settled(&self, old: &StoredSegment) -> Result<(), CheckpointError> {
        self.write("forget a replaced segment", |transaction| {
            transaction
                .prepare_cached("DELETE FROM replaced WHERE number = ?1 AND name = ?2")?
                .execute(params![old.number, old.name.to_string()])
                .map(drop)
        })
    }

    fn lost(&self) -> &dyn Losses {
        self
    }

    fn logs(&self) -> Result<Vec<(Registration, Option<Held>)>, CheckpointError> {
        let reader = lock(&self.reader);
        let columns = (|| {
            let mut statement =
                reader.prepare_cached(&format!("SELECT {LOG} FROM logs ORDER BY origin"))?;
            statement
                .query_map([], log_columns)?
                .collect::<rusqlite::Result<Vec<LogColumns>>>()
        })()
        .map_err(|source| failed("list logs", source))?;
        let mut logs = columns
            .into_iter()
            .map(log_of)
            .collect::<Result<Vec<_>, _>>()?;
        logs.sort_by(|(a, _), (b, _)| a.log.cmp(&b.log));
        Ok(logs)
    }
}

impl SqliteCheckpoints {
    fn find(&self, log: &Origin) -> Result<Option<(Registration, Option<Held>)>, CheckpointError> {
        let reader = lock(&self.reader);
        let columns = (|| {
            let mut statement =
                reader.prepare_cached(&format!("SELECT {LOG} FROM logs WHERE origin = ?1"))?;
            statement
                .query_row([log.to_string()], log_columns)
                .optional()
        })()
        .map_err(|source| failed("read a checkpoint", source))?;
        columns.map(log_of).transpose()
    }
}

struct LogColumns {
    origin: String,
    record: String,
    signature: String,
    registered: i64,
    mark: Mark,
    seal: Option<String>,
    follower: Option<String>,
    stored: Option<i64>,
}

fn log_columns(row: &Row<'_>) -> rusqlite::Result<LogColumns> {
    Ok(LogColumns {
        origin: row.get(0)?,
        record: row.get(1)?,
        signature: row.get(2)?,
        registered: row.get(3)?,
        mark: Mark {
            size: row.get(4)?,
            root: row.get(5)?,
        },
        seal: row.get(6)?,
        follower: row.get(7)?,
        stored: row.get(8)?,
    })
}

fn log_of(columns: LogColumns) -> Result<(Registration, Option<Held>), CheckpointError> {
    let registration = Registration {
        log: origin_of(&columns.origin)?,
        record: columns.record,
        signature: columns.signature,
        registered: columns.registered,
    };
    let held = match (columns.seal, columns.follower, columns.stored) {
        (Some(seal), Some(follower), Some(stored)) => Some(Held {
            mark: columns.mark,
            seal,
            follower,
            stored,
        }),
        (None, None, None) => None,
        _ => return Err(CheckpointError::Malformed { what: "checkpoint" }),
    };
    Ok((registration, held))
}

/// As [`SEGMENT`] has them.
type SegmentColumns = (u64, String, String, i64);

fn segment_of(
    (number, origin, name, stored): SegmentColumns,
) -> Result<StoredSegment, CheckpointError> {
    Ok(StoredSegment {
        number,
        log: origin_of(&origin)?,
        name: name
            .parse()
            .map_err(|_| CheckpointError::Malformed { what: "segment" })?,
        stored,
    })
}

fn origin_of(text: &str) -> Result<Origin, CheckpointError> {
    text.parse()
        .map_err(|_| CheckpointError::Malformed { what: "origin" })
}

fn failed(doing: &'static str, source: rusqlite::Error) -> CheckpointError {
    CheckpointError::Failed {
        doing,
        source: source.into(),
    }
}

fn lock(connection: &Mutex<Connection>) -> MutexGuard<'_, Connection> {
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_migrations_are_valid() {
        Migrations::from_slice(MIGRATIONS).validate().unwrap();
    }

    #[test]
    fn checkpoints_in_sqlite_keep_the_contract() {
        let dir = tempfile::tempdir().unwrap();
        super::super::contract::holds_for(|| {
            SqliteCheckpoints::open(&dir.path().join("checkpoints.db")).unwrap()
        });
    }
}
