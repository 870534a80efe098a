//! Texts that a line must hold, looked for in many lines at once.

use memchr::memmem::Finder;
use memchr::{memchr, memrchr};

/// How JSON begins the escapes that spell what can be written without. Whoever writes `\u0063arol` for `carol`, or
/// `\/bin` for `/bin`, is not passed over.
const ESCAPES: [&[u8]; 2] = [b"\\u", b"\\/"];

/// Groups of texts; a line must hold one text of each.
#[derive(Debug)]
pub(super) struct Needles {
    groups: Vec<Vec<Finder<'static>>>,
    escapes: [Finder<'static>; 2],
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
            escapes: ESCAPES.map(|escape| Finder::new(escape).into_owned()),
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
            .chain(&self.escapes)
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
            if self.groups.iter().all(holds) || self.spells_oddly(line) {
                show(line, end == text.len());
            }
            from = end + 1;
        }
    }

    /// Whether a line writes as an escape what no writer of ours does. Those escape C0 controls that have no shorter
    /// escape, DEL and C1 controls; the others that they escape are rare enough to be looked at.
    fn spells_oddly(&self, line: &[u8]) -> bool {
        let [unicode, slash] = &self.escapes;
        let is_ours = |at: usize| {
            matches!(
                line.get(at + 2..at + 6),
                Some(
                    b"007f"
                    | [b'0', b'0', b'0', b'0'..=b'7' | b'b' | b'e' | b'f']
                    | [b'0', b'0', b'1' | b'8' | b'9', b'0'..=b'9' | b'a'..=b'f'],
                )
            )
        };
        slash.find(line).is_some() || !unicode.find_iter(line).all(is_ours)
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
        for (odd, needle) in [
            (r#"{"line":"\/bin\/sh"}"#, "/bin/sh"),
            (r#"{"line":"Micha\u0142"}"#, "Michał"),
            (r#"{"line":"\u00e9t\u00E9"}"#, "été"),
            (r#"{"line":"one\u000atwo"}"#, r"one\ntwo"),
        ] {
            assert_eq!(found(&[&[needle]], odd), [odd]);
        }
        // What a writer of ours escapes anyway.
        let usual = r#"{"line":"\u001b[2J \u007f \u009b \u000b"}"#;
        assert_eq!(found(&[&["\"carol\""]], usual), [""; 0]);
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
