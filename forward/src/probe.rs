//! While a collector further down the list serves, somebody looks whether one before it is back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use daypass_journal::horizon::Horizon;
use daypass_protocol::forwarding::About;
use daypass_transport::client::{Client, Request};

/// Between two looks, at first; twice as long each time.
const FIRST: Duration = Duration::from_secs(30);
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// Looks after the collectors that are preferred to the one that serves.
pub(crate) struct Probe {
    answered: Arc<AtomicBool>,
    next: Instant,
    patience: Duration,
}

impl Probe {
    pub(crate) fn new() -> Self {
        Self {
            answered: Arc::default(),
            next: Instant::now() + FIRST,
            patience: FIRST,
        }
    }

    /// Whether one of them has answered.
    pub(crate) fn has_answered(&self) -> bool {
        self.answered.load(Ordering::Acquire)
    }

    /// Asks them on a thread of its own, if it is time to; whoever waits for the horizon is called when one answers.
    pub(crate) fn look(&mut self, clients: impl FnOnce() -> Vec<Client>, horizon: &Horizon) {
        if Instant::now() < self.next {
            return;
        }
        self.patience = (self.patience * 2).min(LONGEST);
        self.next = Instant::now() + self.patience;
        let (clients, answered, horizon) = (clients(), Arc::clone(&self.answered), horizon.clone());
        let look = move || {
            let there = |client: &Client| client.call::<About>(&Request::get("/v1/about")).is_ok();
            if clients.iter().any(there) {
                answered.store(true, Ordering::Release);
                horizon.call();
            }
        };
        // Without a thread nobody looks this time.
        let _ = thread::Builder::new()
            .name("forward-probe".to_owned())
            .stack_size(512 * 1024)
            .spawn(look);
    }
}
