//! Spans of time in rules: `30s`, `10m`, `2h`, `7d`.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

/// The longest that a rule looks back, or keeps quiet.
pub(super) const LONGEST: u64 = 31 * 24 * 3600;

/// A span of whole seconds, from one second to 31 days.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Period(Duration);

/// Why a text is no [`Period`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected a number and one of s, m, h, d, as in 10m; at most 31d")]
pub struct InvalidPeriod;

impl Period {
    pub(crate) const fn minutes(minutes: u64) -> Self {
        Self(Duration::from_secs(minutes * 60))
    }

    pub(crate) const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    pub(crate) fn duration(self) -> Duration {
        self.0
    }

    /// In microseconds, as entries count.
    pub(crate) fn micros(self) -> i64 {
        i64::try_from(self.0.as_micros()).unwrap_or(i64::MAX)
    }
}

impl std::str::FromStr for Period {
    type Err = InvalidPeriod;

    fn from_str(text: &str) -> Result<Self, InvalidPeriod> {
        let (unit, seconds) = [("s", 1), ("m", 60), ("h", 3600), ("d", 24 * 3600)]
            .into_iter()
            .find(|(unit, _)| text.ends_with(unit))
            .ok_or(InvalidPeriod)?;
        let number: u64 = text
            .strip_suffix(unit)
            .and_then(|number| number.parse().ok())
            .ok_or(InvalidPeriod)?;
        number
            .checked_mul(seconds)
            .filter(|seconds| (1..=LONGEST).contains(seconds))
            .map(|seconds| Self(Duration::from_secs(seconds)))
            .ok_or(InvalidPeriod)
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_has_a_unit_and_a_bound() {
        assert_eq!("10m".parse(), Ok(Period::minutes(10)));
        assert_eq!("31d".parse(), Ok(Period::minutes(31 * 24 * 60)));
        for text in [
            "",
            "10",
            "m",
            "0s",
            "32d",
            "-1m",
            "1.5h",
            "99999999999999999999d",
        ] {
            assert_eq!(text.parse::<Period>(), Err(InvalidPeriod), "{text}");
        }
    }
}
