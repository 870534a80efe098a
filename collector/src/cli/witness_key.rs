//! `daypass-collector renew-witness-key`: has the service renew the key that it cosigns with; it alone speaks to the CA.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::config::{self, Config, ConfigError};
use crate::diagnostic;
use crate::layout::Layout;
use crate::lock::{self, LockError};
use crate::orders::{self, Answer, Order};
use crate::ownership::{self, OwnershipError};

/// The service looks for these orders every few seconds, and asks the CA.
const PATIENCE: Duration = Duration::from_secs(120);

/// What is to become of the key.
#[derive(Debug, Args)]
pub struct WitnessKeyArgs {
    /// Have the next key cosign alone, from now on; by itself that happens after 30 days.
    #[arg(long)]
    pub finish: bool,
    /// Configuration to read.
    #[arg(long, value_name = "FILE", default_value = config::DEFAULT_PATH)]
    pub config: PathBuf,
}

/// Why the key stays, as far as is known.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WitnessKeyError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The lock.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// Nobody who could speak to the CA.
    #[error(
        "the service does not run, and it alone tells the CA; start it: systemctl start daypass-collector"
    )]
    NotRunning,
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
    #[error("the witness key stays as it is: {why}")]
    Failed {
        /// Why.
        why: String,
    },
}

pub(crate) fn run(arguments: &WitnessKeyArgs) -> Result<(), WitnessKeyError> {
    let config = Config::read(&arguments.config)?;
    let layout = Layout::new(&config.data);
    match lock::take(&layout.lock()) {
        Ok(_) => return Err(WitnessKeyError::NotRunning),
        Err(LockError::Held { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let order = match arguments.finish {
        true => Order::FinishWitnessKey,
        false => Order::RenewWitnessKey,
    };
    let failed = |source| WitnessKeyError::Order {
        path: layout.orders(),
        source,
    };
    let path = orders::leave(&layout.orders(), &order).map_err(failed)?;
    ownership::restore(&layout.orders())?;
    let (key, untold) = match orders::answer(&path, PATIENCE).map_err(failed)? {
        Some(Answer::WitnessKey { key, untold }) => (key, untold),
        Some(Answer::Failed { why }) => return Err(WitnessKeyError::Failed { why }),
        Some(Answer::Done { .. } | Answer::Renewed { .. }) => {
            return Err(WitnessKeyError::Failed {
                why: "the service answered something else than was asked".to_owned(),
            });
        }
        None => return Err(WitnessKeyError::NoAnswer { path }),
    };
    // Nobody needs these lines to go on.
    let said = match (&order, untold) {
        (Order::FinishWitnessKey, _) => diagnostic::WITNESS_KEY_FINISHED.to_owned(),
        (_, untold) => diagnostic::witness_key_renewed(untold.as_deref()),
    };
    let _ = writeln!(io::stderr().lock(), "{said}");
    let _ = writeln!(io::stdout().lock(), "{key}");
    Ok(())
}
