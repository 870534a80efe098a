//! `daypass-collector renew-witness-key`: has the service renew the key that it cosigns with; it alone speaks to the CA.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::order::{self, OrderError};
use crate::config::{self, Config, ConfigError};
use crate::diagnostic;
use crate::layout::Layout;
use crate::lock::{self, LockError};
use crate::orders::{Answer, Order};

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
    /// The service did not do it.
    #[error(transparent)]
    Order(#[from] OrderError),
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
    let answer = order::carry_out(&layout, &order, PATIENCE, |answer| match answer {
        Answer::WitnessKey { key, untold } => Some((key, untold)),
        _ => None,
    });
    let (key, untold) = answer?;
    // Nobody needs these lines to go on.
    let said = match (&order, untold) {
        (Order::FinishWitnessKey, _) => diagnostic::WITNESS_KEY_FINISHED.to_owned(),
        (_, untold) => diagnostic::witness_key_renewed(untold.as_deref()),
    };
    let _ = writeln!(io::stderr().lock(), "{said}");
    let _ = writeln!(io::stdout().lock(), "{key}");
    Ok(())
}
