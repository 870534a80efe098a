//! How long to wait before the next attempt: longer each time, never all hosts at once.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(60);

/// Attempts in a row that failed.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failed: u32,
}

impl Backoff {
    pub(crate) fn reset(&mut self) {
        self.failed = 0;
    }

    /// How long to wait now: between half and the whole of a time that doubles.
    pub(crate) fn next(&mut self) -> Duration {
        let whole = FIRST.saturating_mul(1 << self.failed.min(16)).min(LONGEST);
        self.failed = self.failed.saturating_add(1);
        let mut random = [0; 2];
        // Without random bytes all wait the whole time.
        let share = match getrandom::fill(&mut random) {
            Ok(()) => u32::from(u16::from_le_bytes(random)),
            Err(_) => u32::from(u16::MAX),
        };
        whole / 2 + whole / 2 * share / u32::from(u16::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_to_a_minute_and_starts_over() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = (0..20).map(|_| backoff.next()).collect();
        assert!((FIRST / 2..=FIRST).contains(&waits[0]), "{:?}", waits[0]);
        assert!(waits[4] >= FIRST * 8);
        assert!(
            waits[10..]
                .iter()
                .all(|wait| (LONGEST / 2..=LONGEST).contains(wait))
        );
        backoff.reset();
        assert!(backoff.next() <= FIRST);
    }
}
