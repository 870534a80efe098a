//! The index in SQLite. Commits need not reach the disk: what a power cut takes is taken in again.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::types::Value;
use rusqlite::{Connection, Row, TransactionBehavior, params, params_from_iter};
use rusqlite_migration::{M, Migrations};

use super::cursor::Cursor;
use super::query::{Order, Query};
use super::record::Record;
use super::{Found, Index, IndexError, Page};
use crate::database;
use crate::segments::Cause;

/// Every migration ever shipped, oldest first; what is listed here is never edited.
const MIGRATIONS: &[M<'static>] = &[M::up(include_str!("../../migrations/index-1.sql"))];

/// The index.
pub struct SqliteIndex {
    writer: Mutex<Connection>,
    reader: Mutex<Connection>,
}

impl SqliteIndex {
    /// Opens the database at `path`, making or migrating it as needed.
    ///
    /// # Errors
    /// When it cannot be opened, is newer than this program, or a migration fails.
    pub fn open(path: &Path) -> Result<Self, database::OpenError> {
        let migrations = Migrations::from_slice(MIGRATIONS);
        let writer = database::open(path, database::Commits::ReachTheSystem, &migrations)?;
        let reader = database::open_to_read(path)?;
        Ok(Self {
            writer: Mutex::new(writer),
            reader: Mutex::new(reader),
        })
    }
}

impl Index for SqliteIndex {
    fn taken(&self) -> Result<u64, IndexError> {
        taken(&lock(&self.reader)).map_err(|source| failed("say how far it is", source))
    }

    fn take(&self, number: u64, records: &[Record]) -> Result<(), IndexError> {
        let mut writer = lock(&self.writer);
        let failed = |source| failed("take a segment", source);
        let transaction = writer
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(failed)?;
        let taken = taken(&transaction).map_err(failed)?;
        if number <= taken {
            return Ok(());
        }
        if number > taken + 1 {
            return Err(IndexError::OutOfTurn {
                taken,
                given: number,
            });
        }
        insert(&transaction, number, records).map_err(failed)?;
        transaction.commit().map_err(failed)
    }

    fn search(&self, query: &Query) -> Result<Page, IndexError> {
        let Statement { sql, values } = Statement::of(query);
        let reader = lock(&self.reader);
        let mut rows = (|| {
            let mut statement = reader.prepare_cached(&sql)?;
            let rows = statement.query_map(params_from_iter(values), hit)?;
            rows.collect::<rusqlite::Result<Vec<Hit>>>()
        })()
        .map_err(|source| failed("search", source))?;
        let more = rows.len() > query.limit;
        rows.truncate(query.limit);
        let next = next(query, rows.last(), more)?;
        let entries = rows.into_iter().map(|hit| hit.found).collect();
        Ok(Page { entries, next })
    }
}

fn taken(connection: &Connection) -> rusqlite::Result<u64> {
    connection
        .prepare_cached("SELECT number FROM taken")?
        .query_row([], |row| row.get(0))
}

fn insert(connection: &Connection, number: u64, records: &[Record]) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO entries (segment, seq, origin, time, host, action, person, account, target, \"window\", \
         reason, command, line) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
    )?;
    for record in records {
        insert.execute(params![
            number,
            record.seq,
            record.log.to_string(),
            record.time,
            record.host,
            record.action,
            record.person,
            record.account,
            record.target,
            record.window,
            record.reason.as_bytes(),
            record.command,
            record.line,
        ])?;
    }
    connection
        .prepare_cached("UPDATE taken SET number = ?1")?
        .execute([number])?;
    Ok(())
}

/// A query in SQL. Only constants of this file become part of the text; everything asked for is a parameter.
struct Statement {
    sql: String,
    values: Vec<Value>,
}

impl Statement {
    fn of(query: &Query) -> Self {
        let mut statement = Self {
            sql: "SELECT segment, seq, time, origin, line FROM entries WHERE TRUE".to_owned(),
            values: Vec::new(),
        };
        if let Some(since) = query.since {
            statement.and("(time >= ?# OR time = 0)", [since.into()]);
        }
        if let Some(until) = query.until {
            statement.and("(time < ?# OR time = 0)", [until.into()]);
        }
        statement.and_any("(person = ?# OR account = ?# OR target = ?#)", &query.users);
        statement.and_any("host = ?#", &query.hosts);
        statement.and_any("\"window\" = ?#", &query.windows);
        statement.and_any(
            "(action = ?# OR substr(action, 1, length(?#) + 1) = ?# || '.')",
            &query.actions,
        );
        if let Some(text) = query.text.as_ref().filter(|text| !text.is_empty()) {
            let bytes = Value::Blob(text.clone().into_bytes());
            statement.and("(instr(command, ?#) > 0 OR instr(reason, ?#) > 0)", [bytes]);
        }
        statement.after(query);
        statement.sql.push_str(match query.order {
            Order::Oldest => " ORDER BY time, origin, seq",
            Order::Newest => " ORDER BY time DESC, origin DESC, seq DESC",
            Order::Arrival => " ORDER BY segment, seq",
        });
        // One more than asked for tells whether there is more.
        statement
            .sql
            .push_str(&format!(" LIMIT {}", query.limit.saturating_add(1)));
        statement
    }

    fn after(&mut self, query: &Query) {
        match (&query.after, query.order) {
            (Some(Cursor::Arrival { segment, seq }), _) => {
                self.sql.push_str(" AND (segment, seq) > (");
                self.numbers(&[*segment, *seq]);
            }
            (Some(Cursor::Time { time, log, seq }), order) => {
                let beyond = match order {
                    Order::Newest => "<",
                    Order::Oldest | Order::Arrival => ">",
                };
                self.values.push((*time).into());
                self.values.push(log.to_string().into());
                let (time, log) = (self.values.len() - 1, self.values.len());
                self.sql.push_str(&format!(
                    " AND (time, origin, seq) {beyond} (?{time}, ?{log}, "
                ));
                self.numbers(&[*seq]);
            }
            (None, _) => {}
        }
    }

    /// Ends a row value with numbers. Beyond what SQLite can hold nothing is stored, so the largest serves.
    fn numbers(&mut self, numbers: &[u64]) {
        let numbers: Vec<String> = numbers
            .iter()
            .map(|number| i64::try_from(*number).unwrap_or(i64::MAX).to_string())
            .collect();
        self.sql.push_str(&numbers.join(", "));
        self.sql.push(')');
    }

    /// Adds a condition whose `?#` all stand for the one value.
    fn and(&mut self, condition: &str, [value]: [Value; 1]) {
        self.sql.push_str(" AND ");
        self.condition(condition, value);
    }

    fn and_any(&mut self, condition: &str, values: &[String]) {
        let Some((first, rest)) = values.split_first() else {
            return;
        };
        self.sql.push_str(" AND (");
        self.condition(condition, first.clone().into());
        for value in rest {
            self.sql.push_str(" OR ");
            self.condition(condition, value.clone().into());
        }
        self.sql.push(')');
    }

    fn condition(&mut self, condition: &str, value: Value) {
        self.values.push(value);
        self.sql
            .push_str(&condition.replace("?#", &format!("?{}", self.values.len())));
    }
}

struct Hit {
    segment: u64,
    seq: u64,
    time: i64,
    found: Found,
}

fn hit(row: &Row<'_>) -> rusqlite::Result<Hit> {
    Ok(Hit {
        segment: row.get(0)?,
        seq: row.get(1)?,
        time: row.get(2)?,
        found: Found {
            origin: row.get(3)?,
            entry: row.get(4)?,
        },
    })
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
    IndexError::Failed {
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
    fn an_index_in_sqlite_keeps_the_contract() {
        let dir = tempfile::tempdir().unwrap();
        super::super::contract::holds_for(|| {
            SqliteIndex::open(&dir.path().join("index.db")).unwrap()
        });
    }
}
