//! The body of an upload: lines, exactly as they stand in a journal's file.

use std::ops::Range;

use daypass_journal::entry::{Head, LINE_LIMIT};
use daypass_journal::follow::{SignedCheckpoint, leaf, note_of_seal};
use memchr::memchr;

/// Bytes in a body, at most.
pub(crate) const BODY_LIMIT: usize = crate::segments::SEGMENT_LIMIT;

/// Why bytes are not the lines that they should be.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidBody {
    /// Nothing.
    #[error("there are no lines")]
    Empty,
    /// More than one upload may hold.
    #[error(
        "{length} bytes are more than the {BODY_LIMIT} that one upload may hold; send less at once"
    )]
    TooLong {
        /// Bytes found.
        length: usize,
    },
    /// Cut off in the middle of a line.
    #[error("the last line is not ended: the upload was cut off")]
    Unended,
    /// A line longer than any of a journal.
    #[error(
        "line {number} has {length} bytes, more than the {LINE_LIMIT} of any line of a journal"
    )]
    LongLine {
        /// Its number in the upload, from 1.
        number: usize,
        /// Bytes found.
        length: usize,
    },
    /// It must end with a seal.
    #[error("the last line is not a seal")]
    NotSealed,
    /// The entries are not numbered one after the other from where the upload says that it begins.
    #[error("line {number} is not entry {expected}, which should come there")]
    Entry {
        /// Its number in the upload, from 1.
        number: usize,
        /// The sequence number that belongs there.
        expected: u64,
    },
}

/// Lines with a seal at their end. What they say is not checked yet.
#[derive(Clone, Debug)]
pub struct Body<'a> {
    bytes: &'a [u8],
    from: u64,
    /// Where each entry stands, without its newline.
    entries: Vec<Range<usize>>,
}

impl<'a> Body<'a> {
    /// Takes an upload apart whose first entry is said to be `from`.
    ///
    /// # Errors
    /// When it has not the form of one.
    pub fn parse(from: u64, bytes: &'a [u8]) -> Result<Self, InvalidBody> {
        if bytes.is_empty() {
            return Err(InvalidBody::Empty);
        }
        if bytes.len() > BODY_LIMIT {
            return Err(InvalidBody::TooLong {
                length: bytes.len(),
            });
        }
        if bytes.last() != Some(&b'\n') {
            return Err(InvalidBody::Unended);
        }
        let mut entries = Vec::new();
        let mut at = 0;
        let mut last: &[u8] = &[];
        for (number, line) in (1..).zip(lines(bytes)) {
            if line.len() > LINE_LIMIT {
                return Err(InvalidBody::LongLine {
                    number,
                    length: line.len(),
                });
            }
            if is_entry(line) {
                let expected = from.saturating_add(entries.len() as u64);
                if seq_of(line) != Some(expected) {
                    return Err(InvalidBody::Entry { number, expected });
                }
                entries.push(at..at + line.len());
            }
            at += line.len() + 1;
            last = line;
        }
        if note_of_seal(last).is_none() {
            return Err(InvalidBody::NotSealed);
        }
        Ok(Self {
            bytes,
            from,
            entries,
        })
    }

    /// The sequence numbers of its entries.
    pub fn range(&self) -> Range<u64> {
        self.from..self.from.saturating_add(self.entries.len() as u64)
    }

    /// The entry `seq`, without its newline.
    pub fn entry(&self, seq: u64) -> Option<&'a [u8]> {
        let place = usize::try_from(seq.checked_sub(self.from)?).ok()?;
        self.entries
            .get(place)
            .map(|range| &self.bytes[range.clone()])
    }

    /// All lines from entry `seq` on; nothing when there is no such entry. What stands before the first entry (a
    /// cosignature that came late) goes with it when nothing was passed over.
    pub fn from_entry(&self, seq: u64) -> &'a [u8] {
        if seq == self.from {
            return if self.entries.is_empty() {
                &[]
            } else {
                self.bytes
            };
        }
        let place = seq
            .checked_sub(self.from)
            .and_then(|place| usize::try_from(place).ok());
        match place.and_then(|place| self.entries.get(place)) {
            Some(range) => &self.bytes[range.start..],
            None => &[],
        }
    }
}

/// Whether the log itself, by any key that it is known to have had, signed a seal among these lines that covers entry
/// `seq`: then whoever sent them is no stranger, but a log with two pasts.
pub(crate) fn is_signed(bytes: &[u8], seq: u64, log_keys: &[String]) -> bool {
    let seals = lines(bytes).filter_map(note_of_seal);
    let mut checkpoints = seals.filter_map(|note| SignedCheckpoint::parse(&note));
    let by_log = |checkpoint: &SignedCheckpoint| {
        let mut keys = log_keys.iter();
        keys.any(|key| checkpoint.is_signed_by(key))
    };
    checkpoints.any(|checkpoint| checkpoint.size > seq && by_log(&checkpoint))
}

/// The sequence number of an entry, or of what is left of one; the leaf's hash is made once, where lines are followed.
fn seq_of(line: &[u8]) -> Option<u64> {
    match Head::parse(line) {
        Some(head) => Some(head.seq),
        None => leaf(line).map(|(seq, _)| seq),
    }
}

/// Whether a line is an entry, what is left of an erased one, or pretends to be.
pub(crate) fn is_entry(line: &[u8]) -> bool {
    line.starts_with(b"{\"seq\":") || line.starts_with(b"{\"erased\":")
}

/// The lines, without their newlines. Megabytes are gone through several times: many bytes are looked at at once.
pub(crate) fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(bytes.strip_suffix(b"\n").unwrap_or(bytes));
    std::iter::from_fn(move || {
        let text = rest?;
        let (line, after) = match memchr(b'\n', text) {
            Some(end) => (&text[..end], Some(&text[end + 1..])),
            None => (text, None),
        };
        rest = after;
        Some(line)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry(seq: u64) -> String {
        let (boot, salt) = ("a".repeat(32), "b".repeat(32));
        format!(
            "{{\"seq\":{seq},\"time\":\"2026-11-23T10:00:00.000000Z\",\"boot\":\"{boot}\",\"mono\":1,\"salt\":\"{salt}\"}}\n"
        )
    }

    const SEAL: &str = "{\"seal\":\"text\"}\n";

    #[test]
    fn entries_are_found_by_their_numbers() {
        let text = format!("{}{}{SEAL}", entry(4), entry(5));
        let body = Body::parse(4, text.as_bytes()).unwrap();
        assert_eq!(body.range(), 4..6);
        assert_eq!(body.entry(5).unwrap(), entry(5).trim_end().as_bytes());
        assert_eq!(body.entry(6), None);
        assert_eq!(body.from_entry(4), text.as_bytes());
        assert_eq!(body.from_entry(5), format!("{}{SEAL}", entry(5)).as_bytes());
        assert_eq!(body.from_entry(6), b"");
    }

    #[test]
    fn what_has_not_the_form_of_lines_is_refused_with_its_reason() {
        let refused = |text: String| Body::parse(4, text.as_bytes()).unwrap_err();
        assert_eq!(refused(String::new()), InvalidBody::Empty);
        assert_eq!(refused(entry(4)), InvalidBody::NotSealed);
        assert_eq!(refused(SEAL.trim_end().to_owned()), InvalidBody::Unended);
        assert_eq!(
            refused(format!("{}{SEAL}", entry(5))),
            InvalidBody::Entry {
                number: 1,
                expected: 4
            }
        );
        assert_eq!(
            refused(format!("{}\n{SEAL}", "x".repeat(70_000))),
            InvalidBody::LongLine {
                number: 1,
                length: 70_000
            }
        );
        let length = BODY_LIMIT + 1;
        assert_eq!(
            refused("\n".repeat(length)),
            InvalidBody::TooLong { length }
        );
    }

    proptest! {
        #[test]
        fn lines_are_what_newlines_part(text in "[ab\n]{0,40}") {
            let found: Vec<_> = lines(text.as_bytes()).collect();
            let text = text.strip_suffix('\n').unwrap_or(&text);
            let parts: Vec<_> = text.split('\n').map(str::as_bytes).collect();
            prop_assert_eq!(found, parts);
        }

        #[test]
        fn no_bytes_make_it_panic(from: u64, bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(body) = Body::parse(from, &bytes) {
                prop_assert!(body.from_entry(from).len() <= bytes.len());
            }
            is_signed(&bytes, from, &["key".to_owned()]);
        }
    }
}
