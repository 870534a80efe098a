//! Window ids: ULIDs in lower case.

use crate::time::Time;
use std::fmt;
use std::str::FromStr;

const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const LENGTH: usize = 28;

/// `w-` and 26 characters of Crockford's base32 in lower case: 48 bits of milliseconds, 80 random bits. Ids sort by
/// time, and none is a valid name of an account or host by accident of its own making: it is a principal.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct WindowId(u128);

/// Why a text is not a [`WindowId`].
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected a window id: w- and 26 of 0-9, a-h, j, k, m, n, p-t, v-z")]
pub struct InvalidWindowId;

impl WindowId {
    /// An id made at `now` with 10 fresh random bytes.
    pub fn new(now: Time, random: [u8; 10]) -> Self {
        let milliseconds = u128::from(now.unix_unsigned()) * 1000;
        let random = random
            .iter()
            .fold(0, |bits, &byte| bits << 8 | u128::from(byte));
        Self((milliseconds & ((1 << 48) - 1)) << 80 | random)
    }
}

impl WindowId {
    /// When it was made, to the second.
    #[must_use]
    pub fn time(self) -> Time {
        // 48 bits of milliseconds fit.
        Time::from_unix(i64::try_from((self.0 >> 80) / 1000).unwrap_or(i64::MAX))
    }
}

impl FromStr for WindowId {
    type Err = InvalidWindowId;

    fn from_str(text: &str) -> Result<Self, InvalidWindowId> {
        let digits = text
            .strip_prefix("w-")
            .filter(|_| text.len() == LENGTH)
            .ok_or(InvalidWindowId)?;
        // 26 digits hold 130 bits; the first may not exceed 7, or two texts would name one id.
        if digits.as_bytes()[0] > b'7' {
            return Err(InvalidWindowId);
        }
        digits
            .bytes()
            .try_fold(0, |bits: u128, byte| {
                let value = DIGITS
                    .iter()
                    .position(|&digit| digit == byte)
                    .ok_or(InvalidWindowId)?;
                Ok(bits << 5 | value as u128)
            })
            .map(Self)
    }
}

impl fmt::Display for WindowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = *b"w-00000000000000000000000000";
        for (place, digit) in text[2..].iter_mut().rev().enumerate() {
            *digit = DIGITS[(self.0 >> (5 * place) & 31) as usize];
        }
        f.pad(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for WindowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WindowId({self})")
    }
}

serde_as_text!(WindowId);
