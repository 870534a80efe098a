//! How long to wait before something that failed is tried again.

use std::time::{Duration, Instant};

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(600);

/// Twice as long each time, up to ten minutes, and a fifth more or less by chance, so that many do not come at once.
pub(crate) fn delay(failures: u32) -> Duration {
    let whole = FIRST
        .saturating_mul(2_u32.saturating_pow(failures.min(16)))
        .min(LONGEST);
    let mut chance = [0_u8; 1];
    // Without chance it is the middle.
    if getrandom::fill(&mut chance).is_err() {
        chance = [128];
    }
    whole.mul_f64(0.8 + 0.4 * f64::from(chance[0]) / 255.0)
}

/// Failures after which a [`Pause`] grows no more: it is about a minute then.
const SLOWEST: u32 = 6;

/// What is tried again later and later, while nothing waits for it.
#[derive(Debug, Default)]
pub(crate) struct Pause {
    failures: u32,
    due: Option<Instant>,
}

impl Pause {
    /// Whether it is time to try.
    pub(crate) fn is_over(&self) -> bool {
        self.due.is_none_or(|due| Instant::now() >= due)
    }

    /// It failed.
    pub(crate) fn failed(&mut self) {
        self.due = Some(Instant::now() + delay(self.failures.min(SLOWEST)));
        self.failures = self.failures.saturating_add(1);
    }

    /// It did not, or may not the next time.
    pub(crate) fn end(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_lasts_until_it_is_over_or_ended() {
        let mut pause = Pause::default();
        assert!(pause.is_over());
        for _ in 0..9 {
            pause.failed();
        }
        assert!(!pause.is_over());
        pause.end();
        assert!(pause.is_over());
    }

    #[test]
    fn it_grows_to_a_bound_and_varies() {
        for (failures, seconds) in [
            (0, 1.0),
            (1, 2.0),
            (5, 32.0),
            (30, 600.0),
            (u32::MAX, 600.0),
        ] {
            let delay = delay(failures).as_secs_f64();
            assert!(
                delay >= seconds * 0.79 && delay <= seconds * 1.21,
                "{failures}: {delay}"
            );
        }
    }
}
