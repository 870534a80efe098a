//! Text from outside, made harmless for a terminal.
//!
//! What a contractor typed, or what a CA answered, may hold escape sequences, line breaks that forge a second
//! line, or bidirectional controls that show one command and mean another. Here each such character becomes a
//! visible escape; the mapping is one to one, so that nothing is lost and two different texts never look alike.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Whether a terminal might act on `c`, or a reader be misled by it, rather than see it.
///
/// C0, DEL and C1 controls; bidirectional controls; line and paragraph separators; characters without any width;
/// the tag block, which hides text in text.
pub fn is_active(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00ad}' | '\u{061c}' | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

/// `text` for one line on a terminal: active characters as `\n`, `\x1b`, `\u{202e}`; a backslash as two.
pub fn inert(text: &str) -> Cow<'_, str> {
    if !text.contains(|c| is_active(c) || c == '\\') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_active(c) && (c as u32) < 0x100 => {
                push(&mut out, format_args!("\\x{:02x}", c as u32));
            }
            c if is_active(c) => push(&mut out, format_args!("\\u{{{:x}}}", c as u32)),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// The same for bytes that need not be UTF-8: a byte that is not becomes `\xff`.
pub fn inert_bytes(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(&inert(chunk.valid()));
        for byte in chunk.invalid() {
            push(&mut out, format_args!("\\x{byte:02x}"));
        }
    }
    out
}

/// A JSON text for a terminal: the same JSON value, its active characters written as JSON's own `\u` escapes.
///
/// In JSON such characters can stand inside strings only (line breaks between tokens aside), so the value that a
/// program reads from either form is the same.
pub fn inert_json(json: &str) -> Cow<'_, str> {
    if !json.contains(is_active) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        match c {
            '\n' => out.push('\n'),
            c if is_active(c) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    push(&mut out, format_args!("\\u{unit:04x}"));
                }
            }
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = out.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escapes_become_visible() {
        assert_eq!(inert("ls\n\u{1b}[2J\u{9b}31m"), "ls\\n\\x1b[2J\\x9b31m");
        assert_eq!(inert("rm \u{202e}fdp.exe"), "rm \\u{202e}fdp.exe");
        assert_eq!(inert("a\\nb"), "a\\\\nb");
    }

    #[test]
    fn ordinary_text_of_any_language_is_left_alone() {
        assert_eq!(inert("größe 日本 – émile"), "größe 日本 – émile");
    }

    #[test]
    fn bytes_that_are_not_utf8_are_shown_one_by_one() {
        assert_eq!(inert_bytes(b"a\xff\xfe\x1b"), "a\\xff\\xfe\\x1b");
    }

    proptest! {
        #[test]
        fn nothing_active_is_left(text in any::<String>()) {
            prop_assert!(!inert(&text).contains(is_active));
        }

        #[test]
        fn nothing_active_is_left_of_bytes(bytes in any::<Vec<u8>>()) {
            prop_assert!(!inert_bytes(&bytes).contains(is_active));
        }

        #[test]
        fn two_texts_never_look_alike(a in "[\\\\xn0-9\u{0}-\u{20}\u{80}-\u{9f}]{0,8}", b in "[\\\\xn0-9\u{0}-\u{20}\u{80}-\u{9f}]{0,8}") {
            prop_assert_eq!(a == b, inert(&a) == inert(&b));
        }

        #[test]
        fn json_keeps_its_value(text in any::<String>()) {
            let json = serde_json::to_string(&text).expect("a string has a JSON form");
            let shown = inert_json(&json);
            prop_assert!(!shown.contains(is_active));
            prop_assert_eq!(serde_json::from_str::<String>(&shown).expect("still JSON"), text);
        }
    }
}
