//! A duration as people write it.

use std::str::FromStr;

/// `90s`, `40m`, `2h`, `1d`: a number and a unit. Whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lifetime(u64);

/// Why a text is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a number and a unit: 90s, 40m, 2h or 1d")]
pub(super) struct NotALifetime;

impl Lifetime {
    /// In seconds.
    pub(super) fn seconds(self) -> u64 {
        self.0
    }
}

impl FromStr for Lifetime {
    type Err = NotALifetime;

    fn from_str(text: &str) -> Result<Self, NotALifetime> {
        let unit = match text.as_bytes().last() {
            Some(b's') => 1,
            Some(b'm') => 60,
            Some(b'h') => 3600,
            Some(b'd') => 86_400,
            _ => return Err(NotALifetime),
        };
        let number = &text[..text.len() - 1];
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(NotALifetime);
        }
        let number: u64 = number.parse().map_err(|_| NotALifetime)?;
        number.checked_mul(unit).map(Self).ok_or(NotALifetime)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_and_a_unit_and_nothing_else() {
        for (text, seconds) in [("90s", 90), ("40m", 2400), ("2h", 7200), ("1d", 86_400)] {
            assert_eq!(text.parse(), Ok(Lifetime(seconds)));
        }
        for text in [
            "",
            "h",
            "1",
            "-1h",
            "+1h",
            "1h30m",
            "1 h",
            "99999999999999999999d",
            "1é",
        ] {
            assert_eq!(text.parse::<Lifetime>(), Err(NotALifetime), "{text}");
        }
    }
}
