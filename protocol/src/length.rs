//! A length of time as people write it: `90s`, `40m`, `2h`, `1d`, `1h30m`. The same for every command that takes one.

use std::str::FromStr;

/// The longest that anybody may write: ten years, in seconds.
const LONGEST: u64 = 10 * 366 * 86_400;

/// Whole seconds, at least one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Length(u64);

/// Why a text is none.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidLength {
    /// Not numbers with units.
    #[error("write a duration as 40s, 15m, 2h, 1d or 1h30m")]
    Form,
    /// Out of all bounds.
    #[error("that is longer than ten years")]
    TooLong,
}

impl Length {
    /// In seconds.
    pub fn seconds(self) -> u64 {
        self.0
    }
}

impl FromStr for Length {
    type Err = InvalidLength;

    fn from_str(text: &str) -> Result<Self, InvalidLength> {
        let mut rest = text;
        let mut total = 0_u64;
        let mut smallest = u64::MAX;
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (number, tail) = rest.split_at(digits);
            let unit = match tail.as_bytes().first() {
                Some(b's') => 1,
                Some(b'm') => 60,
                Some(b'h') => 3600,
                Some(b'd') => 86_400,
                Some(b'w') => 7 * 86_400,
                _ => return Err(InvalidLength::Form),
            };
            // Larger units come first, each once: `1h30m`, never `30m1h`.
            if unit >= smallest {
                return Err(InvalidLength::Form);
            }
            smallest = unit;
            if number.is_empty() {
                return Err(InvalidLength::Form);
            }
            // Digits alone: what does not fit is too long.
            let number: u64 = number.parse().map_err(|_| InvalidLength::TooLong)?;
            total = number
                .checked_mul(unit)
                .and_then(|part| total.checked_add(part))
                .filter(|sum| *sum <= LONGEST)
                .ok_or(InvalidLength::TooLong)?;
            rest = &tail[1..];
        }
        if total == 0 {
            Err(InvalidLength::Form)
        } else {
            Ok(Self(total))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read() {
        for (text, seconds) in [
            ("40s", 40),
            ("15m", 900),
            ("2h", 7200),
            ("1d", 86_400),
            ("1h30m", 5400),
        ] {
            assert_eq!(text.parse::<Length>().unwrap().seconds(), seconds);
        }
        for text in [
            "",
            "0s",
            "40",
            "s",
            "-5m",
            "1.5h",
            "+1h",
            "1h30",
            "1é",
            "30m1h",
            "1h1h",
            "5 m",
            "99999999999999999999d",
            "9999d",
        ] {
            assert!(text.parse::<Length>().is_err(), "{text}");
        }
    }
}
