//! The chain of rosters, what genesis fixed, and the number of the signed state.

use rusqlite::{OptionalExtension as _, params};

use super::{StoreError, Tx, list, unlist};

/// A roster as it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRoster {
    /// Its number, from 1.
    pub number: u64,
    /// The exact text that was signed.
    pub roster: String,
    /// Armored SSHSIGs; empty for roster 1 until an admin signs it.
    pub signatures: Vec<String>,
}

impl Tx<'_> {
    /// Fixes the pin and the incarnation, once.
    pub(crate) fn begin(&self, pin: &str, incarnation: &str) -> Result<(), StoreError> {
        self.0.execute(
            "INSERT INTO genesis (only, pin, incarnation) VALUES (1, ?1, ?2)",
            params![pin, incarnation],
        )?;
        Ok(())
    }

    /// Makes a restored database that of a new incarnation: no join token and no invitation of before is good for
    /// anything, and no state of before has so high a number as the next.
    pub(crate) fn begin_anew(&self, incarnation: &str, now: i64) -> Result<(), StoreError> {
        self.0
            .execute("UPDATE genesis SET incarnation = ?1", [incarnation])?;
        self.0
            .execute("UPDATE tokens SET expires = min(expires, ?1)", [now])?;
        // Some may have been withdrawn since the backup.
        self.0.execute("DELETE FROM invitations", [])?;
        // Hosts may have renewed since the backup.
        self.doubt_hosts()?;
        // What the journal before said was made up for; the new one begins with nothing.
        self.0.execute("DELETE FROM journalled", [])?;
        // The record of the journal before; the new journal gets its own.
        self.0.execute("DELETE FROM own_record", [])?;
        // More than a CA that signs a new state with every change reaches between a backup and its loss.
        self.0
            .execute("UPDATE states SET number = number + 1000000", [])?;
        Ok(())
    }

    /// Pin and incarnation; none before genesis.
    pub(crate) fn genesis(&self) -> Result<Option<(String, String)>, StoreError> {
        Ok(self
            .0
            .query_row("SELECT pin, incarnation FROM genesis", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?)
    }

    /// Appends a roster to the chain.
    pub(crate) fn add_roster(&self, roster: &StoredRoster, now: i64) -> Result<(), StoreError> {
        self.0.execute(
            "INSERT INTO rosters (number, roster, signatures, taken) VALUES (?1, ?2, ?3, ?4)",
            params![roster.number, roster.roster, list(&roster.signatures)?, now],
        )?;
        Ok(())
    }

    /// Puts roster 1 in force.
    pub(crate) fn sign_first_roster(
        &self,
        signatures: &[String],
        now: i64,
    ) -> Result<(), StoreError> {
        self.0.execute(
            "UPDATE rosters SET signatures = ?1, taken = ?2 WHERE number = 1 AND signatures = '[]'",
            params![list(signatures)?, now],
        )?;
        Ok(())
    }

    /// The chain, from roster 1.
    pub(crate) fn chain(&self) -> Result<Vec<StoredRoster>, StoreError> {
        let mut statement = self
            .0
            .prepare("SELECT number, roster, signatures FROM rosters ORDER BY number")?;
        let rows = statement
            .query_map([], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get::<_, String>(2)?))
            })?
            .collect::<Result<Vec<_>, _>>()?;
        rows.into_iter()
            .map(|(number, roster, signatures)| {
                Ok(StoredRoster {
                    number,
                    roster,
                    signatures: unlist(&signatures, "signatures of a roster")?,
                })
            })
            .collect()
    }

    /// The number for a state whose content hashes to `content`: one more than the last when that differs.
    pub(crate) fn state_number(&self, content: &str) -> Result<u64, StoreError> {
        let last: Option<(u64, String)> = self
            .0
            .query_row("SELECT number, content FROM states", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        let number = match last {
            Some((number, known)) if known == content => return Ok(number),
            Some((number, _)) => number + 1,
            None => 1,
        };
        self.0.execute(
            "INSERT INTO states (only, number, content) VALUES (1, ?1, ?2)
             ON CONFLICT (only) DO UPDATE SET number = ?1, content = ?2",
            params![number, content],
        )?;
        Ok(number)
    }
}
