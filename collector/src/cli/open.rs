//! Opens everything that is kept.

use std::io;
use std::path::{Path, PathBuf};

use crate::alerts::{Alerts, OpenAlertsError};
use crate::authority::{Authority, WordError};
use crate::checkpoints::sqlite::SqliteCheckpoints;
use crate::collector::Parts;
use crate::config::Config;
use crate::database;
use crate::durable;
use crate::export::{Exports, OpenExportsError};
use crate::index::sqlite::SqliteIndex;
use crate::layout::Layout;
use crate::ledger::Ledger;
use crate::segments::SegmentError;
use crate::segments::directory::DirectorySegments;
use crate::strangers::{StrangerError, Strangers};
use crate::witness::{Witness, WitnessError};

/// Why something that is kept could not be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    /// A database.
    #[error(transparent)]
    Database(#[from] database::OpenError),
    /// The segments.
    #[error(transparent)]
    Segments(#[from] SegmentError),
    /// Logs of others.
    #[error(transparent)]
    Strangers(#[from] StrangerError),
    /// Their directory.
    #[error("{} cannot be made", path.display())]
    Directory {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Rosters and state.
    #[error(transparent)]
    Authority(#[from] WordError),
    /// The directory of orders.
    #[error("{} cannot be made", path.display())]
    Orders {
        /// It.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The witness key.
    #[error(transparent)]
    Witness(#[from] WitnessError),
    /// The journal.
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
    let orders = layout.orders();
    durable::make_dirs(layout.root(), Path::new("orders"), 0o750).map_err(|source| {
        OpenError::Orders {
            path: orders,
            source,
        }
    })?;
    Ok(Parts {
        checkpoints: Box::new(SqliteCheckpoints::open(&layout.checkpoints())?),
        segments: Box::new(DirectorySegments::open(&layout.segments())?),
        index: Box::new(SqliteIndex::open(&layout.index())?),
        authority: Authority::open(&layout.authority(), config.ca_setup.ca)?,
        witness: Witness::open(&layout.witness_key())?,
        strangers: strangers(config, layout)?,
        ledger: Ledger::open(layout)?,
        alerts: Alerts::open(&config.alerts, layout)
            .map_err(|error| OpenError::Alerts(error.into()))?,
        exports: Exports::open(&config.export, layout)
            .map_err(|error| OpenError::Exports(error.into()))?,
        silence_after: config.silence_after,
    })
}

fn strangers(config: &Config, layout: &Layout) -> Result<Strangers, OpenError> {
    let path = layout.strangers();
    if !config.witnessed.is_empty() {
        durable::make_dirs(layout.root(), Path::new("witnessed"), 0o750).map_err(|source| {
            OpenError::Directory {
                path: path.clone(),
                source,
            }
        })?;
    }
    Ok(Strangers::open(
        &path,
        config.ca_setup.ca,
        &config.witnessed,
    )?)
}
