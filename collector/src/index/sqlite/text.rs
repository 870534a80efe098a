//! Text search: every three characters in a row that a text has, an entry must have too. FTS5 says which have; the bytes
//! decide.

use std::collections::BTreeSet;

/// Pieces that are looked up at most: so many tell enough.
const MOST: usize = 24;
const LENGTH: usize = 3;
/// In place of what cannot be text, and between command and reason.
pub(super) const FILLER: char = '\u{fffd}';

/// What FTS5 is given of an entry; `None` where there is nothing to find.
///
/// Whatever UTF-8 stands in the bytes stands in it, too: only what is none is replaced, and no sequence that is whole is
/// part of that. NUL ends a text for some of SQLite's functions.
pub(super) fn of(command: &[u8], reason: &str) -> Option<String> {
    if command.is_empty() && reason.is_empty() {
        return None;
    }
    let mut text = String::from_utf8_lossy(command).into_owned();
    text.push(FILLER);
    text.push_str(reason);
    Some(text.replace('\0', FILLER.encode_utf8(&mut [0; 4])))
}

/// As a character stands there.
pub(super) fn filled(character: char) -> char {
    match character {
        '\0' => FILLER,
        other => other,
    }
}

/// The expression in FTS5's language that every entry with `text` in it matches; `None` where the text is too short.
///
/// Each piece is a string of that language, in which nothing but the quotation mark has a meaning, and that is doubled.
pub(super) fn expression(text: &str) -> Option<String> {
    let characters: Vec<char> = text.chars().collect();
    let pieces: BTreeSet<&[char]> = characters
        .windows(LENGTH)
        .filter(|piece| !piece.contains(&'\0'))
        .collect();
    let step = pieces.len().div_ceil(MOST).max(1);
    let quoted: Vec<String> = pieces
        .into_iter()
        .step_by(step)
        .map(|piece| {
            let piece: String = piece.iter().collect();
            format!("\"{}\"", piece.replace('"', "\"\""))
        })
        .collect();
    (!quoted.is_empty()).then(|| quoted.join(" AND "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_asked_for_by_its_pieces_and_nothing_in_it_is_an_operator() {
        assert_eq!(expression("DROP").as_deref(), Some("\"DRO\" AND \"ROP\""));
        assert_eq!(expression("a\"*").as_deref(), Some("\"a\"\"*\""));
        assert_eq!(expression("rm"), None);
        assert_eq!(expression("a\0bcd").as_deref(), Some("\"bcd\""));
        let long: String = ('a'..='z').cycle().take(256).collect();
        assert!(expression(&long).is_some_and(|long| long.matches(" AND ").count() < MOST));
    }

    #[test]
    fn what_is_utf_8_among_other_bytes_stays() {
        assert_eq!(of(b"", ""), None);
        assert_eq!(
            of(b"\xc3rm -r\xff\0\xc3\xa9", "why").as_deref(),
            Some("\u{fffd}rm -r\u{fffd}\u{fffd}\u{e9}\u{fffd}why")
        );
    }
}
