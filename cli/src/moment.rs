//! How people write times and durations, and how they are shown to them.
//!
//! Inside, a time is whole seconds UTC; people write and read their own zone, and are always shown both.

use std::str::FromStr;

pub(crate) use daypass_protocol::length::Length;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _, Zoned};

use crate::diagnostic::MomentError;

/// A point in time as people write it; [`When::resolve`] makes an instant of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// RFC 3339, with an offset.
    Instant(Timestamp),
    /// `2026-11-23T08:00`: on the reader's own clock.
    Local(DateTime),
    /// `2026-11-23`: that day's start.
    Day(Date),
    /// `08:00`: the next or the last such time, by the direction asked for.
    Clock(Time),
    /// `2h`: so long from now, forward or back, by the direction asked for.
    Distance(Length),
}

/// Which way a relative time points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// The next 08:00; two hours from now.
    Ahead,
    /// The last 08:00; two hours ago.
    Back,
}

impl FromStr for When {
    type Err = MomentError;

    fn from_str(text: &str) -> Result<Self, MomentError> {
        if text.len() > 64 || !text.is_ascii() {
            return Err(MomentError::NotATime);
        }
        if let Ok(length) = text.parse() {
            return Ok(Self::Distance(length));
        }
        match text.len() {
            5 | 8 if text.as_bytes()[2] == b':' => text
                .parse()
                .map(Self::Clock)
                .map_err(|_| MomentError::NotATime),
            10 => text
                .parse()
                .map(Self::Day)
                .map_err(|_| MomentError::NotATime),
            16 | 19 => text
                .parse()
                .map(Self::Local)
                .map_err(|_| MomentError::NotATime),
            20.. => text
                .parse()
                .map(Self::Instant)
                .map_err(|_| MomentError::NotATime),
            _ => Err(MomentError::NotATime),
        }
    }
}

impl When {
    /// The instant that is meant, seen from `base` in its zone.
    ///
    /// A local time that a clock change skips or repeats is read as the calendar customarily does: the later one
    /// of a skipped hour, the first one of a repeated hour.
    pub(crate) fn resolve(
        self,
        base: &Zoned,
        direction: Direction,
    ) -> Result<Timestamp, MomentError> {
        let zone = base.time_zone();
        let instant = match self {
            Self::Instant(instant) => instant,
            Self::Local(local) => at(local, zone)?,
            Self::Day(day) => at(day.to_datetime(Time::midnight()), zone)?,
            Self::Clock(time) => clock(base, time, direction)?,
            Self::Distance(length) => {
                let seconds = i64::try_from(length.seconds())
                    .map_err(|_| MomentError::TooLong)?
                    .seconds();
                match direction {
                    Direction::Ahead => base.timestamp().checked_add(seconds),
                    Direction::Back => base.timestamp().checked_sub(seconds),
                }
                .map_err(|_| MomentError::TooLong)?
            }
        };
        Timestamp::from_second(instant.as_second()).map_err(|_| MomentError::TooLong)
    }
}

fn at(local: DateTime, zone: &TimeZone) -> Result<Timestamp, MomentError> {
    local
        .to_zoned(zone.clone())
        .map(|zoned| zoned.timestamp())
        .map_err(|_| MomentError::NotATime)
}

fn clock(base: &Zoned, time: Time, direction: Direction) -> Result<Timestamp, MomentError> {
    let today = at(base.date().to_datetime(time), base.time_zone())?;
    let other = match direction {
        Direction::Ahead if today > base.timestamp() => return Ok(today),
        Direction::Back if today <= base.timestamp() => return Ok(today),
        Direction::Ahead => base.date().tomorrow(),
        Direction::Back => base.date().yesterday(),
    };
    at(
        other.map_err(|_| MomentError::TooLong)?.to_datetime(time),
        base.time_zone(),
    )
}

/// `instant` in UTC, whole seconds, as documents carry it: `2026-11-23T10:00:00Z`.
pub(crate) fn utc(instant: Timestamp) -> String {
    instant.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `instant` for a reader in `zone`: `Mon 2026-11-23 11:00:00 CET (2026-11-23T10:00:00Z)`.
pub(crate) fn both(instant: Timestamp, zone: &TimeZone) -> String {
    let local = instant.to_zoned(zone.clone());
    format!(
        "{} ({})",
        local.strftime("%a %Y-%m-%d %H:%M:%S %Z"),
        utc(instant)
    )
}

/// The same, for a table: `2026-11-23 11:00:00 CET (10:00:00Z)`, with UTC's date where that is another one. Whose clock shows
/// UTC is told it once.
pub(crate) fn brief(instant: Timestamp, zone: &TimeZone) -> String {
    let (local, utc) = (
        instant.to_zoned(zone.clone()),
        instant.to_zoned(TimeZone::UTC),
    );
    let shown = local.strftime("%Y-%m-%d %H:%M:%S %Z").to_string();
    if shown.ends_with(" UTC") {
        shown
    } else if local.date() == utc.date() {
        format!("{shown} ({})", utc.strftime("%H:%M:%SZ"))
    } else {
        format!("{shown} ({})", utc.strftime("%Y-%m-%dT%H:%M:%SZ"))
    }
}

/// A text from elsewhere, which knows no reader's zone: after each time in UTC the same by the reader's clock,
/// `2026-11-23T10:00:00Z (Mon 2026-11-23 11:00:00 CET)`.
pub(crate) fn with_local(text: &str, zone: &TimeZone) -> String {
    const LENGTH: usize = "2026-11-23T10:00:00Z".len();
    let mut said = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let instant = rest
            .get(..LENGTH)
            .filter(|time| time.ends_with('Z') && time.as_bytes()[10] == b'T')
            .and_then(|time| Some((time, time.parse::<Timestamp>().ok()?)));
        let taken = match instant {
            Some((time, instant)) => {
                let local = instant.to_zoned(zone.clone());
                let local = local.strftime("%a %Y-%m-%d %H:%M:%S %Z").to_string();
                said.push_str(time);
                if !local.ends_with(" UTC") {
                    said.push_str(&format!(" ({local})"));
                }
                LENGTH
            }
            None => {
                said.push(next);
                next.len_utf8()
            }
        };
        rest = &rest[taken..];
    }
    said
}

/// A duration for reading: the two largest units that say something, `1d 2h`, `40s`.
pub(crate) fn spoken(seconds: u64) -> String {
    units(seconds, 2)
}

/// A duration to the second, `1d 2h 3m 4s`: where somebody signs it, or two are compared.
pub(crate) fn exact(seconds: u64) -> String {
    units(seconds, 4)
}

fn units(seconds: u64, most: usize) -> String {
    let units = [
        ("d", seconds / 86_400),
        ("h", seconds / 3600 % 24),
        ("m", seconds / 60 % 60),
        ("s", seconds % 60),
    ];
    let said: Vec<String> = units
        .iter()
        .filter(|(_, n)| *n > 0)
        .take(most)
        .map(|(unit, n)| format!("{n}{unit}"))
        .collect();
    if said.is_empty() {
        "0s".to_owned()
    } else {
        said.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn base(text: &str) -> Zoned {
        text.parse().expect("a zoned time")
    }

    fn resolved(text: &str, from: &str, direction: Direction) -> String {
        let when: When = text.parse().expect("a time");
        utc(when.resolve(&base(from), direction).expect("an instant"))
    }

    #[test]
    fn a_clock_time_is_the_next_one_ahead_and_the_last_one_back() {
        let noon = "2026-11-23T12:00:00+00:00[UTC]";
        assert_eq!(
            resolved("13:00", noon, Direction::Ahead),
            "2026-11-23T13:00:00Z"
        );
        assert_eq!(
            resolved("08:00", noon, Direction::Ahead),
            "2026-11-24T08:00:00Z"
        );
        assert_eq!(
            resolved("08:00", noon, Direction::Back),
            "2026-11-23T08:00:00Z"
        );
        assert_eq!(
            resolved("13:00", noon, Direction::Back),
            "2026-11-22T13:00:00Z"
        );
        assert_eq!(
            resolved("2h", noon, Direction::Back),
            "2026-11-23T10:00:00Z"
        );
    }

    #[test]
    fn local_times_follow_the_readers_clock_change() {
        let before = "2026-10-24T12:00:00+02:00[Europe/Amsterdam]";
        assert_eq!(
            resolved("2026-10-24T20:00", before, Direction::Ahead),
            "2026-10-24T18:00:00Z"
        );
        assert_eq!(
            resolved("2026-10-25T20:00", before, Direction::Ahead),
            "2026-10-25T19:00:00Z"
        );
        assert_eq!(
            resolved("2026-10-25T02:30", before, Direction::Ahead),
            "2026-10-25T00:30:00Z"
        );
        assert_eq!(
            resolved("2026-03-29T02:30", before, Direction::Ahead),
            "2026-03-29T01:30:00Z"
        );
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "8",
            "25:00",
            "2026-13-01",
            "2026-11-23T10:00:00",
            "yesterday",
            "2026-11-23 10:00:00Zzz",
            "１２:00",
        ] {
            let when = text.parse::<When>();
            assert!(
                matches!(when, Err(_) | Ok(When::Local(_))),
                "{text}: {when:?}"
            );
        }
    }

    #[test]
    fn a_time_is_shown_in_both_zones() {
        let instant: Timestamp = "2026-11-23T10:00:00Z".parse().expect("a time");
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        assert_eq!(
            both(instant, &zone),
            "Mon 2026-11-23 11:00:00 +01 (2026-11-23T10:00:00Z)"
        );
        assert_eq!(brief(instant, &zone), "2026-11-23 11:00:00 +01 (10:00:00Z)");
        let early: Timestamp = "2026-11-23T23:30:00Z".parse().expect("a time");
        assert_eq!(
            brief(early, &zone),
            "2026-11-24 00:30:00 +01 (2026-11-23T23:30:00Z)"
        );
        assert_eq!(brief(early, &TimeZone::UTC), "2026-11-23 23:30:00 UTC");
        let told = "it opens at 2026-11-23T10:00:00Z; come back then, ö";
        assert_eq!(
            with_local(told, &zone),
            "it opens at 2026-11-23T10:00:00Z (Mon 2026-11-23 11:00:00 +01); come back then, ö"
        );
        assert_eq!(with_local(told, &TimeZone::UTC), told);
        assert_eq!(spoken(40), "40s");
        assert_eq!(spoken(93_784), "1d 2h");
        assert_eq!(exact(93_784), "1d 2h 3m 4s");
        assert_eq!((exact(0), exact(60)), ("0s".to_owned(), "1m".to_owned()));
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in any::<String>()) {
            prop_assert_eq!(with_local(&text, &TimeZone::UTC), text.as_str());
            let _ = text.parse::<Length>();
            if let Ok(when) = text.parse::<When>() {
                let _ = when.resolve(&base("2026-11-23T12:00:00+00:00[UTC]"), Direction::Back);
            }
        }

        #[test]
        fn spoken_lengths_of_two_units_read_back(hours in 0_u64..24, minutes in 1_u64..60) {
            let length: Length = spoken(hours * 3600 + minutes * 60).replace(' ', "").parse().expect("a length");
            prop_assert_eq!(length.seconds(), hours * 3600 + minutes * 60);
        }
    }
}
