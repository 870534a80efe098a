//! `daypass-collector reindex`: the index anew, beside the old one, then in its place; also while the service runs.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::ConfigArgs;
use crate::checkpoints::CheckpointStore as _;
use crate::checkpoints::losses::Loss;
use crate::checkpoints::sqlite::SqliteCheckpoints;
use crate::config::{Config, ConfigError};
use crate::database::OpenError;
use crate::durable;
use crate::index::IndexError;
use crate::index::sqlite::SqliteIndex;
use crate::indexer::{self, FollowIndexError};
use crate::keep::Stores;
use crate::layout::Layout;
use crate::lock::{self, LockError};
use crate::orders::{self, Answer, Order};
use crate::ownership::{self, OwnershipError};
use crate::segments::directory::DirectorySegments;

/// The service is given so long to take the new index: searches that are under way end first.
const PATIENCE: Duration = Duration::from_secs(120);

/// Why there is no new index; the old one stays.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReindexError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The lock cannot be taken.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// Another one is made, or something is erased.
    #[error("another index is being made, or text is being erased; try again when that is done")]
    Busy,
    /// A database.
    #[error(transparent)]
    Database(#[from] OpenError),
    /// What is stored cannot be read, or not indexed.
    #[error(transparent)]
    Follow(#[from] FollowIndexError),
    /// The new one does not take the old one's place.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// Files cannot be given to the service's user.
    #[error(transparent)]
    Ownership(#[from] OwnershipError),
    /// A file.
    #[error("{} cannot be put in place", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The service does not answer.
    #[error(
        "the new index is made, but the service has not taken it for two minutes; it serves with the old one"
    )]
    NoAnswer,
    /// The service says why not.
    #[error("the service could not take the new index: {why}")]
    Refused {
        /// Why.
        why: String,
    },
}

pub(crate) fn run(arguments: &ConfigArgs) -> Result<(), ReindexError> {
    let config = Config::read(&arguments.config)?;
    let count = reindex(&Layout::new(&config.data))?;
    say(&format!("{count} segments indexed"));
    Ok(())
}

fn say(text: &str) {
    // Nobody needs this line to go on.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Makes the index anew; says of how many segments.
fn reindex(layout: &Layout) -> Result<u64, ReindexError> {
    // Until the new one is in place nothing may be taken out of what it is made from.
    let turn = lock::wait(&layout.reindex_lock(), PATIENCE);
    let _turn = turn.map_err(|error| match error {
        LockError::Held { .. } => ReindexError::Busy,
        error @ LockError::Io { .. } => error.into(),
    })?;
    let count = make(layout)?;
    ownership::restore(layout.root())?;
    match lock::take(&layout.lock()) {
        Ok(_alone) => {
            // The old one may be what is wrong: it is not opened.
            SqliteIndex::put_ready(&layout.index())?;
        }
        Err(LockError::Held { .. }) => hand_over(layout)?,
        Err(error) => return Err(error.into()),
    }
    Ok(count)
}

/// Makes it, and leaves it ready.
fn make(layout: &Layout) -> Result<u64, ReindexError> {
    // To write, too: what is lost is remembered, and the service tells of it.
    let checkpoints = SqliteCheckpoints::open(&layout.checkpoints())?;
    let segments = DirectorySegments::open_to_read(&layout.segments());
    let stores = Stores {
        checkpoints: &checkpoints,
        segments: &segments,
    };
    let new = layout.index().with_extension("new");
    let ready = SqliteIndex::ready(&layout.index());
    remove(&ready)?;
    remove(&new)?;
    let index = SqliteIndex::open(&new)?;
    let losses = checkpoints.lost();
    let count = indexer::follow(stores, &index, &mut |segment, error| {
        say(&crate::diagnostic::passed_over(&error));
        if let Some(loss) = Loss::of(segment, &error)
            && !losses
                .loss(loss.number)?
                .is_some_and(|known| (known.name, known.how) == (loss.name, loss.how))
        {
            losses.lose(&loss)?;
        }
        Ok(())
    })?;
    // The last connection to close brings everything into the one file.
    drop(index);
    durable::rename(&new, &ready).map_err(|source| ReindexError::File {
        path: ready,
        source,
    })?;
    Ok(count)
}

/// Has the service take it.
fn hand_over(layout: &Layout) -> Result<(), ReindexError> {
    let failed = |source| ReindexError::File {
        path: layout.orders(),
        source,
    };
    let order = orders::leave(&layout.orders(), &Order::Reindexed).map_err(failed)?;
    ownership::restore(layout.root())?;
    match orders::answer(&order, PATIENCE).map_err(failed)? {
        Some(Answer::Done { .. } | Answer::Renewed { .. } | Answer::WitnessKey { .. }) => Ok(()),
        Some(Answer::Failed { why }) => Err(ReindexError::Refused { why }),
        None => Err(ReindexError::NoAnswer),
    }
}

/// Removes a database with what SQLite keeps beside it.
fn remove(database: &Path) -> Result<(), ReindexError> {
    for suffix in ["", "-wal", "-shm"] {
        let mut path = database.as_os_str().to_owned();
        path.push(suffix);
        let path = PathBuf::from(path);
        durable::remove(&path).map_err(|source| ReindexError::File { path, source })?;
    }
    Ok(())
}
