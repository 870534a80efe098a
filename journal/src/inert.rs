//! JSON that does nothing to a terminal, whoever prints it.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CharEscape, Formatter, Serializer};

/// Writes a value as compact JSON in which characters that steer a terminal or reorder text are
/// escaped: DEL, C1 controls and bidirectional controls. C0 controls are escaped by JSON itself.
pub(crate) fn to_vec(value: &impl Serialize) -> Result<Vec<u8>, serde_json::Error> {
    let mut json = Vec::with_capacity(512);
    value.serialize(&mut Serializer::with_formatter(&mut json, Inert))?;
    Ok(json)
}

/// Whether a character must not reach a terminal as it is, C0 controls aside.
fn steers(char: char) -> bool {
    matches!(
        char,
        '\u{7f}'..='\u{9f}'
            | '\u{61c}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{feff}'
    )
}

struct Inert;

impl Formatter for Inert {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((at, char)) = rest.char_indices().find(|(_, char)| steers(*char)) {
            writer.write_all(&rest.as_bytes()[..at])?;
            // All of them are in the basic plane: one escape of four digits.
            write!(writer, "\\u{:04x}", u32::from(char))?;
            rest = &rest[at + char.len_utf8()..];
        }
        writer.write_all(rest.as_bytes())
    }

    fn write_char_escape<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        escape: CharEscape,
    ) -> io::Result<()> {
        serde_json::ser::CompactFormatter.write_char_escape(writer, escape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steering_characters_are_escaped_and_read_back() {
        let text = "a\u{1b}[31m\u{7f}\u{9b}2J\u{202e}\u{feff}ü\"\\\n€";
        let json = String::from_utf8(to_vec(&text).unwrap()).unwrap();
        assert_eq!(
            json,
            "\"a\\u001b[31m\\u007f\\u009b2J\\u202e\\ufeffü\\\"\\\\\\n€\""
        );
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}
