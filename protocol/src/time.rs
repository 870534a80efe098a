//! Instants as documents write them: whole seconds, UTC.

use chrono::{DateTime, NaiveDateTime, Utc};
use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How far two clocks may differ before one side refuses what the other dates, and how far ahead of its beginning a
/// certificate is valid: 60 seconds.
pub const SKEW: u64 = 60;

/// 9999-12-31T23:59:59Z, the last instant with four digits for the year.
const LAST: i64 = 253_402_300_799;
const FORM: &str = "%Y-%m-%dT%H:%M:%SZ";

/// An instant between 1970 and 9999 in whole seconds; `2026-11-23T10:00:00Z` in text, in exactly this form.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Time(i64);

/// Why a text is not a [`Time`].
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected a time in whole seconds of UTC, as in 2026-11-23T10:00:00Z")]
pub struct InvalidTime;

impl Time {
    /// From seconds since 1970, or the nearest instant that the form can express.
    pub fn from_unix(seconds: i64) -> Self {
        Self(seconds.clamp(0, LAST))
    }

    /// Seconds since 1970; never negative.
    pub fn unix(self) -> i64 {
        self.0
    }

    /// Seconds since 1970, as OpenSSH's certificates count them.
    pub fn unix_unsigned(self) -> u64 {
        self.0.unsigned_abs()
    }

    /// So many seconds later, or the last instant.
    #[must_use]
    pub fn plus(self, seconds: u64) -> Self {
        Self::from_unix(self.0.saturating_add_unsigned(seconds))
    }

    /// So many seconds earlier, or 1970.
    #[must_use]
    pub fn minus(self, seconds: u64) -> Self {
        Self::from_unix(self.0.saturating_sub_unsigned(seconds))
    }

    /// Seconds from `earlier` to this; negative when `earlier` is later.
    pub fn since(self, earlier: Self) -> i64 {
        self.0 - earlier.0
    }
}

impl From<SystemTime> for Time {
    fn from(time: SystemTime) -> Self {
        let seconds = time
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        Self::from_unix(i64::try_from(seconds).unwrap_or(LAST))
    }
}

impl From<Time> for SystemTime {
    fn from(time: Time) -> Self {
        UNIX_EPOCH + Duration::from_secs(time.unix_unsigned())
    }
}

impl From<DateTime<Utc>> for Time {
    fn from(time: DateTime<Utc>) -> Self {
        Self::from_unix(time.timestamp())
    }
}

impl FromStr for Time {
    type Err = InvalidTime;

    fn from_str(text: &str) -> Result<Self, InvalidTime> {
        let time = NaiveDateTime::parse_from_str(text, FORM).map_err(|_| InvalidTime)?;
        let time = Self::from_unix(time.and_utc().timestamp());
        // chrono also takes unpadded numbers and leap seconds; what does not come back the same is refused.
        if time.to_string() == text {
            Ok(time)
        } else {
            Err(InvalidTime)
        }
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = DateTime::from_timestamp(self.0, 0).unwrap_or_default();
        f.pad(&time.format(FORM).to_string())
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Time({self})")
    }
}

serde_as_text!(Time);
