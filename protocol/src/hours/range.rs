//! One range of a schedule: some weekdays, from one time on the clock to another.

use jiff::civil::{Date, DateTime, Time as CivilTime, Weekday};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// On the named days from `from` until just before `to`; over midnight when `to` is not after `from`, the named days
/// being those on which it begins.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "Form", into = "Form")]
pub struct Range {
    /// The days on which the range begins, without doubles.
    pub days: Vec<Day>,
    /// `00:00` to `23:59`.
    pub from: ClockTime,
    /// `00:00` to `24:00`.
    pub to: ClockTime,
}

/// A weekday.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

/// What a clock shows, in minutes since midnight; `24:00` is the end of the day.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ClockTime(u16);

/// Why a text is not a [`ClockTime`].
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected a time of day, 00:00 to 24:00")]
pub struct InvalidClockTime;

/// A range as it is written, before its parts are looked at together.
#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Form {
    days: Vec<Day>,
    from: ClockTime,
    to: ClockTime,
}

impl Range {
    /// Whether a clock that shows `time` on the weekday `today` is in the range.
    pub(super) fn contains(&self, today: Day, time: ClockTime) -> bool {
        let begins_on = |day| self.days.contains(&day);
        if self.from < self.to {
            begins_on(today) && self.from <= time && time < self.to
        } else {
            begins_on(today) && self.from <= time || begins_on(today.before()) && time < self.to
        }
    }
}

impl TryFrom<Form> for Range {
    type Error = &'static str;

    fn try_from(form: Form) -> Result<Self, &'static str> {
        let Form { days, from, to } = form;
        if days.is_empty() {
            return Err("a range needs at least one day");
        }
        if (1..days.len()).any(|at| days[..at].contains(&days[at])) {
            return Err("a range names a day twice");
        }
        if from == ClockTime::END {
            return Err("a range cannot begin at 24:00; write 00:00 of the next day");
        }
        Ok(Self { days, from, to })
    }
}

impl From<Range> for Form {
    fn from(range: Range) -> Self {
        let Range { days, from, to } = range;
        Self { days, from, to }
    }
}

impl Day {
    /// The weekday of a date.
    pub(super) fn of(date: Date) -> Self {
        match date.weekday() {
            Weekday::Monday => Self::Mon,
            Weekday::Tuesday => Self::Tue,
            Weekday::Wednesday => Self::Wed,
            Weekday::Thursday => Self::Thu,
            Weekday::Friday => Self::Fri,
            Weekday::Saturday => Self::Sat,
            Weekday::Sunday => Self::Sun,
        }
    }

    fn before(self) -> Self {
        match self {
            Self::Mon => Self::Sun,
            Self::Tue => Self::Mon,
            Self::Wed => Self::Tue,
            Self::Thu => Self::Wed,
            Self::Fri => Self::Thu,
            Self::Sat => Self::Fri,
            Self::Sun => Self::Sat,
        }
    }
}

impl ClockTime {
    const END: Self = Self(24 * 60);

    /// What a clock shows, seconds left out.
    pub(super) fn of(time: CivilTime) -> Self {
        Self(u16::from(time.hour().unsigned_abs()) * 60 + u16::from(time.minute().unsigned_abs()))
    }

    /// This time on a date; `24:00` is midnight of the next.
    pub(super) fn on(self, date: Date) -> Option<DateTime> {
        let date = if self == Self::END {
            date.tomorrow().ok()?
        } else {
            date
        };
        let hour = i8::try_from(self.0 / 60 % 24).ok()?;
        let minute = i8::try_from(self.0 % 60).ok()?;
        Some(date.at(hour, minute, 0, 0))
    }
}

impl FromStr for ClockTime {
    type Err = InvalidClockTime;

    fn from_str(text: &str) -> Result<Self, InvalidClockTime> {
        let digit = |byte: u8| {
            byte.is_ascii_digit()
                .then(|| u16::from(byte - b'0'))
                .ok_or(InvalidClockTime)
        };
        let &[ten_hours, hours, b':', ten_minutes, minutes] = text.as_bytes() else {
            return Err(InvalidClockTime);
        };
        let hours = digit(ten_hours)? * 10 + digit(hours)?;
        let minutes = digit(ten_minutes)? * 10 + digit(minutes)?;
        let time = Self(hours * 60 + minutes);
        if minutes < 60 && time <= Self::END {
            Ok(time)
        } else {
            Err(InvalidClockTime)
        }
    }
}

impl fmt::Display for ClockTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

serde_as_text!(ClockTime);
