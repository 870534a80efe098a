//! How many may wait for a newer state at the same time: each holds a connection.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Hosts and collectors, which wait all day.
const MACHINES: usize = 8192;
/// People, who have no need to.
const PEOPLE: usize = 64;

/// The places that there are.
#[derive(Debug)]
pub(super) struct Waiting {
    machines: Arc<Semaphore>,
    people: Arc<Semaphore>,
}

/// Who takes a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waiter {
    /// A host or a collector.
    Machine,
    /// Anybody else.
    Person,
}

impl Waiting {
    pub(super) fn new() -> Self {
        Self {
            machines: Arc::new(Semaphore::new(MACHINES)),
            people: Arc::new(Semaphore::new(PEOPLE)),
        }
    }

    /// A place, until it is dropped; none where all are taken. Machines do not wait for people.
    pub(super) fn place(&self, waiter: Waiter) -> Option<OwnedSemaphorePermit> {
        let places = match waiter {
            Waiter::Machine => &self.machines,
            Waiter::Person => &self.people,
        };
        Arc::clone(places).try_acquire_owned().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_take_no_place_of_a_machine_and_a_place_is_free_again() {
        let waiting = Waiting::new();
        let mut taken: Vec<_> = (0..PEOPLE)
            .map(|_| waiting.place(Waiter::Person).unwrap())
            .collect();
        assert!(waiting.place(Waiter::Person).is_none());
        assert!(waiting.place(Waiter::Machine).is_some());
        taken.pop();
        assert!(waiting.place(Waiter::Person).is_some());
    }
}
