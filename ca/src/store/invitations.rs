//! Invitations of people, known by the SHA-256 of their secret alone.

use rusqlite::{OptionalExtension as _, Row, params};

use super::{StoreError, Tx, list, unlist};

/// Somebody who was invited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredInvitation {
    /// Under which name.
    pub person: String,
    /// SHA-256 of the secret.
    pub secret: [u8; 32],
    /// With which roles.
    pub roles: Vec<String>,
    /// By whom.
    pub maker: String,
    /// When, in seconds since 1970.
    pub made: i64,
    /// The first second at which it counts no more.
    pub until: i64,
    /// What was handed in, and the signature over it.
    pub accepted: Option<(String, String)>,
}

const COLUMNS: &str = "person, secret, roles, maker, made, until, acceptance, signature";

impl Tx<'_> {
    /// Keeps an invitation that nobody has accepted yet.
    pub(crate) fn add_invitation(&self, invitation: &StoredInvitation) -> Result<(), StoreError> {
        self.0.execute(
            "INSERT INTO invitations (person, secret, roles, maker, made, until) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                invitation.person,
                invitation.secret,
                list(&invitation.roles)?,
                invitation.maker,
                invitation.made,
                invitation.until
            ],
        )?;
        Ok(())
    }

    /// The invitation whose secret hashes to `secret`, if it still counts. The look-up is by hash, so its timing tells
    /// nothing of the secret.
    pub(crate) fn invitation(
        &self,
        secret: &[u8; 32],
        now: i64,
    ) -> Result<Option<StoredInvitation>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM invitations WHERE secret = ?1 AND until > ?2");
        let row = self
            .0
            .query_row(&sql, params![secret, now], |row| Ok(read(row)))
            .optional()?;
        row.transpose()
    }

    /// Those that still count, by name.
    pub(crate) fn invitations(&self, now: i64) -> Result<Vec<StoredInvitation>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM invitations WHERE until > ?1 ORDER BY person");
        let mut statement = self.0.prepare(&sql)?;
        let rows = statement.query_map([now], |row| Ok(read(row)))?;
        rows.map(|row| row?).collect()
    }

    /// How many there are, whether they still count or not.
    pub(crate) fn count_invitations(&self) -> Result<u32, StoreError> {
        let sql = "SELECT count(*) FROM invitations";
        Ok(self.0.query_row(sql, [], |row| row.get(0))?)
    }

    /// Keeps what hands a key in; false where one was handed in before, or the invitation is gone.
    pub(crate) fn accept_invitation(
        &self,
        secret: &[u8; 32],
        (acceptance, signature): (&str, &str),
    ) -> Result<bool, StoreError> {
        let kept = self.0.execute(
            "UPDATE invitations SET acceptance = ?2, signature = ?3 WHERE secret = ?1 AND acceptance IS NULL",
            params![secret, acceptance, signature],
        )?;
        Ok(kept == 1)
    }

    /// Forgets somebody's invitation; the hash of its secret, if there was one.
    pub(crate) fn forget_invitation(&self, person: &str) -> Result<Option<[u8; 32]>, StoreError> {
        Ok(self
            .0
            .query_row(
                "DELETE FROM invitations WHERE person = ?1 RETURNING secret",
                [person],
                |row| row.get(0),
            )
            .optional()?)
    }

    /// Forgets those that count no more.
    pub(crate) fn sweep_invitations(&self, now: i64) -> Result<(), StoreError> {
        self.0
            .execute("DELETE FROM invitations WHERE until <= ?1", [now])?;
        Ok(())
    }
}

fn read(row: &Row<'_>) -> Result<StoredInvitation, StoreError> {
    let (acceptance, signature): (Option<String>, Option<String>) = (row.get(6)?, row.get(7)?);
    Ok(StoredInvitation {
        person: row.get(0)?,
        secret: row.get(1)?,
        roles: unlist(&row.get::<_, String>(2)?, "roles of an invitation")?,
        maker: row.get(3)?,
        made: row.get(4)?,
        until: row.get(5)?,
        accepted: acceptance.zip(signature),
    })
}
