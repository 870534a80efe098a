//! The replay cache. A file of its own whose commits reach the system but do not wait for the disk: what
//! must survive is the end of the process, however sudden; a machine that lost power takes longer to come
//! back than most requests stay fresh, and what changes anything is refused twice by its own uniqueness.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, params};
use rusqlite_migration::{M, Migrations};

use super::prepare;

const MIGRATIONS: &[M<'static>] = &[M::up(include_str!("../../migrations/nonces-1.sql"))];

/// Expired nonces are removed once in so many requests.
const SWEEP_EVERY: u32 = 256;

/// The nonces seen lately.
pub struct Nonces {
    inner: Mutex<Inner>,
}

struct Inner {
    connection: Connection,
    until_sweep: u32,
}

/// Why a nonce could not be remembered; the request must then be refused.
#[derive(Debug, thiserror::Error)]
pub enum NonceError {
    /// The replay cache could not be opened.
    #[error("the replay cache {path} cannot be opened")]
    NotOpened {
        /// Its file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The replay cache is not of a version this program knows.
    #[error("the replay cache {path} could not be brought to this version's schema")]
    Migration {
        /// Its file.
        path: PathBuf,
        /// What went wrong.
        source: rusqlite_migration::Error,
    },
    /// SQLite failed.
    #[error("the replay cache failed")]
    Sqlite(#[from] rusqlite::Error),
}

impl Nonces {
    /// Opens the cache at `path`.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(path: &Path) -> Result<Self, NonceError> {
        let not_opened = |source| NonceError::NotOpened {
            path: path.to_owned(),
            source,
        };
        let mut connection = Connection::open(path).map_err(not_opened)?;
        // Nobody else has business here: then no request takes and leaves the file's locks.
        connection
            .pragma_update(None, "locking_mode", "EXCLUSIVE")
            .map_err(not_opened)?;
        prepare(&connection, "NORMAL").map_err(not_opened)?;
        Migrations::from_slice(MIGRATIONS)
            .to_latest(&mut connection)
            .map_err(|source| NonceError::Migration {
                path: path.to_owned(),
                source,
            })?;
        Ok(Self {
            inner: Mutex::new(Inner {
                connection,
                until_sweep: 0,
            }),
        })
    }

    /// Remembers `nonce` until `expires`; false when it is known already, which is a replay.
    ///
    /// # Errors
    /// When the cache fails.
    pub fn remember(&self, nonce: &[u8; 16], expires: i64, now: i64) -> Result<bool, NonceError> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.until_sweep == 0 {
            inner
                .connection
                .prepare_cached("DELETE FROM nonces WHERE expires < ?1")?
                .execute([now])?;
            inner.until_sweep = SWEEP_EVERY;
        }
        inner.until_sweep -= 1;
        let added = inner
            .connection
            .prepare_cached(
                "INSERT INTO nonces (nonce, expires) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            )?
            .execute(params![nonce, expires])?;
        Ok(added == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_taken_once_even_across_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("nonces.db");
        let nonces = Nonces::open(&path).unwrap();
        assert!(nonces.remember(&[7; 16], 200, 100).unwrap());
        assert!(!nonces.remember(&[7; 16], 200, 100).unwrap());
        drop(nonces);
        assert!(
            !Nonces::open(&path)
                .unwrap()
                .remember(&[7; 16], 200, 101)
                .unwrap()
        );
    }

    #[test]
    fn a_nonce_is_forgotten_when_its_request_can_be_accepted_no_more() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("nonces.db");
        Nonces::open(&path)
            .unwrap()
            .remember(&[7; 16], 200, 100)
            .unwrap();
        assert!(
            Nonces::open(&path)
                .unwrap()
                .remember(&[7; 16], 400, 201)
                .unwrap()
        );
    }
}
