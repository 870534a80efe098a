//! Join tokens, known by the SHA-256 of their secret alone.

use rusqlite::{OptionalExtension as _, params};

use super::{StoreError, Tx, list, unlist};

/// What a token lets machines become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// SHA-256 of the secret.
    pub secret: [u8; 32],
    /// The host's name; none where machines name themselves.
    pub host: Option<String>,
    /// Its other names.
    pub aliases: Vec<String>,
    /// Its groups.
    pub groups: Vec<String>,
    /// Who made the token.
    pub maker: String,
    /// Seconds since 1970.
    pub expires: i64,
    /// How many machines it enrols.
    pub uses: u32,
    /// How many it has enrolled.
    pub used: u32,
    /// When it was used last, in seconds since 1970.
    pub last_used: Option<i64>,
    /// Whether its machine takes an enrolled host's place.
    pub replaces: bool,
}

impl Tx<'_> {
    /// Keeps a token.
    pub(crate) fn add_token(&self, token: &Token) -> Result<(), StoreError> {
        self.0.execute(
            "INSERT INTO tokens (secret, host, aliases, groups, maker, expires, uses, used, last_used, replaces)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            params![
                token.secret,
                token.host,
                list(&token.aliases)?,
                list(&token.groups)?,
                token.maker,
                token.expires,
                token.uses,
                token.used,
                token.last_used,
                token.replaces
            ],
        )?;
        Ok(())
    }

    /// The token whose secret hashes to `secret`. The look-up is by hash, so its timing tells nothing of the secret.
    pub(crate) fn token(&self, secret: &[u8; 32]) -> Result<Option<Token>, StoreError> {
        let row = self
            .0
            .query_row(
                "SELECT host, aliases, groups, maker, expires, uses, used, last_used, replaces
                 FROM tokens WHERE secret = ?1",
                [secret],
                |row| {
                    Ok((
                        row.get(0)?,
                        row.get::<_, String>(1)?,
                        row.get::<_, String>(2)?,
                        row.get(3)?,
                        row.get(4)?,
                        row.get(5)?,
                        row.get(6)?,
                        row.get(7)?,
                        row.get(8)?,
                    ))
                },
            )
            .optional()?;
        let Some((host, aliases, groups, maker, expires, uses, used, last_used, replaces)) = row
        else {
            return Ok(None);
        };
        Ok(Some(Token {
            secret: *secret,
            host,
            aliases: unlist(&aliases, "aliases of a token")?,
            groups: unlist(&groups, "groups of a token")?,
            maker,
            expires,
            uses,
            used,
            last_used,
            replaces,
        }))
    }

    /// Counts one use of a token; false when it has none left.
    pub(crate) fn use_token(&self, secret: &[u8; 32], now: i64) -> Result<bool, StoreError> {
        let used = self.0.execute(
            "UPDATE tokens SET used = used + 1, last_used = ?2 WHERE secret = ?1 AND used < uses",
            params![secret, now],
        )?;
        Ok(used == 1)
    }

    /// Whether a token that can still be used gives a host this very name, be it an alias.
    pub(crate) fn is_promised(&self, host: &str, now: i64) -> Result<bool, StoreError> {
        Ok(self
            .0
            .prepare_cached(
                "SELECT 1 FROM tokens WHERE used < uses AND expires > ?2
                 AND (host = ?1 OR EXISTS (SELECT 1 FROM json_each(aliases) WHERE value = ?1))",
            )?
            .exists(params![host, now])?)
    }
}
