//! The database as one file: a copy of one in use, and one that is about to be moved.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::{StoreError, Tx};

/// Copies the database `from`, which may be in use, to `to`: one committed moment of it. Its pin and incarnation, if
/// there is a CA in it.
///
/// # Errors
/// When one cannot be read or the other not be written.
pub fn copy(from: &Path, to: &Path) -> Result<Option<(String, String)>, StoreError> {
    // Read-write, since a reader of a log beside the database takes part in its locks; nothing is written.
    let source = open_plainly(from)?;
    source.busy_timeout(Duration::from_secs(5))?;
    let mut target = open_plainly(to)?;
    // All pages in one step: a step-wise copy would begin again at every commit of the CA's.
    rusqlite::backup::Backup::new(&source, &mut target)?.run_to_completion(
        std::ffi::c_int::MAX,
        Duration::from_millis(100),
        None,
    )?;
    into_one_file(&target)?;
    Tx(&target).genesis()
}

/// Brings what stands in the log beside a database that nobody uses into the database itself.
///
/// # Errors
/// When it cannot be written.
pub fn settle(path: &Path) -> Result<(), StoreError> {
    into_one_file(&open_plainly(path)?)
}

fn open_plainly(path: &Path) -> Result<Connection, StoreError> {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(|source| {
        StoreError::NotOpened {
            path: path.to_owned(),
            source,
        }
    })
}

fn into_one_file(connection: &Connection) -> Result<(), StoreError> {
    Ok(connection.pragma_update(None, "journal_mode", "DELETE")?)
}
