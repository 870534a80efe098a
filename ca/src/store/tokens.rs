//! Join tokens, known by the SHA-256 of their secret alone.

use rusqlite::{OptionalExtension as _, params};

use super::{StoreError, Tx, list, unlist};

/// What a token lets a machine become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// SHA-256 of the secret.
    pub secret: [u8; 32],
    /// The host's name.
    pub host: String,
    /// Its other names.
    pub aliases: Vec<String>,
    /// Its groups.
    pub groups: Vec<String>,
    /// Who made the token.
    pub maker: String,
    /// Seconds since 1970.
    pub expires: i64,
    /// When it was used, in seconds since 1970.
    pub used: Option<i64>,
}

impl Tx<'_> {
    /// Keeps a token.
    pub(crate) fn add_token(&self, token: &Token) -> Result<(), StoreError> {
        self.0.execute(
            "INSERT INTO tokens (secret, host, aliases, groups, maker, expires, used) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                token.secret,
                token.host,
                list(&token.aliases)?,
                list(&token.groups)?,
                token.maker,
                token.expires,
                token.used
            ],
        )?;
        Ok(())
    }

    /// The token whose secret hashes to `secret`. The look-up is by hash, so its timing tells nothing of the secret.
    pub(crate) fn token(&self, secret: &[u8; 32]) -> Result<Option<Token>, StoreError> {
        let row = self
            .0
            .query_row(
                "SELECT host, aliases, groups, maker, expires, used FROM tokens WHERE secret = ?1",
                [secret],
                |row| {
                    Ok((
                        row.get(0)?,
                        row.get::<_, String>(1)?,
                        row.get::<_, String>(2)?,
                        row.get(3)?,
                        row.get(4)?,
                        row.get(5)?,
                    ))
                },
            )
            .optional()?;
        let Some((host, aliases, groups, maker, expires, used)) = row else {
            return Ok(None);
        };
        Ok(Some(Token {
            secret: *secret,
            host,
            aliases: unlist(&aliases, "aliases of a token")?,
            groups: unlist(&groups, "groups of a token")?,
            maker,
            expires,
            used,
        }))
    }

    /// Uses a token up; false when somebody else was faster.
    pub(crate) fn use_token(&self, secret: &[u8; 32], now: i64) -> Result<bool, StoreError> {
        let used = self.0.execute(
            "UPDATE tokens SET used = ?2 WHERE secret = ?1 AND used IS NULL",
            params![secret, now],
        )?;
        Ok(used == 1)
    }
}
