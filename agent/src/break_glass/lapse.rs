//! How long the glass stays broken: `90s`, `30m`, `1h`, a day at most.

use std::str::FromStr;
use std::time::Duration;

/// Longer than any emergency that nobody has mended otherwise.
const MOST: u64 = 24 * 3600;

/// A length of time for which accounts are let go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lapse(Duration);

/// Not such a length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a number with s, m or h, such as 90s, 30m or 1h, and 24h at most")]
pub struct InvalidLapse;

impl Lapse {
    /// The time itself.
    #[must_use]
    pub fn duration(self) -> Duration {
        self.0
    }
}

impl FromStr for Lapse {
    type Err = InvalidLapse;

    fn from_str(text: &str) -> Result<Self, InvalidLapse> {
        let split = text.len().checked_sub(1).ok_or(InvalidLapse)?;
        let (number, unit) = text.split_at_checked(split).ok_or(InvalidLapse)?;
        let seconds = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            _ => return Err(InvalidLapse),
        };
        let plain = number.bytes().all(|byte| byte.is_ascii_digit());
        let number: u64 = number.parse().map_err(|_| InvalidLapse)?;
        let seconds = number.checked_mul(seconds).ok_or(InvalidLapse)?;
        if !plain || !(1..=MOST).contains(&seconds) {
            return Err(InvalidLapse);
        }
        Ok(Self(Duration::from_secs(seconds)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_and_everything_else_is_refused() {
        for (text, seconds) in [("90s", 90), ("30m", 1800), ("1h", 3600), ("24h", 86400)] {
            let lapse: Lapse = text.parse().unwrap();
            assert_eq!(lapse.duration(), Duration::from_secs(seconds), "{text}");
        }
        for bad in [
            "",
            "h",
            "1",
            "0s",
            "-1h",
            "+1h",
            "25h",
            "1d",
            "1 h",
            "1é",
            "99999999999999999999h",
        ] {
            assert_eq!(bad.parse::<Lapse>(), Err(InvalidLapse), "{bad:?}");
        }
    }
}
