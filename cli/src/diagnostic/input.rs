//! What is wrong with what was typed, beyond what the protocol's own types say.

use daypass_protocol::hours::InvalidClockTime;
use thiserror::Error;

/// Why a text is no time or duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum MomentError {
    /// No time.
    #[error(
        "write a time as 08:00, 2026-11-23, 2026-11-23T08:00 or 2026-11-23T08:00:00+01:00, or a duration as 2h"
    )]
    NotATime,
    /// Out of all bounds.
    #[error("that is longer than ten years, or out of the calendar")]
    TooLong,
}

/// Why a text is no range of hours.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HoursError {
    /// Not days and times.
    #[error("write hours as \"mon-fri 08:00-18:00\"")]
    Form,
    /// Not a day.
    #[error("the days are mon, tue, wed, thu, fri, sat and sun")]
    Day,
    /// A day twice.
    #[error("a day stands there twice")]
    Twice,
    /// Not a time of day.
    #[error(transparent)]
    Clock(InvalidClockTime),
}
