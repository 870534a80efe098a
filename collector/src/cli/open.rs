//! Opens everything that is kept.

use crate::alerts::{Alerts, OpenAlertsError};
use crate::authority::{Authority, WordError};
use crate::checkpoints::sqlite::SqliteCheckpoints;
use crate::collector::Parts;
use crate::config::Config;
use crate::database;
use crate::export::{Exports, OpenExportsError};
use crate::index::sqlite::SqliteIndex;
use crate::layout::Layout;
use crate::ledger::Ledger;
use crate::segments::SegmentError;
use crate::segments::directory::DirectorySegments;
use crate::witness::Witness;

/// Why something that is kept could not be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    /// A database.
    #[error(transparent)]
    Database(#[from] database::OpenError),
    /// The segments.
    #[error(transparent)]
    Segments(#[from] SegmentError),
    /// Rosters and state.
    #[error(transparent)]
    Authority(#[from] WordError),
    /// The witness key or the journal.
    #[error(transparent)]
    Journal(#[from] daypass_journal::Error),
    /// Rules and destinations.
    #[error("alerts cannot be set up")]
    Alerts(#[source] Box<OpenAlertsError>),
    /// Where entries go.
    #[error("exports cannot be set up")]
    Exports(#[source] Box<OpenExportsError>),
}

/// Opens all of it.
pub(crate) fn parts(config: &Config, layout: &Layout) -> Result<Parts, OpenError> {
    Ok(Parts {
        checkpoints: Box::new(SqliteCheckpoints::open(&layout.checkpoints())?),
        segments: Box::new(DirectorySegments::open(&layout.segments())?),
        index: Box::new(SqliteIndex::open(&layout.index())?),
        authority: Authority::open(&layout.authority(), config.ca_setup.ca)?,
        witness: Witness::open(&layout.witness_key())?,
        ledger: Ledger::open(layout)?,
        alerts: Alerts::open(&config.alerts, layout)
            .map_err(|error| OpenError::Alerts(error.into()))?,
        exports: Exports::open(&config.export, layout)
            .map_err(|error| OpenError::Exports(error.into()))?,
        silence_after: config.silence_after,
    })
}
