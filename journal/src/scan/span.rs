//! Which segments and lines lie in a span of time, by what stands at their beginnings.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use memchr::memmem::rfind;

use crate::durable::{Action, DiskError, failed};

/// Bytes at either end of a segment in which an entry's time is looked for: first a little, then
/// enough for the longest entry with its seal.
const LOOKS: [u64; 2] = [8 * 1024, 256 * 1024];

const ENTRY: &[u8] = b"{\"seq\":";
const TIME: &[u8] = b",\"time\":\"";

/// A span of time. The text of times sorts as they do.
#[derive(Debug)]
pub(super) struct Span {
    pub(super) since: Option<String>,
    pub(super) until: Option<String>,
}

impl Span {
    /// Whether the line is of that time. A line without a time is not hidden by it.
    pub(super) fn admits(&self, line: &[u8]) -> bool {
        if self.since.is_none() && self.until.is_none() {
            return true;
        }
        time_of(line).is_none_or(|time| !self.is_before(time) && !self.is_after(time))
    }

    fn is_before(&self, time: &[u8]) -> bool {
        self.since
            .as_ref()
            .is_some_and(|since| time < since.as_bytes())
    }

    fn is_after(&self, time: &[u8]) -> bool {
        self.until
            .as_ref()
            .is_some_and(|until| time >= until.as_bytes())
    }

    /// The segment's length in bytes; `None` when it is gone, or by the times of its first and last
    /// entry is wholly before or wholly after the span. Without such times nothing is hidden.
    pub(super) fn length_of_interest(&self, path: &Path) -> Result<Option<u64>, DiskError> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(Action::Open, path)(error)),
        };
        let length = file.metadata().map_err(failed(Action::Read, path))?.len();
        if self.since.is_none() && self.until.is_none() {
            return Ok(Some(length));
        }
        let read = |from: u64, to: u64| {
            let mut bytes = vec![0; usize::try_from(to - from).unwrap_or(0)];
            let count = file
                .read_at(&mut bytes, from)
                .map_err(failed(Action::Read, path))?;
            bytes.truncate(count);
            Ok::<_, DiskError>(bytes)
        };
        for look in LOOKS {
            let head = read(0, look.min(length))?;
            let tail = read(length.saturating_sub(look), length)?;
            let (Some(first), Some(last)) = (first_time(&head), last_time(&tail)) else {
                continue;
            };
            let is_outside = (self.is_before(first) && self.is_before(last))
                || (self.is_after(first) && self.is_after(last));
            return Ok((!is_outside).then_some(length));
        }
        Ok(Some(length))
    }
}

/// The text of an entry's time, 27 bytes.
fn time_of(line: &[u8]) -> Option<&[u8]> {
    let rest = line.strip_prefix(ENTRY)?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let time = rest[digits..].strip_prefix(TIME)?.get(..28)?;
    let (time, end) = time.split_at(27);
    (end == b"\"").then_some(time)
}

fn first_time(head: &[u8]) -> Option<&[u8]> {
    head.split(|byte| *byte == b'\n').find_map(time_of)
}

fn last_time(tail: &[u8]) -> Option<&[u8]> {
    let mut end = tail.len();
    loop {
        let at = rfind(&tail[..end], ENTRY)?;
        let begins = at == 0 || tail[at - 1] == b'\n';
        if let Some(time) = time_of(&tail[at..]).filter(|_| begins) {
            return Some(time);
        }
        end = at;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(seq: u32, minute: u32) -> String {
        format!(
            "{{\"seq\":{seq},\"time\":\"2026-11-23T10:{minute:02}:00.000000Z\",\"boot\":\"x\"}}\n"
        )
    }

    fn span(since: Option<u32>, until: Option<u32>) -> Span {
        let text = |minute: u32| format!("2026-11-23T10:{minute:02}:00.000000Z");
        Span {
            since: since.map(text),
            until: until.map(text),
        }
    }

    #[test]
    fn a_segment_is_read_only_where_its_time_touches_the_span() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let seal = format!("{{\"seal\":\"{}\"}}\n", "x".repeat(20_000));
        std::fs::write(
            file.path(),
            format!("{seal}{}{}{seal}", entry(1, 10), entry(2, 20)),
        )
        .unwrap();
        let is_read = |since, until| {
            span(since, until)
                .length_of_interest(file.path())
                .unwrap()
                .is_some()
        };
        assert!(is_read(None, None));
        assert!(is_read(Some(20), None));
        assert!(!is_read(Some(21), None));
        assert!(is_read(None, Some(11)));
        assert!(!is_read(None, Some(10)));
        assert!(is_read(Some(12), Some(13)));
        assert!(!is_read(Some(30), Some(40)));
    }

    #[test]
    fn a_segment_without_a_readable_time_is_read_and_one_that_is_gone_is_not() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "garbage\n").unwrap();
        assert_eq!(
            span(Some(1), None).length_of_interest(file.path()).unwrap(),
            Some(8)
        );
        let gone = file.path().with_extension("gone");
        assert_eq!(span(Some(1), None).length_of_interest(&gone).unwrap(), None);
    }

    #[test]
    fn a_line_is_admitted_by_its_own_time() {
        let line = entry(1, 10);
        assert!(span(Some(10), Some(11)).admits(line.as_bytes()));
        assert!(!span(Some(11), None).admits(line.as_bytes()));
        assert!(!span(None, Some(10)).admits(line.as_bytes()));
        assert!(span(Some(11), None).admits(b"garbage"));
    }
}
