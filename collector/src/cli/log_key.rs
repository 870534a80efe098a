//! `daypass-collector renew-log-key`: hands the collector's own journal over to a new log key, by the service, or by itself
//! where none runs.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use super::ConfigArgs;
use crate::config::{Config, ConfigError};
use crate::diagnostic;
use crate::layout::Layout;
use crate::ledger::Ledger;
use crate::lock::{self, LockError};
use crate::orders::{self, Answer, Order};
use crate::ownership::{self, OwnershipError};

/// The service looks for orders twice a second; it may be at an erasure.
const PATIENCE: Duration = Duration::from_secs(120);
/// Who asks: only root and the service's user can.
const BY: &str = "root";

/// Why the journal keeps its key, as far as is known.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LogKeyError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The lock.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// Our own journal.
    #[error(transparent)]
    Journal(#[from] daypass_journal::Error),
    /// Files cannot be given to the service's user.
    #[error(transparent)]
    Ownership(#[from] OwnershipError),
    /// The order could not be left, or its answer not be read.
    #[error("the service cannot be told in {}", path.display())]
    Order {
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No answer.
    #[error("the service has not answered for two minutes; the order in {} stays, and it will carry it out", path.display())]
    NoAnswer {
        /// The order.
        path: PathBuf,
    },
    /// The service says why not.
    #[error("the service could not do it: {why}")]
    Failed {
        /// Why.
        why: String,
    },
}

pub(crate) fn run(arguments: &ConfigArgs) -> Result<(), LogKeyError> {
    let config = Config::read(&arguments.config)?;
    let layout = Layout::new(&config.data);
    let (entry, key) = match lock::take(&layout.lock()) {
        Ok(_lock) => here(&layout)?,
        Err(LockError::Held { .. }) => by_the_service(&layout)?,
        Err(error) => return Err(error.into()),
    };
    // Nobody needs this line to go on.
    let _ = writeln!(
        io::stderr().lock(),
        "{}",
        diagnostic::log_key_renewed(entry)
    );
    let _ = writeln!(io::stdout().lock(), "{key}");
    Ok(())
}

/// What is written here, the service takes into its stores when it runs.
fn here(layout: &Layout) -> Result<(u64, String), LogKeyError> {
    let ledger = Ledger::open(layout)?;
    let rotated = ledger.rotate_log_key(BY)?;
    ledger.close()?;
    ownership::restore(layout.root())?;
    Ok((rotated.receipt.seq, rotated.key))
}

fn by_the_service(layout: &Layout) -> Result<(u64, String), LogKeyError> {
    let failed = |source| LogKeyError::Order {
        path: layout.orders(),
        source,
    };
    let order = Order::RenewLogKey { by: BY.to_owned() };
    let path = orders::leave(&layout.orders(), &order).map_err(failed)?;
    ownership::restore(&layout.orders())?;
    match orders::answer(&path, PATIENCE).map_err(failed)? {
        Some(Answer::Renewed { entry, key }) => Ok((entry, key)),
        Some(Answer::Failed { why }) => Err(LogKeyError::Failed { why }),
        Some(Answer::Done { .. } | Answer::WitnessKey { .. }) => Err(LogKeyError::Failed {
            why: "it answered something else than was asked".to_owned(),
        }),
        None => Err(LogKeyError::NoAnswer { path }),
    }
}
