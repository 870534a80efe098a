//! Erased lines: number and leaf hash instead of the entry, in as many bytes.

use serde::Deserialize;

use crate::encoding::{base64, hash_from_base64};
use crate::tree::Hash;

const START: &str = "{\"erased\":";

/// What is left of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Erased {
    pub(crate) seq: u64,
    pub(crate) leaf: Hash,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shape {
    erased: u64,
    leaf: String,
}

impl Erased {
    /// Reads `{"erased":SEQ,"leaf":"HASH"   }`.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        if !line.starts_with(START) {
            return None;
        }
        let shape: Shape = serde_json::from_str(line).ok()?;
        let erased = Self {
            seq: shape.erased,
            leaf: hash_from_base64(&shape.leaf)?,
        };
        // One spelling for each length.
        (erased.line(line.len()) == line).then_some(erased)
    }

    /// The line, filled with spaces to `length` bytes: places of other lines, which recovery
    /// entries name, stay what they were. Every entry is longer than what is left of it.
    pub(crate) fn line(&self, length: usize) -> String {
        let start = format!("{START}{},\"leaf\":\"{}\"", self.seq, base64(&self.leaf));
        let width = length.saturating_sub(1);
        format!("{start:<width$}}}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_erased_line_has_the_length_asked_for() {
        let erased = Erased {
            seq: 7,
            leaf: [3; 32],
        };
        let line = erased.line(200);
        assert_eq!(line.len(), 200);
        assert_eq!(Erased::parse(&line), Some(erased));
        assert!(serde_json::from_str::<serde_json::Value>(&line).is_ok());
    }

    #[test]
    fn other_spellings_are_refused() {
        let line = Erased {
            seq: 7,
            leaf: [3; 32],
        }
        .line(200);
        for (from, to) in [("7", "07"), ("7,", "7, "), ("   }", "}  ")] {
            assert_eq!(Erased::parse(&line.replacen(from, to, 1)), None);
        }
    }
}
