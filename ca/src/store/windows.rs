//! Windows and the statements about them.

use rusqlite::{OptionalExtension as _, Row, params};

use super::{StoreError, Tx};

/// A window as it was submitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredWindow {
    /// `w-` and 26 characters.
    pub id: String,
    /// SHA-256 of the document, in hex.
    pub hash: String,
    /// The exact bytes that people sign.
    pub document: String,
    /// The beneficiary.
    pub contractor: String,
    /// Seconds since 1970.
    pub starts: i64,
    /// Seconds since 1970.
    pub ends: i64,
    /// Seconds since 1970.
    pub submitted: i64,
}

/// A statement that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredStatement {
    /// Which window.
    pub window: String,
    /// The verb's word.
    pub verb: String,
    /// Who signed.
    pub signer: String,
    /// The fingerprint of the key that signed.
    pub key: String,
    /// The exact bytes that were signed.
    pub statement: String,
    /// The armored SSHSIG.
    pub signature: String,
    /// Seconds since 1970.
    pub received: i64,
}

/// Which windows a list holds.
#[derive(Debug, Clone, Default)]
pub struct WindowFilter {
    /// Only this person's.
    pub contractor: Option<String>,
    /// Only those that end after this time (seconds since 1970).
    pub ends_after: Option<i64>,
    /// At most so many, the newest first.
    pub limit: u32,
}

impl Tx<'_> {
    /// Keeps a window; an id or document that is there already is an error of SQLite's.
    pub(crate) fn add_window(&self, window: &StoredWindow) -> Result<(), StoreError> {
        self.0
            .prepare_cached(
                "INSERT INTO windows (id, hash, document, contractor, starts, ends, submitted)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                window.id,
                window.hash,
                window.document,
                window.contractor,
                window.starts,
                window.ends,
                window.submitted
            ])?;
        Ok(())
    }

    /// The window with this id.
    pub(crate) fn window(&self, id: &str) -> Result<Option<StoredWindow>, StoreError> {
        Ok(self
            .0
            .prepare_cached(
                "SELECT id, hash, document, contractor, starts, ends, submitted FROM windows WHERE id = ?1",
            )?
            .query_row([id], window_from_row)
            .optional()?)
    }

    /// Windows that pass `filter`, the newest first.
    pub(crate) fn windows(&self, filter: &WindowFilter) -> Result<Vec<StoredWindow>, StoreError> {
        let mut statement = self.0.prepare_cached(
            "SELECT id, hash, document, contractor, starts, ends, submitted FROM windows
             WHERE (?1 IS NULL OR contractor = ?1) AND ends > ?2 ORDER BY id DESC LIMIT ?3",
        )?;
        let ends_after = filter.ends_after.unwrap_or(i64::MIN);
        let rows = statement.query_map(
            params![filter.contractor, ends_after, filter.limit],
            window_from_row,
        )?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// A contractor's windows that have not ended at `now`, the latest end first.
    pub(crate) fn current_windows_of(
        &self,
        contractor: &str,
        now: i64,
    ) -> Result<Vec<StoredWindow>, StoreError> {
        let mut statement = self.0.prepare_cached(
            "SELECT id, hash, document, contractor, starts, ends, submitted FROM windows
             WHERE contractor = ?1 AND ends > ?2 ORDER BY ends DESC LIMIT 256",
        )?;
        let rows = statement.query_map(params![contractor, now], window_from_row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Keeps a statement.
    pub(crate) fn add_statement(&self, statement: &StoredStatement) -> Result<(), StoreError> {
        self.0
            .prepare_cached(
                "INSERT INTO statements (\"window\", verb, signer, key, statement, signature, received)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                statement.window,
                statement.verb,
                statement.signer,
                statement.key,
                statement.statement,
                statement.signature,
                statement.received
            ])?;
        Ok(())
    }

    /// The statements about a window, in the order they came.
    pub(crate) fn statements(&self, window: &str) -> Result<Vec<StoredStatement>, StoreError> {
        let mut statement = self.0.prepare_cached(
            "SELECT \"window\", verb, signer, key, statement, signature, received FROM statements
             WHERE \"window\" = ?1 ORDER BY seq",
        )?;
        let rows = statement.query_map([window], statement_from_row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Statements that end or revoke windows which would not have ended by `now`, in the order they came.
    pub(crate) fn revocations(&self, now: i64) -> Result<Vec<StoredStatement>, StoreError> {
        let mut statement = self.0.prepare_cached(
            "SELECT s.\"window\", s.verb, s.signer, s.key, s.statement, s.signature, s.received
             FROM statements s JOIN windows w ON w.id = s.\"window\"
             WHERE s.verb IN ('end', 'revoke') AND w.ends > ?1 ORDER BY s.seq",
        )?;
        let rows = statement.query_map([now], statement_from_row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

fn window_from_row(row: &Row<'_>) -> rusqlite::Result<StoredWindow> {
    Ok(StoredWindow {
        id: row.get(0)?,
        hash: row.get(1)?,
        document: row.get(2)?,
        contractor: row.get(3)?,
        starts: row.get(4)?,
        ends: row.get(5)?,
        submitted: row.get(6)?,
    })
}

fn statement_from_row(row: &Row<'_>) -> rusqlite::Result<StoredStatement> {
    Ok(StoredStatement {
        window: row.get(0)?,
        verb: row.get(1)?,
        signer: row.get(2)?,
        key: row.get(3)?,
        statement: row.get(4)?,
        signature: row.get(5)?,
        received: row.get(6)?,
    })
}
