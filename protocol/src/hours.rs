//! A weekly schedule in a place's own time.
//!
//! The rule is the wall clock's: an instant is inside when a clock in the zone shows a time that lies in a range. So
//! on the night when clocks go forward a range that begins in the hour that is left out begins when the clock next
//! shows a later time, and on the night when they go back an hour shown twice counts twice.

mod range;

pub use range::{ClockTime, Day, InvalidClockTime, Range};

use crate::time::Time;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Ranges in one schedule, at most.
pub const MAX_RANGES: usize = 64;

/// When a window is open, within its `starts` and `ends`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Hours {
    /// The place whose clocks count.
    pub zone: Zone,
    /// When they show one of these; 1 to 64.
    #[serde(deserialize_with = "bounded_ranges")]
    pub ranges: Vec<Range>,
    /// What to do with logins at other times.
    pub outside: Outside,
}

/// What happens outside the hours.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outside {
    /// Nobody gets in.
    Deny,
    /// They get in, and it is told.
    Alert,
}

/// The IANA name of a time zone, `Europe/Amsterdam`. That it exists is known only when it is looked up.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Zone(String);

/// Why a text cannot be the name of a zone.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected an IANA time zone, as in Europe/Amsterdam")]
pub struct InvalidZone;

/// The system has no rules for a zone.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("this machine knows no time zone {zone}; install or update tzdata")]
pub struct UnknownZone {
    /// Its name.
    pub zone: String,
}

impl Hours {
    /// Whether this machine has rules for the zone.
    ///
    /// # Errors
    /// When it has none: then nobody can tell whether the schedule is open.
    pub fn check_zone(&self) -> Result<(), UnknownZone> {
        self.zone.load().map(drop)
    }

    /// Whether clocks in the zone show a time of the schedule.
    pub fn contains(&self, instant: Time) -> Result<bool, UnknownZone> {
        Ok(self.shows(&self.zone.load()?, instant))
    }

    /// The first instant after `from` at which the schedule is closed, but no later than `limit`; `None` when it is
    /// closed at `from` already.
    pub fn open_until(&self, from: Time, limit: Time) -> Result<Option<Time>, UnknownZone> {
        let zone = self.zone.load()?;
        if !self.shows(&zone, from) {
            return Ok(None);
        }
        let mut now = from;
        while let Some(next) = self.next_change(&zone, now).filter(|next| *next < limit) {
            if !self.shows(&zone, next) {
                return Ok(Some(next));
            }
            now = next;
        }
        Ok(Some(limit.max(from)))
    }

    fn shows(&self, zone: &TimeZone, instant: Time) -> bool {
        let clock = zone.to_datetime(timestamp(instant));
        let today = Day::of(clock.date());
        let time = ClockTime::of(clock.time());
        self.ranges.iter().any(|range| range.contains(today, time))
    }

    /// The next instant at which the clock could enter or leave a range: one of the times written in the schedule,
    /// or a jump of the clock itself.
    fn next_change(&self, zone: &TimeZone, now: Time) -> Option<Time> {
        let after = timestamp(now);
        let jump = zone
            .following(after)
            .next()
            .map(|transition| ceiling(transition.timestamp()));
        let today = zone.to_datetime(after).date();
        let dates = today
            .yesterday()
            .into_iter()
            .chain(today.series(jiff::Span::new().days(1)).take(3));
        let boundaries = dates.flat_map(|date| {
            self.ranges
                .iter()
                .flat_map(move |range| [range.from.on(date), range.to.on(date)])
        });
        let shown = boundaries.flatten().flat_map(|clock| instants(zone, clock));
        shown.chain(jump).filter(|instant| *instant > now).min()
    }
}

/// The instants at which a clock shows `clock`: one, none on the night when it jumps over it, two when it comes back.
fn instants(zone: &TimeZone, clock: DateTime) -> impl Iterator<Item = Time> {
    let ambiguous = zone.to_ambiguous_timestamp(clock);
    let both = [ambiguous.earlier(), ambiguous.later()];
    both.into_iter().flatten().map(ceiling)
}

fn timestamp(instant: Time) -> Timestamp {
    // Both types reach from 1970 to 9999, jiff's a little short of the last day.
    Timestamp::from_second(instant.unix()).unwrap_or(Timestamp::MAX)
}

fn ceiling(instant: Timestamp) -> Time {
    Time::from_unix(instant.as_second() + i64::from(instant.subsec_nanosecond() > 0))
}

impl Zone {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The rules from the system's zoneinfo.
    fn load(&self) -> Result<TimeZone, UnknownZone> {
        TimeZone::get(&self.0).map_err(|_| UnknownZone {
            zone: self.0.clone(),
        })
    }
}

impl FromStr for Zone {
    type Err = InvalidZone;

    fn from_str(text: &str) -> Result<Self, InvalidZone> {
        // The name becomes a path under the zoneinfo directory.
        let is_part = |part: &str| {
            part.starts_with(|first: char| first.is_ascii_alphabetic())
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"_+-".contains(&byte))
        };
        if text.len() <= 64 && text.split('/').all(is_part) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidZone)
        }
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

serde_as_text!(Zone);

fn bounded_ranges<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<Range>, D::Error> {
    let ranges = Vec::deserialize(deserializer)?;
    if (1..=MAX_RANGES).contains(&ranges.len()) {
        Ok(ranges)
    } else {
        Err(serde::de::Error::custom("a schedule has 1 to 64 ranges"))
    }
}
