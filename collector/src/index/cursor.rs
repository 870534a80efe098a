//! Where an answer goes on: a place in one of the orders, in a form that fits into a URL.

use std::fmt;
use std::str::FromStr;

use crate::origin::Origin;

/// The last entry that was looked at.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Cursor {
    /// By time, journal and sequence number; `t.MICROSECONDS.SEQ.ORIGIN`.
    Time {
        /// Microseconds since 1970.
        time: i64,
        /// The journal.
        log: Origin,
        /// The sequence number.
        seq: u64,
    },
    /// By arrival: `a.SEGMENT.SEQ`. The numbers of segments survive a reindex.
    Arrival {
        /// The number of the segment.
        segment: u64,
        /// The sequence number in it.
        seq: u64,
    },
}

impl Cursor {
    /// Whether it stands in the order of arrival.
    pub fn is_by_arrival(&self) -> bool {
        matches!(self, Self::Arrival { .. })
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time { time, log, seq } => write!(f, "t.{time}.{seq}.{log}"),
            Self::Arrival { segment, seq } => write!(f, "a.{segment}.{seq}"),
        }
    }
}

/// Why a text is no cursor.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a cursor of an answer")]
pub struct InvalidCursor;

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        parse(text).ok_or(InvalidCursor)
    }
}

fn parse(text: &str) -> Option<Cursor> {
    match text.splitn(4, '.').collect::<Vec<_>>()[..] {
        ["t", time, seq, log] => Some(Cursor::Time {
            time: time.parse().ok()?,
            log: log.parse().ok()?,
            seq: seq.parse().ok()?,
        }),
        ["a", segment, seq] => Some(Cursor::Arrival {
            segment: segment.parse().ok()?,
            seq: seq.parse().ok()?,
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_go_there_and_back() {
        for text in [
            "t.1795428000000001.7.daypass/0123456789abcdef/host/a.b.c/00000000000000ff",
            "a.3.9",
        ] {
            assert_eq!(text.parse::<Cursor>().unwrap().to_string(), text);
        }
        for text in ["", "t.1.2", "a.1", "a.1.2.3", "t.1.2.x", "a.-1.2"] {
            assert_eq!(text.parse::<Cursor>(), Err(InvalidCursor), "{text}");
        }
    }
}
