//! Statements that make windows smaller.

use rusqlite::{Row, params};

use super::{StoreError, Tx};

/// A narrowing that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredNarrowing {
    /// Which window.
    pub window: String,
    /// Who signed.
    pub signer: String,
    /// The exact bytes that were signed.
    pub narrowing: String,
    /// The armored SSHSIG.
    pub signature: String,
    /// Seconds since 1970.
    pub received: i64,
}

impl Tx<'_> {
    /// Keeps a narrowing; the same one again is no other.
    pub(crate) fn add_narrowing(&self, stored: &StoredNarrowing) -> Result<bool, StoreError> {
        let added = self.0.execute(
            "INSERT INTO narrowings (\"window\", signer, narrowing, signature, received)
             VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (narrowing) DO NOTHING",
            params![
                stored.window,
                stored.signer,
                stored.narrowing,
                stored.signature,
                stored.received
            ],
        )?;
        Ok(added == 1)
    }

    /// How a window was narrowed, in the order in which it came.
    pub(crate) fn narrowings_of(&self, window: &str) -> Result<Vec<StoredNarrowing>, StoreError> {
        let mut statement = self.0.prepare_cached(
            "SELECT \"window\", signer, narrowing, signature, received FROM narrowings
             WHERE \"window\" = ?1 ORDER BY seq",
        )?;
        let rows = statement.query_map([window], from_row)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// How windows were narrowed that were not stopped and would not have ended by `now`: each with its document, one window's
    /// together, in the order in which they came.
    pub(crate) fn narrowings(
        &self,
        now: i64,
    ) -> Result<Vec<(StoredNarrowing, String)>, StoreError> {
        let mut statement = self.0.prepare_cached(
            "SELECT n.\"window\", n.signer, n.narrowing, n.signature, n.received, w.document
             FROM narrowings n JOIN windows w ON w.id = n.\"window\"
             WHERE w.ends > ?1 AND NOT EXISTS
                   (SELECT 1 FROM statements s WHERE s.\"window\" = n.\"window\" AND s.verb IN ('end', 'revoke'))
             ORDER BY n.\"window\", n.seq",
        )?;
        let rows = statement.query_map([now], |row| Ok((from_row(row)?, row.get(5)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<StoredNarrowing> {
    Ok(StoredNarrowing {
        window: row.get(0)?,
        signer: row.get(1)?,
        narrowing: row.get(2)?,
        signature: row.get(3)?,
        received: row.get(4)?,
    })
}
