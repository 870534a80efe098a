//! Entries as rows: written in the order of arrival, read back as hits.

use rusqlite::{Connection, Row, params};

use super::super::Found;
use super::super::record::Record;
use super::text;

/// Ids of one block, as a shift: 16,384.
pub(super) const BLOCK_SHIFT: u32 = 14;
/// KiB of pages that the writer keeps: the inner pages of all its trees.
const CACHE_KIB: i32 = 64 * 1024;
/// Bytes that text search gathers before it writes them down.
const GATHERED: u32 = 16 * 1024 * 1024;

/// Columns of a hit, as [`hit`] reads them.
pub(super) const HIT: &str =
    "entries.id, entries.segment, entries.seq, entries.time, entries.origin, entries.line";

/// An entry that was found.
#[derive(Clone, Debug)]
pub(super) struct Hit {
    pub(super) id: i64,
    pub(super) segment: u64,
    pub(super) seq: u64,
    pub(super) time: i64,
    pub(super) found: Found,
}

impl Hit {
    /// Its place in the order of time.
    pub(super) fn place(&self) -> (i64, &str, u64) {
        (self.time, &self.found.origin, self.seq)
    }
}

pub(super) fn hit(row: &Row<'_>) -> rusqlite::Result<Hit> {
    Ok(Hit {
        id: row.get(0)?,
        segment: row.get(1)?,
        seq: row.get(2)?,
        time: row.get(3)?,
        found: Found {
            origin: row.get(4)?,
            entry: row.get(5)?,
        },
    })
}

/// Settles how the writer works. What is deleted is overwritten: it may have been a person's.
pub(super) fn prepare(writer: &Connection) -> rusqlite::Result<()> {
    writer.pragma_update(None, "cache_size", -CACHE_KIB)?;
    writer.pragma_update(None, "secure_delete", true)?;
    writer.execute(
        "INSERT INTO texts (texts, rank) VALUES ('hashsize', ?1)",
        [GATHERED],
    )?;
    Ok(())
}

pub(super) fn taken(connection: &Connection) -> rusqlite::Result<u64> {
    connection
        .prepare_cached("SELECT number FROM taken")?
        .query_row([], |row| row.get(0))
}

pub(super) fn took(connection: &Connection, number: u64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE taken SET number = ?1")?
        .execute([number])?;
    Ok(())
}

/// Adds entries of one segment behind all others.
pub(super) fn insert(
    connection: &Connection,
    number: u64,
    records: &[Record],
) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO entries (segment, seq, time, origin, host, action, outcome, person, account, target, \
         \"window\", session, reason, command, line) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
    )?;
    let mut say = connection.prepare_cached("INSERT INTO texts (rowid, text) VALUES (?1, ?2)")?;
    let mut widen = connection.prepare_cached(
        "INSERT INTO blocks (number, earliest, latest) VALUES (?1, ?2, ?2) \
         ON CONFLICT (number) DO UPDATE SET earliest = min(earliest, ?2), latest = max(latest, ?2)",
    )?;
    for record in records {
        insert.execute(params![
            number,
            record.seq,
            record.time,
            record.log.to_string(),
            record.host,
            record.action,
            record.outcome,
            record.person,
            record.account,
            record.target,
            record.window,
            record.session,
            record.reason.as_bytes(),
            record.command,
            record.line,
        ])?;
        let id = connection.last_insert_rowid();
        if let Some(text) = text::of(&record.command, &record.reason) {
            say.execute(params![id, text])?;
        }
        widen.execute(params![id >> BLOCK_SHIFT, record.time])?;
    }
    Ok(())
}
