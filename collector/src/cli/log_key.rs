//! `daypass-collector renew-log-key`: hands the collector's own journal over to a new log key, by the service, or by itself
//! where none runs.

use std::io::{self, Write as _};
use std::time::Duration;

use super::ConfigArgs;
use super::order::{self, OrderError};
use crate::config::{Config, ConfigError};
use crate::diagnostic;
use crate::layout::Layout;
use crate::ledger::Ledger;
use crate::lock::{self, LockError};
use crate::orders::{Answer, Order};
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
    /// The service did not do it.
    #[error(transparent)]
    Order(#[from] OrderError),
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

fn by_the_service(layout: &Layout) -> Result<(u64, String), OrderError> {
    let order = Order::RenewLogKey { by: BY.to_owned() };
    order::carry_out(layout, &order, PATIENCE, |answer| match answer {
        Answer::Renewed { entry, key } => Some((entry, key)),
        _ => None,
    })
}
