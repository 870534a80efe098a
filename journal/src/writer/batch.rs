//! Those who are committed together, and their answer.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

use super::{After, Receipt, lock};
use crate::clock::Stamp;
use crate::durable::failed;
use crate::entry::Event;
use crate::error::{Action, DiskError, Error};

/// A batch that can still be joined.
pub(super) struct Open {
    pub(super) events: Vec<Event>,
    pub(super) after: After,
    pub(super) shared: Arc<Shared>,
}

impl Default for Open {
    fn default() -> Self {
        Self {
            events: Vec::new(),
            after: After::GoOn,
            shared: Arc::default(),
        }
    }
}

/// A batch that is on disk: its first entry's number and the time of all.
#[derive(Clone, Copy, Debug)]
pub(super) struct Committed {
    pub(super) first: u64,
    pub(super) stamp: Stamp,
}

pub(super) type Outcome = Result<Committed, DiskError>;

/// Where the members of a batch wait for its outcome.
#[derive(Default)]
pub(super) struct Shared {
    outcome: Mutex<Option<Outcome>>,
    done: Condvar,
}

impl Shared {
    pub(super) fn answer(&self, outcome: Outcome) {
        lock(&self.outcome).get_or_insert(outcome);
        self.done.notify_all();
    }

    /// The receipt of the member at `place`.
    pub(super) fn wait(&self, place: usize) -> Result<Receipt, Error> {
        let mut outcome = lock(&self.outcome);
        loop {
            match &*outcome {
                Some(Ok(committed)) => {
                    return Ok(Receipt {
                        seq: committed.first + place as u64,
                        time: committed.stamp.time,
                    });
                }
                Some(Err(failure)) => return Err(failure.clone().into()),
                None => {
                    outcome = self
                        .done
                        .wait(outcome)
                        .unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }
}

/// An answer that a leader owes its batch; should the leader panic, the batch is told so.
pub(super) struct Answer<'a>(&'a Shared);

impl<'a> Answer<'a> {
    pub(super) fn owed(shared: &'a Shared) -> Self {
        Self(shared)
    }

    pub(super) fn give(self, outcome: Outcome) {
        self.0.answer(outcome);
    }
}

impl Drop for Answer<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let panicked = std::io::Error::other("the committing thread panicked");
            self.0
                .answer(Err(failed(Action::Write, "the journal".as_ref())(panicked)));
        }
    }
}
