//! `daypass-collector reindex`: the index anew, beside the old one, then in its place.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::ConfigArgs;
use super::lock::{self, LockError};
use crate::checkpoints::sqlite::SqliteCheckpoints;
use crate::config::{Config, ConfigError};
use crate::database::OpenError;
use crate::index::sqlite::SqliteIndex;
use crate::indexer::{self, FollowIndexError};
use crate::keep::Stores;
use crate::layout::Layout;
use crate::segments::SegmentError;
use crate::segments::directory::DirectorySegments;

/// Why there is no new index; the old one stays.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReindexError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The service runs.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// A database.
    #[error(transparent)]
    Database(#[from] OpenError),
    /// The segments.
    #[error(transparent)]
    Segments(#[from] SegmentError),
    /// What is stored cannot be read, or not indexed.
    #[error(transparent)]
    Follow(#[from] FollowIndexError),
    /// A file.
    #[error("{} cannot be put in place", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

pub(crate) fn run(arguments: &ConfigArgs) -> Result<(), ReindexError> {
    let config = Config::read(&arguments.config)?;
    let count = reindex(&Layout::new(&config.data))?;
    // Nobody needs this line to go on.
    let _ = writeln!(io::stderr().lock(), "{count} segments indexed");
    Ok(())
}

/// Makes the index anew; says of how many segments.
fn reindex(layout: &Layout) -> Result<u64, ReindexError> {
    let _lock = lock::take(&layout.lock())?;
    let checkpoints = SqliteCheckpoints::open(&layout.checkpoints())?;
    let segments = DirectorySegments::open(&layout.segments())?;
    let stores = Stores {
        checkpoints: &checkpoints,
        segments: &segments,
    };
    let new = layout.index().with_extension("new");
    remove(&new)?;
    let index = SqliteIndex::open(&new)?;
    let count = indexer::catch_up(stores, &index)?;
    // The last connection to close brings everything into the one file.
    drop(index);
    remove(&layout.index())?;
    std::fs::rename(&new, layout.index()).map_err(|source| ReindexError::File {
        path: layout.index(),
        source,
    })?;
    Ok(count)
}

/// Removes a database with what SQLite keeps beside it.
fn remove(database: &Path) -> Result<(), ReindexError> {
    for suffix in ["", "-wal", "-shm"] {
        let mut path = database.as_os_str().to_owned();
        path.push(suffix);
        match std::fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(ReindexError::File {
                    path: path.into(),
                    source,
                });
            }
            _ => {}
        }
    }
    Ok(())
}
