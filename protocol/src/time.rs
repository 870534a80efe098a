//! Instants as documents write them: whole seconds, UTC.

use chrono::{DateTime, Datelike as _, NaiveDate, Timelike as _, Utc};
use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How far two clocks may differ before one side refuses what the other dates, and how far back certificates are dated where
/// the CA's settings say nothing else: 60 seconds.
pub const SKEW: u64 = 60;

/// How far back a certificate may be dated, for clocks that are behind: five minutes. A host whose clock is further off lets no
/// contractor in anyway.
pub const MOST_SKEW: u64 = 300;

/// 9999-12-31T23:59:59Z, the last instant with four digits for the year.
const LAST: i64 = 253_402_300_799;
/// Digits stand where this has zeros.
const FORM: [u8; 20] = *b"0000-00-00T00:00:00Z";

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
        let text: &[u8; FORM.len()] = text.as_bytes().try_into().map_err(|_| InvalidTime)?;
        let fits = |(byte, form): (&u8, u8)| match form {
            b'0' => byte.is_ascii_digit(),
            sign => *byte == sign,
        };
        if !text.iter().zip(FORM).all(fits) {
            return Err(InvalidTime);
        }
        let number = |places: std::ops::Range<usize>| {
            text[places]
                .iter()
                .fold(0, |number, digit| number * 10 + u32::from(digit - b'0'))
        };
        // chrono knows the calendar; a second 60 is none of its.
        let date = NaiveDate::from_ymd_opt(number(0..4).cast_signed(), number(5..7), number(8..10));
        let time = date
            .and_then(|date| date.and_hms_opt(number(11..13), number(14..16), number(17..19)))
            .ok_or(InvalidTime)?;
        match time.and_utc().timestamp() {
            seconds @ 0..=LAST => Ok(Self(seconds)),
            _ => Err(InvalidTime),
        }
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = DateTime::from_timestamp(self.0, 0).unwrap_or_default();
        let mut text = FORM;
        let mut put = |places: std::ops::Range<usize>, mut number: u32| {
            for place in text[places].iter_mut().rev() {
                *place += (number % 10) as u8;
                number /= 10;
            }
        };
        put(0..4, time.year().unsigned_abs());
        put(5..7, time.month());
        put(8..10, time.day());
        put(11..13, time.hour());
        put(14..16, time.minute());
        put(17..19, time.second());
        f.pad(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Time({self})")
    }
}

serde_as_text!(Time);
