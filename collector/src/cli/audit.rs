//! `daypass-collector audit`: all that is stored, checked again from the first line of each journal.

use std::io::{self, Write as _};

use daypass_journal::reader::{Line, Reader};
use daypass_protocol::enrolment::{self, Record};
use daypass_protocol::strict_json;
use serde_json::Value;

use super::ConfigArgs;
use crate::audit::{self, AuditError, Declared};
use crate::checkpoints::sqlite::SqliteCheckpoints;
use crate::checkpoints::{CheckpointError, CheckpointStore as _};
use crate::config::{Config, ConfigError};
use crate::database;
use crate::diagnostic;
use crate::keep::Stores;
use crate::layout::Layout;
use crate::segments::directory::DirectorySegments;

/// Why not all of it holds.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AuditCommandError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A database.
    #[error(transparent)]
    Database(#[from] database::OpenError),
    /// The list of journals.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// Our own journal.
    #[error("the collector's own journal cannot be read")]
    Ledger(#[from] daypass_journal::Error),
    /// Standard output.
    #[error("the result cannot be written")]
    Output(#[source] io::Error),
    /// Some do not hold; each was told.
    #[error("{failed} of {all} journals do not hold: restore their segments from a copy")]
    Failed {
        /// How many.
        failed: usize,
        /// Of so many.
        all: usize,
    },
}

pub(crate) fn run(arguments: &ConfigArgs) -> Result<(), AuditCommandError> {
    let config = Config::read(&arguments.config)?;
    let layout = Layout::new(&config.data);
    let checkpoints = SqliteCheckpoints::open_to_read(&layout.checkpoints())?;
    let segments = DirectorySegments::open_to_read(&layout.segments());
    let stores = Stores {
        checkpoints: &checkpoints,
        segments: &segments,
    };
    let declared = declared(&layout)?;
    let out = &mut io::stdout().lock();
    let (mut failed, mut all) = (0, 0);
    for (registration, held) in checkpoints.logs()? {
        let Some(held) = held else { continue };
        all += 1;
        let record: Result<Record, _> =
            strict_json::parse_document(&registration.record, enrolment::MAX_DOCUMENT);
        let log = &registration.log;
        let said = match record {
            Err(error) => Err(format!("its record cannot be read: {error}")),
            Ok(record) => audit::audit(stores, log, &record, &held, &declared)
                .map_err(|error: AuditError| error.to_string()),
        };
        let line = match said {
            Ok(audited) => diagnostic::holds(log, &audited),
            Err(reason) => {
                failed += 1;
                format!("{log}: {reason}")
            }
        };
        writeln!(out, "{line}").map_err(AuditCommandError::Output)?;
    }
    match failed {
        0 => Ok(()),
        failed => Err(AuditCommandError::Failed { failed, all }),
    }
}

/// What our own journal says that was taken out. The journal itself is checked by `daypass verify`.
fn declared(layout: &Layout) -> Result<Declared, daypass_journal::Error> {
    let mut declared = Declared::new();
    for line in Reader::open(&layout.journal())? {
        let Line::Entry { bytes, .. } = line? else {
            continue;
        };
        let Ok(entry) = serde_json::from_slice::<Value>(&bytes) else {
            continue;
        };
        if !matches!(entry["action"].as_str(), Some("log.erased" | "log.retired")) {
            continue;
        }
        let runs = serde_json::from_value(entry["detail"]["entries"].clone());
        if let (Some(log), Ok::<Vec<(u64, u64)>, _>(runs)) = (entry["detail"]["log"].as_str(), runs)
        {
            declared.entry(log.to_owned()).or_default().extend(runs);
        }
    }
    Ok(declared)
}
