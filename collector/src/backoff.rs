//! How long to wait before something that failed is tried again.

use std::time::Duration;

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

#[cfg(test)]
mod tests {
    use super::*;

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
