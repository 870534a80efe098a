//! Decisions committed here whose journal entry is not yet known to be durable.

use rusqlite::params;

use super::{StoreError, Tx};

impl Tx<'_> {
    /// Keeps `event` until [`Tx::forget_pending`]; its number.
    pub(crate) fn add_pending(&self, event: &str) -> Result<i64, StoreError> {
        self.0
            .prepare_cached("INSERT INTO pending_entries (event) VALUES (?1)")?
            .execute([event])?;
        Ok(self.0.last_insert_rowid())
    }

    /// All of them, oldest first.
    pub(crate) fn pending(&self) -> Result<Vec<(i64, String)>, StoreError> {
        let mut statement = self
            .0
            .prepare("SELECT id, event FROM pending_entries ORDER BY id")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Its entry is durable.
    pub(crate) fn forget_pending(&self, id: i64) -> Result<(), StoreError> {
        self.0
            .prepare_cached("DELETE FROM pending_entries WHERE id = ?1")?
            .execute(params![id])?;
        Ok(())
    }
}
