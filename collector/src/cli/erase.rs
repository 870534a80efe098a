//! `daypass-collector erase`: takes what names a person out of what is stored, by the service, or by itself where none runs.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use daypass_protocol::name::Name;

use super::open::{self, OpenError};
use super::order::{self, OrderError};
use crate::clock::Now;
use crate::collector::{Collector, CollectorError};
use crate::config::{self, Config, ConfigError};
use crate::database;
use crate::diagnostic;
use crate::erasure::{self, EraseError, Forgotten, Why};
use crate::housekeeping;
use crate::index::sqlite::SqliteIndex;
use crate::layout::Layout;
use crate::lock::{self, LockError};
use crate::orders::{Answer, Order};
use crate::origin::Origin;
use crate::ownership::{self, OwnershipError};
use crate::rewrite::{self, RewriteError};
use crate::segments::SegmentName;

/// The service is given so long; the order stays.
const PATIENCE: Duration = Duration::from_secs(600);

/// Whom to forget, and why.
#[derive(Debug, Args)]
pub struct EraseArgs {
    /// The person, by the roster's name.
    #[arg(long, value_name = "NAME")]
    pub person: Name,
    /// Why; the collector's journal keeps it.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// Do it; without this nothing is done but counted.
    #[arg(long)]
    pub yes: bool,
    /// Configuration to read.
    #[arg(long, value_name = "FILE", default_value = config::DEFAULT_PATH)]
    pub config: PathBuf,
}

/// Why nobody was forgotten.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EraseCommandError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The lock.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// What is kept.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The index.
    #[error(transparent)]
    Database(#[from] database::OpenError),
    /// Segments, index or our own journal.
    #[error(transparent)]
    Erase(#[from] EraseError),
    /// Removing what was replaced.
    #[error(transparent)]
    Rewrite(#[from] RewriteError),
    /// Our own journal.
    #[error(transparent)]
    Collector(#[from] CollectorError),
    /// Files cannot be given to the service's user.
    #[error(transparent)]
    Ownership(#[from] OwnershipError),
    /// The service did not do it.
    #[error(transparent)]
    Order(#[from] OrderError),
}

pub(crate) fn run(arguments: &EraseArgs) -> Result<(), EraseCommandError> {
    let config = Config::read(&arguments.config)?;
    let layout = Layout::new(&config.data);
    let person = arguments.person.as_str();
    if !arguments.yes {
        let index = SqliteIndex::open(&layout.index())?;
        let count = erasure::count(&index, person)?;
        say(&diagnostic::would_erase(count, person));
        return Ok(());
    }
    let why = Why {
        by: "root".to_owned(),
        reason: arguments.reason.clone(),
    };
    let erased = match lock::take(&layout.lock()) {
        Ok(_lock) => here(&config, &layout, person, &why)?,
        Err(LockError::Held { .. }) => by_the_service(&layout, person, &why)?,
        Err(error) => return Err(error.into()),
    };
    say(&diagnostic::erased(&erased, person));
    Ok(())
}

fn here(
    config: &Config,
    layout: &Layout,
    person: &str,
    why: &Why,
) -> Result<Forgotten, EraseCommandError> {
    let (collector, _arrived) = Collector::new(open::parts(config, layout)?, Now::read());
    let mut goes = |log: &Origin, name: &SegmentName| match &config.archive {
        Some(_) => housekeeping::remove_later(layout, log, name),
        None => Ok(()),
    };
    let erased = erasure::forget(&collector, person, why, &mut goes)?;
    // The second copy follows when the service runs.
    if config.archive.is_none() {
        rewrite::settle(collector.stores(), None, &mut collector.tells_of_lost())?;
    }
    collector.close()?;
    ownership::restore(layout.root())?;
    Ok(erased)
}

fn by_the_service(layout: &Layout, person: &str, why: &Why) -> Result<Forgotten, OrderError> {
    let order = Order::Erase {
        person: person.to_owned(),
        by: why.by.clone(),
        reason: why.reason.clone(),
    };
    order::carry_out(layout, &order, PATIENCE, |answer| match answer {
        Answer::Done { count, waiting } => Some(Forgotten {
            entries: count,
            waiting,
        }),
        _ => None,
    })
}

fn say(text: &str) {
    // Nobody needs this line to go on.
    let _ = writeln!(io::stderr().lock(), "{text}");
}
