//! How long the glass stays broken: `90s`, `30m`, `1h`, a day at most.

use std::str::FromStr;
use std::time::Duration;

use daypass_protocol::length::Length;

/// Longer than any emergency that nobody has mended otherwise.
const MOST: u64 = 24 * 3600;

/// A length of time for which accounts are let go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lapse(Duration);

/// Not such a length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write a duration as 90s, 30m, 1h or 1h30m, a day at most")]
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
        let length: Length = text.parse().map_err(|_| InvalidLapse)?;
        if length.seconds() > MOST {
            return Err(InvalidLapse);
        }
        Ok(Self(Duration::from_secs(length.seconds())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_and_everything_else_is_refused() {
        for (text, seconds) in [
            ("90s", 90),
            ("30m", 1800),
            ("1h", 3600),
            ("1h30m", 5400),
            ("1d", 86400),
        ] {
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
            "2d",
            "1 h",
            "1é",
            "99999999999999999999h",
        ] {
            assert_eq!(bad.parse::<Lapse>(), Err(InvalidLapse), "{bad:?}");
        }
    }
}
