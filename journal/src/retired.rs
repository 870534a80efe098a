//! What is left of a retired segment's entries: runs of leaf hashes, and the measure of a torn end.

use serde::Deserialize;

use crate::encoding::{base64, from_base64, hex};
use crate::segment::Tail;
use crate::tree::Hash;

const START: &str = "{\"retired\":";
const TORN: &str = "{\"torn\":";

/// The most leaf hashes on one line: 43,691 bytes of base64.
pub(crate) const RUN_LIMIT: usize = 1024;

/// Entries of which the leaf hashes are left, 32 bytes each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Retired {
    /// The first of them.
    pub(crate) first: u64,
    /// At least one, at most [`RUN_LIMIT`].
    pub(crate) leaves: Vec<Hash>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shape<'a> {
    retired: u64,
    leaves: &'a str,
}

impl Retired {
    /// Reads `{"retired":FIRST,"leaves":"HASHES"}`.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        if !line.starts_with(START) {
            return None;
        }
        let shape: Shape<'_> = serde_json::from_str(line).ok()?;
        let bytes = from_base64(shape.leaves)?;
        let (leaves, rest) = bytes.as_chunks::<32>();
        if leaves.is_empty() || leaves.len() > RUN_LIMIT || !rest.is_empty() {
            return None;
        }
        let retired = Self {
            first: shape.retired,
            leaves: leaves.to_vec(),
        };
        // So that the last number of a run is one, too.
        retired.first.checked_add(retired.leaves.len() as u64)?;
        // One spelling.
        (retired.line() == line).then_some(retired)
    }

    /// The line, without its newline.
    pub(crate) fn line(&self) -> String {
        let hashes = base64(self.leaves.as_flattened());
        format!("{START}{},\"leaves\":\"{hashes}\"}}", self.first)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TornShape {
    torn: u64,
    length: u64,
    sha256: String,
}

/// Reads `{"torn":OFFSET,"length":LENGTH,"sha256":"HASH"}`: where a crash tore the segment before
/// it was retired.
pub(crate) fn parse_torn(line: &str) -> Option<Tail> {
    if !line.starts_with(TORN) {
        return None;
    }
    let shape: TornShape = serde_json::from_str(line).ok()?;
    let tail = Tail {
        offset: shape.torn,
        length: shape.length,
        sha256: shape.sha256,
    };
    (torn_line(&tail) == line).then_some(tail)
}

/// The line, without its newline.
pub(crate) fn torn_line(tail: &Tail) -> String {
    let Tail {
        offset,
        length,
        sha256,
    } = tail;
    format!("{TORN}{offset},\"length\":{length},\"sha256\":\"{sha256}\"}}")
}

/// SHA-256 of nothing: the tail of a segment whose last line is whole.
pub(crate) fn whole(offset: u64) -> Tail {
    let nothing: Hash = sha2::Digest::finalize(<sha2::Sha256 as sha2::Digest>::new()).into();
    Tail {
        offset,
        length: 0,
        sha256: hex(&nothing),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_of_leaves_goes_there_and_back() {
        let retired = Retired {
            first: 7,
            leaves: vec![[3; 32], [4; 32]],
        };
        let line = retired.line();
        assert_eq!(Retired::parse(&line), Some(retired));
        assert!(serde_json::from_str::<serde_json::Value>(&line).is_ok());
    }

    #[test]
    fn runs_of_another_spelling_or_length_are_refused() {
        let line = |count: usize| {
            Retired {
                first: 7,
                leaves: vec![[3; 32]; count],
            }
            .line()
        };
        assert!(Retired::parse(&line(RUN_LIMIT)).is_some());
        assert_eq!(Retired::parse(&line(0)), None);
        assert_eq!(Retired::parse(&line(RUN_LIMIT + 1)), None);
        for (from, to) in [("7", "07"), ("7,", "7, "), ("}", ",\"x\":1}")] {
            assert_eq!(Retired::parse(&line(2).replacen(from, to, 1)), None);
        }
        let last = line(2).replacen('7', &u64::MAX.to_string(), 1);
        assert_eq!(Retired::parse(&last), None);
    }

    #[test]
    fn a_torn_end_goes_there_and_back() {
        let tail = whole(42);
        let line = torn_line(&tail);
        assert_eq!(parse_torn(&line), Some(tail));
        assert_eq!(parse_torn(&line.replacen("42", "042", 1)), None);
    }
}
