//! Entries as rows: written in the order of arrival, read back as hits.

use rusqlite::{Connection, Row, params};

use super::super::Found;
use super::super::record::Record;
use super::condition::number;
use super::pairs::{self, Pairs};
use super::{sessions, text};

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

/// Whether what is deleted, or moved by what is written, is overwritten.
#[derive(Clone, Copy)]
pub(super) enum Overwritten {
    /// Inside of pages: whatever an entry says stands in one place.
    InPages,
    /// Pages that are free, too: it may have been a person's.
    Everywhere,
}

impl Overwritten {
    pub(super) fn apply_to(self, writer: &Connection) -> rusqlite::Result<()> {
        match self {
            Self::InPages => writer.pragma_update(None, "secure_delete", "FAST"),
            Self::Everywhere => writer.pragma_update(None, "secure_delete", "ON"),
        }
    }
}

/// Settles how the writer works.
pub(super) fn prepare(writer: &Connection) -> rusqlite::Result<()> {
    writer.pragma_update(None, "cache_size", -CACHE_KIB)?;
    Overwritten::InPages.apply_to(writer)?;
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

/// Adds entries of one segment behind all others; their pairs are gathered, to be written by the caller.
pub(super) fn insert(
    connection: &Connection,
    number: u64,
    records: &[Record],
    pairs: &mut Pairs,
) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO entries (segment, seq, time, origin, host, action, outcome, person, account, target, \
         \"window\", serial, session, reason, command, line) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
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
            record.serial,
            record.session,
            record.reason.as_bytes(),
            record.command,
            record.line,
        ])?;
        let id = connection.last_insert_rowid();
        if let Some(text) = text::of(&record.command, &record.reason) {
            pairs.add(id, &text);
            say.execute(params![id, text])?;
        }
        widen.execute(params![id >> BLOCK_SHIFT, record.time])?;
        if let Some(change) = &record.change {
            sessions::apply(connection, &record.log, change)?;
        }
    }
    Ok(())
}

/// Takes entries of a segment out, with what was known of them elsewhere.
pub(super) fn forget(
    connection: &Connection,
    segment: u64,
    (first, last): (u64, u64),
) -> rusqlite::Result<()> {
    let (segment, first, last) = (number(segment), number(first), number(last));
    let mut unsay = connection
        .prepare_cached("INSERT INTO texts (texts, rowid, text) VALUES ('delete', ?1, ?2)")?;
    let mut close =
        connection.prepare_cached("DELETE FROM sessions WHERE origin = ?1 AND seq = ?2")?;
    let mut find = connection.prepare_cached(
        "SELECT id, origin, seq, command, reason FROM entries WHERE segment = ?1 AND seq BETWEEN ?2 AND ?3",
    )?;
    let mut rows = find.query([segment, first, last])?;
    let mut ids = Vec::new();
    while let Some(row) = rows.next()? {
        ids.push(row.get(0)?);
        let (command, reason): (Vec<u8>, Vec<u8>) = (row.get(3)?, row.get(4)?);
        if let Some(text) = text::of(&command, &String::from_utf8_lossy(&reason)) {
            unsay.execute(params![row.get::<_, i64>(0)?, text])?;
        }
        close.execute(params![row.get::<_, String>(1)?, row.get::<_, i64>(2)?])?;
    }
    connection
        .prepare_cached("DELETE FROM entries WHERE segment = ?1 AND seq BETWEEN ?2 AND ?3")?
        .execute([segment, first, last])?;
    pairs::forget(connection, &ids)
}
