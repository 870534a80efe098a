//! Old segments of this host's journal go when the settings say so: looked at every hour, on a
//! thread of its own, for copying and replacing files takes its time.

use std::sync::mpsc::{Receiver, RecvTimeoutError};

use daypass_journal::retention::{EVERY, Policy};

use crate::aside;
use crate::intake::Intake;

/// Looks until the other end of `stop` is gone.
pub fn run(intake: &Intake, policy: &Policy, stop: &Receiver<()>) {
    loop {
        if let Err(why) = intake.retire(policy) {
            aside::tell(&format!("old segments of the journal stay: {why}"));
        }
        match stop.recv_timeout(EVERY) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}
