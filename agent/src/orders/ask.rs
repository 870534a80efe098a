//! A command's end: it leaves an order, wakes the daemon and waits for its answer.

use std::thread;
use std::time::{Duration, Instant};

use super::{Answer, Done, Order, answer, leave};
use crate::command;
use crate::durable;
use crate::layout::Layout;
use crate::systemd::{self, Reloaded};

/// How long the daemon may take: it reads the journal for some.
const PATIENCE: Duration = Duration::from_secs(120);
/// Between two looks for its answer.
const LOOK: Duration = Duration::from_millis(50);

/// Why an order was not carried out, as far as is known.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The daemon has the journal.
    #[error("the agent does not run, and nobody else may write the journal")]
    NotRunning,
    /// systemd refused.
    #[error(transparent)]
    Reload(#[from] command::Error),
    /// The order or its answer.
    #[error(transparent)]
    File(#[from] durable::Error),
    /// The daemon said no.
    #[error("the agent refused: {why}")]
    Refused {
        /// Its reason.
        why: String,
    },
    /// It has not answered yet.
    #[error("the agent has not answered within {} seconds", PATIENCE.as_secs())]
    NoAnswer,
}

/// Has the daemon carry an order out.
///
/// # Errors
/// See [`enum@Error`].
pub fn ask(layout: &Layout, order: &Order) -> Result<Done, Error> {
    let path = leave(&layout.orders(), order)?;
    // An order that stays would be carried out after its failure was told.
    match systemd::reload_agent() {
        Ok(Reloaded::NotRunning) => {
            durable::remove(&path)?;
            return Err(Error::NotRunning);
        }
        Ok(_) => {}
        Err(error) => {
            durable::remove(&path)?;
            return Err(error.into());
        }
    }
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        match answer(&path)? {
            Some(Answer::Done(done)) => return Ok(done),
            Some(Answer::Refused { why }) => return Err(Error::Refused { why }),
            None => thread::sleep(LOOK),
        }
    }
    Err(Error::NoAnswer)
}
