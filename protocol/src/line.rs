//! One line of text written by a person, safe to show to another.

use std::fmt;
use std::str::FromStr;

/// 1 to `MAX` bytes of UTF-8 on one line, not blank, without control characters, line and paragraph separators, or
/// characters that change the direction of text (an approver reads what the contractor wrote).
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Line<const MAX: usize>(String);

/// Why a text is not a [`Line`].
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Error {
    /// Nothing, or only white space.
    #[error("the text is empty")]
    Blank,
    /// Longer than the bound.
    #[error("the text has {length} bytes, at most {bound} are allowed")]
    TooLong {
        /// Bytes found.
        length: usize,
        /// Bytes allowed.
        bound: usize,
    },
    /// A character that does not belong on one readable line.
    #[error("the text holds the character U+{:04X}, which is not allowed on a line", u32::from(*.0))]
    Character(char),
}

impl<const MAX: usize> Line<MAX> {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> FromStr for Line<MAX> {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if text.len() > MAX {
            return Err(Error::TooLong {
                length: text.len(),
                bound: MAX,
            });
        }
        if text.trim().is_empty() {
            return Err(Error::Blank);
        }
        match text.chars().find(|&character| is_unsafe(character)) {
            Some(character) => Err(Error::Character(character)),
            None => Ok(Self(text.to_owned())),
        }
    }
}

impl<const MAX: usize> fmt::Display for Line<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl<const MAX: usize> serde::Serialize for Line<MAX> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de, const MAX: usize> serde::Deserialize<'de> for Line<MAX> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Control characters, separators, and the marks, embeddings, overrides and isolates of bidirectional text.
fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        )
}
