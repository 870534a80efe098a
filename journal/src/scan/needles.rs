//! Texts that a line must hold, looked for in many lines at once.

use memchr::memmem::Finder;
use memchr::{memchr, memrchr};

/// How JSON begins the escape of a character below U+0100. Whoever writes `\u0063arol` for `carol`
/// is not passed over.
const ESCAPE: &[u8] = b"\\u00";

/// Groups of texts; a line must hold one text of each.
#[derive(Debug)]
pub(super) struct Needles {
    groups: Vec<Vec<Finder<'static>>>,
    escape: Finder<'static>,
}

impl Needles {
    pub(super) fn new(groups: &[Vec<String>]) -> Self {
        let finder = |text: &String| Finder::new(text.as_bytes()).into_owned();
        Self {
            groups: groups
                .iter()
                .filter(|group| !group.is_empty())
                .map(|group| group.iter().map(finder).collect())
                .collect(),
            escape: Finder::new(ESCAPE).into_owned(),
        }
    }

    /// Shows each line of `text` that may match, and whether it is the last one of `text`.
    pub(super) fn each(&self, text: &[u8], mut show: impl FnMut(&[u8], bool)) {
        let Some(first) = self.groups.first() else {
            let mut begin = 0;
            while begin < text.len() {
                let end = memchr(b'\n', &text[begin..]).map_or(text.len(), |at| begin + at);
                show(&text[begin..end], end == text.len());
                begin = end + 1;
            }
            return;
        };
        let mut places: Vec<Place<'_>> = first
            .iter()
            .chain([&self.escape])
            .map(|finder| Place {
                finder,
                next: Some(0),
            })
            .collect();
        let mut from = 0;
        // At each needle that is found, the line around it is looked at, and the search goes on behind it.
        while let Some(at) = places
            .iter_mut()
            .filter_map(|place| place.after(text, from))
            .min()
        {
            let begin = memrchr(b'\n', &text[..at]).map_or(0, |at| at + 1);
            let end = memchr(b'\n', &text[at..]).map_or(text.len(), |further| at + further);
            let line = &text[begin..end];
            let holds =
                |group: &Vec<Finder<'_>>| group.iter().any(|finder| finder.find(line).is_some());
            if self.groups.iter().all(holds) || self.escapes_printable(line) {
                show(line, end == text.len());
            }
            from = end + 1;
        }
    }

    /// Whether a line writes as an escape what no writer of ours does.
    fn escapes_printable(&self, line: &[u8]) -> bool {
        self.escape.find_iter(line).any(|at| {
            match line.get(at + ESCAPE.len()..at + ESCAPE.len() + 2) {
                Some([b'7', low]) => !matches!(low, b'f' | b'F'),
                Some([high, _]) => (b'2'..b'7').contains(high),
                _ => false,
            }
        })
    }
}

/// Where a needle comes next.
struct Place<'a> {
    finder: &'a Finder<'static>,
    next: Option<usize>,
}

impl Place<'_> {
    /// Its first place from `from` on, which never goes back.
    fn after(&mut self, text: &[u8], from: usize) -> Option<usize> {
        let next = self.next?;
        if next < from || next == 0 {
            let further = text.get(from..).and_then(|text| self.finder.find(text));
            self.next = further.map(|at| from + at);
        }
        self.next
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(groups: &[&[&str]], text: &str) -> Vec<String> {
        let groups: Vec<Vec<String>> = groups
            .iter()
            .map(|group| group.iter().map(|text| (*text).to_owned()).collect())
            .collect();
        let mut lines = Vec::new();
        Needles::new(&groups).each(text.as_bytes(), |line, _| {
            lines.push(String::from_utf8(line.to_vec()).unwrap());
        });
        lines
    }

    #[test]
    fn a_line_must_hold_one_text_of_each_group() {
        let text = "alice sudo\nbob sudo\nalice login\ncarol sudo";
        assert_eq!(
            found(&[&["alice", "carol"], &["sudo"]], text),
            ["alice sudo", "carol sudo"]
        );
        assert_eq!(found(&[&["nobody"]], text), [""; 0]);
        assert_eq!(found(&[], text).len(), 4);
    }

    #[test]
    fn what_is_written_with_escapes_is_not_passed_over() {
        let odd = r#"{"person":"\u0063arol"}"#;
        assert_eq!(found(&[&["\"carol\""]], odd), [odd]);
        assert_eq!(
            found(&[&["\"carol\""]], r#"{"line":"\u001b[2J \u007f \u009b"}"#),
            [""; 0]
        );
    }

    proptest! {
        #[test]
        fn the_lines_found_are_those_that_hold_it(
            lines in prop::collection::vec("[ab ]{0,6}", 1..12), needle in "[ab]{1,3}",
        ) {
            let held: Vec<String> = lines.iter().filter(|line| line.contains(&needle)).cloned().collect();
            prop_assert_eq!(found(&[&[&needle]], &lines.join("\n")), held);
        }
    }
}
