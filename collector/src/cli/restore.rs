//! `daypass-collector restore`: everything back from the second copy, into a collector that is new.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;

use crate::archive::{self, ArchiveError};
use crate::authority::{Authority, REVOKED, WordError};
use crate::checkpoints::CheckpointError;
use crate::checkpoints::sqlite::SqliteCheckpoints;
use crate::config::{self, Config, ConfigError};
use crate::database;
use crate::durable;
use crate::export::{self, KeptError};
use crate::index::sqlite::SqliteIndex;
use crate::indexer::{self, FollowIndexError};
use crate::keep::Stores;
use crate::layout::Layout;
use crate::lock::{self, LockError};
use crate::ownership::{self, OwnershipError};
use crate::restore::{self, RestoreError, Unsigned};
use crate::segments::SegmentError;
use crate::segments::directory::DirectorySegments;

/// From where.
#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// The directory that `archive` in the lost collector's configuration named, or a copy of it.
    #[arg(long, value_name = "DIR")]
    pub from: PathBuf,
    /// Takes journals whose enrolment record no known key of the CA's signed, too.
    #[arg(long)]
    pub take_unsigned: bool,
    /// Configuration to read.
    #[arg(long, value_name = "FILE", default_value = config::DEFAULT_PATH)]
    pub config: PathBuf,
}

/// Why not everything is back.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RestoreCommandError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The service runs.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// A database.
    #[error(transparent)]
    Database(#[from] database::OpenError),
    /// The segments.
    #[error(transparent)]
    Segments(#[from] SegmentError),
    /// What the CA said.
    #[error(transparent)]
    Authority(#[from] WordError),
    /// The copy.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// What the copy says beside its journals.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The list of segments.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// How far exports were.
    #[error(transparent)]
    Exports(#[from] KeptError),
    /// The index.
    #[error(transparent)]
    Follow(#[from] FollowIndexError),
    /// Some journals are not back.
    #[error("{count} journals are not back, or not all of them; what is, can be used")]
    Incomplete {
        /// How many.
        count: usize,
    },
    /// Files cannot be given to the service's user.
    #[error(transparent)]
    Ownership(#[from] OwnershipError),
    /// A file.
    #[error("{} cannot be read or written", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

pub(crate) fn run(arguments: &RestoreArgs) -> Result<(), RestoreCommandError> {
    let config = Config::read(&arguments.config)?;
    let layout = Layout::new(&config.data);
    let _lock = lock::take(&layout.lock())?;
    let checkpoints = SqliteCheckpoints::open(&layout.checkpoints())?;
    let segments = DirectorySegments::open(&layout.segments())?;
    let stores = Stores {
        checkpoints: &checkpoints,
        segments: &segments,
    };
    let authority = authority(arguments, &config, &layout)?;
    let unsigned = match arguments.take_unsigned {
        true => Unsigned::Taken,
        false => Unsigned::Refused,
    };
    let restored = restore::restore(&arguments.from, stores, &authority, unsigned)?;
    // Where not all of it is back, segments have other numbers than those by which exports know how far they are.
    if restored.failed.is_empty() {
        let exports = archive::read_exports(&arguments.from)?;
        export::bring_back(&layout.exports(), &exports, checkpoints.last_segment()?)?;
    }
    let index = SqliteIndex::open(&layout.index())?;
    indexer::catch_up(stores, &index)?;
    ownership::restore(layout.root())?;
    say(&crate::diagnostic::restored(&restored));
    match restored.failed.len() {
        0 => Ok(()),
        count => Err(RestoreCommandError::Incomplete { count }),
    }
}

/// What the CA said last: as it is known here, or else as the copy has it; it holds from the pin up, or not at all.
fn authority(
    arguments: &RestoreArgs,
    config: &Config,
    layout: &Layout,
) -> Result<Authority, RestoreCommandError> {
    let path = layout.authority();
    if !path.exists() {
        // The keys that were revoked first: without the CA's word this is done again.
        let revoked = arguments.from.join(REVOKED);
        if revoked.exists() {
            bring(&revoked, &layout.revoked())?;
        }
        bring(&arguments.from.join(archive::AUTHORITY), &path)?;
    }
    Ok(Authority::open(&path, config.ca_setup.ca)?)
}

fn bring(from: &Path, to: &Path) -> Result<(), RestoreCommandError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| RestoreCommandError::File { path, source }
    };
    let bytes = std::fs::read(from).map_err(failed(from))?;
    durable::replace(to, 0o640, &bytes).map_err(failed(to))
}

fn say(text: &str) {
    // Nobody needs this line to go on.
    let _ = writeln!(io::stderr().lock(), "{text}");
}
