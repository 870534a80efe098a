//! Wakes those who wait for what comes in.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Each holds a thread; more are answered at once, and ask again.
const WAITING: usize = 64;

/// Counts how often something became searchable.
#[derive(Default)]
pub struct Arrivals {
    state: Mutex<State>,
    more: Condvar,
}

#[derive(Default)]
struct State {
    count: u64,
    waiting: usize,
    is_over: bool,
}

impl Arrivals {
    /// How often so far.
    pub fn count(&self) -> u64 {
        self.lock().count
    }

    /// Something can be found that could not before.
    pub fn came(&self) {
        self.lock().count += 1;
        self.more.notify_all();
    }

    /// Nobody waits any more.
    pub fn end(&self) {
        self.lock().is_over = true;
        self.more.notify_all();
    }

    /// Waits for more than `count`; whether there is more before `deadline`.
    pub fn wait(&self, count: u64, deadline: Instant) -> bool {
        let mut state = self.lock();
        if state.waiting == WAITING {
            return false;
        }
        state.waiting += 1;
        let patience = deadline.saturating_duration_since(Instant::now());
        let (mut state, _) = self
            .more
            .wait_timeout_while(state, patience, |state| {
                state.count == count && !state.is_over
            })
            .unwrap_or_else(PoisonError::into_inner);
        state.waiting -= 1;
        state.count != count && !state.is_over
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The longest that a question waits for its answer.
pub const LONGEST_WAIT: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_waits_is_woken_by_what_comes_and_by_the_end() {
        let arrivals = Arrivals::default();
        let deadline = Instant::now() + Duration::from_secs(60);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| arrivals.wait(0, deadline));
            arrivals.came();
            assert!(waiting.join().unwrap());
            let waiting = scope.spawn(|| arrivals.wait(1, deadline));
            arrivals.end();
            assert!(!waiting.join().unwrap());
        });
        assert!(!arrivals.wait(arrivals.count(), Instant::now()));
    }
}
