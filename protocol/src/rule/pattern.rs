//! Patterns in rules: regular expressions that hold for the whole text, byte by byte, in linear time.

use regex::bytes::{Regex, RegexBuilder};
use serde::{Deserialize, Deserializer};

/// Bytes that one compiled expression may take.
const COMPILED: usize = 1024 * 1024;

/// A regular expression over a whole text. `.` is any byte, line ends included; `(?i)` ignores the case of ASCII letters.
#[derive(Clone, Debug)]
pub(crate) struct Pattern(Regex);

impl Pattern {
    pub(crate) fn new(text: &str) -> Result<Self, regex::Error> {
        RegexBuilder::new(&format!("^(?:{text})$"))
            .unicode(false)
            .dot_matches_new_line(true)
            .size_limit(COMPILED)
            .build()
            .map(Self)
    }

    pub(crate) fn holds(&self, text: &[u8]) -> bool {
        self.0.is_match(text)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Eq for Pattern {}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::new(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_holds_for_the_whole_text_or_not_at_all() {
        let pattern = Pattern::new("rm|mkfs.*").unwrap();
        assert!(pattern.holds(b"rm"));
        assert!(pattern.holds(b"mkfs\n\xff"));
        assert!(!pattern.holds(b"rmdir"));
        assert!(!pattern.holds(b"farm"));
        assert!(Pattern::new("(").is_err());
        assert!(Pattern::new("a{1000}{1000}").is_err(), "bounded");
    }
}
