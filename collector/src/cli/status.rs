//! `daypass-collector status`: how much is stored, and what follows it how closely.

use std::collections::BTreeSet;
use std::io::{self, Write as _};

use super::ConfigArgs;
use crate::archive::{self, ArchiveError};
use crate::checkpoints::sqlite::SqliteCheckpoints;
use crate::checkpoints::{CheckpointError, CheckpointStore as _};
use crate::clock::Now;
use crate::config::{Config, ConfigError};
use crate::database;
use crate::diagnostic::{self, Standing};
use crate::index::IndexError;
use crate::index::sqlite::SqliteIndex;
use crate::ingest::IngestError;
use crate::layout::Layout;
use crate::lock::{self, LockError};
use crate::segments::directory::DirectorySegments;
use crate::watch::silent;
use crate::witness::{self, WitnessError};

/// Replaced and lost segments that are counted, at most.
const MANY: usize = 1000;

/// Why it cannot be told.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StatusError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A database.
    #[error(transparent)]
    Database(#[from] database::OpenError),
    /// The list of segments.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// What is stored of a journal.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// The index.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The lock.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The witness key.
    #[error(transparent)]
    Witness(#[from] WitnessError),
    /// Standard output.
    #[error("the result cannot be written")]
    Output(#[source] io::Error),
    /// The second copy cannot be read.
    #[error("the second copy does not follow")]
    Archive(#[from] ArchiveError),
}

pub(crate) fn run(arguments: &ConfigArgs) -> Result<(), StatusError> {
    let config = Config::read(&arguments.config)?;
    let layout = Layout::new(&config.data);
    let checkpoints = SqliteCheckpoints::open_to_read(&layout.checkpoints())?;
    let logs = checkpoints.logs()?;
    let now = Now::read();
    let segments = DirectorySegments::open_to_read(&layout.segments());
    let silent = silent(&checkpoints, &segments, now, config.silence_after)?;
    let held: Vec<_> = logs.iter().filter_map(|(_, held)| held.as_ref()).collect();
    let runs = match lock::take(&layout.lock()) {
        Ok(_) => false,
        Err(LockError::Held { .. }) => true,
        Err(error) => return Err(error.into()),
    };
    let debts = checkpoints.lost().debts()?;
    let owing: BTreeSet<u64> = debts.iter().map(|(number, _)| *number).collect();
    let standing = Standing {
        runs,
        logs: logs.len(),
        silent,
        entries: held.iter().map(|held| held.mark.size).sum(),
        segments: checkpoints.last_segment()?,
        indexed: SqliteIndex::taken_at(&layout.index())?,
        unsettled: checkpoints.replaced(MANY)?.len(),
        lost: checkpoints.lost().after(0, MANY)?.len(),
        owing: owing.len(),
    };
    let renewal = witness::under_way(&layout.witness_key())?;
    let out = &mut io::stdout().lock();
    writeln!(out, "{}", diagnostic::status(&standing)).map_err(StatusError::Output)?;
    if let Some(said) = &renewal {
        let line = diagnostic::witness_renewal(said, now.time());
        writeln!(out, "{line}").map_err(StatusError::Output)?;
    }
    let Some(root) = &config.archive else {
        return writeln!(out, "{}", diagnostic::NO_ARCHIVE).map_err(StatusError::Output);
    };
    let copied = archive::read_list(root)?.keys().next_back().copied();
    let line = diagnostic::archived(root, copied.unwrap_or(0), standing.segments);
    writeln!(out, "{line}").map_err(StatusError::Output)
}
