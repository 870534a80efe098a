//! The enrolment record of the CA's own journal.

use rusqlite::{OptionalExtension as _, params};

use super::{StoreError, Tx};

impl Tx<'_> {
    /// Record and signature, once there is one.
    pub(crate) fn own_record(&self) -> Result<Option<(String, String)>, StoreError> {
        Ok(self
            .0
            .query_row("SELECT record, signature FROM own_record", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?)
    }

    /// Keeps it, once.
    pub(crate) fn keep_own_record(&self, record: &str, signature: &str) -> Result<(), StoreError> {
        self.0.execute(
            "INSERT INTO own_record (only, record, signature) VALUES (1, ?1, ?2)",
            params![record, signature],
        )?;
        Ok(())
    }
}
