//! Revocations of people, keys, certificates and hosts; what each of them and of the windows' own stops means for
//! certificates that are out.

use rusqlite::params;

use super::{StoreError, Tx};

/// A revocation that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRevocation {
    /// The exact bytes that were signed.
    pub revocation: String,
    /// The armored SSHSIG.
    pub signature: String,
    /// The kind's word.
    pub verb: String,
    /// What is revoked.
    pub subject: String,
    /// Who signed.
    pub signer: String,
    /// Seconds since 1970.
    pub expires: i64,
    /// Seconds since 1970.
    pub received: i64,
}

impl Tx<'_> {
    /// Keeps a revocation; the same one again is no other.
    pub(crate) fn add_revocation(&self, stored: &StoredRevocation) -> Result<bool, StoreError> {
        let added = self.0.execute(
            "INSERT INTO revocations (revocation, signature, verb, subject, signer, expires, received)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (revocation) DO NOTHING",
            params![
                stored.revocation,
                stored.signature,
                stored.verb,
                stored.subject,
                stored.signer,
                stored.expires,
                stored.received
            ],
        )?;
        Ok(added == 1)
    }

    /// The revocations that are announced at `now`, exact bytes and signature, in the order they came.
    pub(crate) fn revoked(&self, now: i64) -> Result<Vec<(String, String)>, StoreError> {
        let mut statement = self.0.prepare_cached(
            "SELECT revocation, signature FROM revocations WHERE expires > ?1 ORDER BY seq",
        )?;
        let rows = statement.query_map([now], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Ids and contractors of the windows that were stopped and would not have ended by `now`.
    pub(crate) fn stopped_windows(&self, now: i64) -> Result<Vec<(String, String)>, StoreError> {
        let mut statement = self.0.prepare_cached(
            "SELECT DISTINCT w.id, w.contractor FROM statements s JOIN windows w ON w.id = s.\"window\"
             WHERE s.verb IN ('end', 'revoke') AND w.ends > ?1",
        )?;
        let rows = statement.query_map([now], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The ids of a person's windows that have not ended by `now`.
    pub(crate) fn window_ids_of(&self, person: &str, now: i64) -> Result<Vec<String>, StoreError> {
        let mut statement = self
            .0
            .prepare_cached("SELECT id FROM windows WHERE contractor = ?1 AND ends > ?2")?;
        let rows = statement.query_map(params![person, now], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
