//! How searches read an entry: the same words find the same entries, whoever searches.
//!
//! An entry may come from anybody: nothing in it is trusted to be there, or of its type.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// The text at a JSON pointer; empty where there is none.
pub fn text<'a>(entry: &'a Value, pointer: &str) -> &'a str {
    entry
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// The bytes of the command that an entry keeps. What should be base64 and is not stands for itself.
pub fn command(entry: &Value) -> Option<Vec<u8>> {
    let at = |pointer: &str| entry.pointer(pointer).and_then(Value::as_str);
    if let Some(line) = at("/command/line") {
        return Some(line.as_bytes().to_vec());
    }
    let coded = at("/command/line/base64").or_else(|| at("/command/base64"))?;
    Some(
        STANDARD
            .decode(coded)
            .unwrap_or_else(|_| coded.as_bytes().to_vec()),
    )
}

/// Whether a command or a reason holds `text`, byte for byte: nothing in it has a meaning of its own.
pub fn says(command: &[u8], reason: &str, text: &str) -> bool {
    let text = text.as_bytes();
    text.is_empty()
        || command.windows(text.len()).any(|part| part == text)
        || reason
            .as_bytes()
            .windows(text.len())
            .any(|part| part == text)
}

/// Whether an action is the one asked for, or of its kind: `sudo` asks for `sudo.request` and all its siblings.
pub fn is_within(action: &str, wanted: &str) -> bool {
    action
        .strip_prefix(wanted)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_command_is_read_in_each_of_its_forms() {
        for (entry, bytes) in [
            (json!({"command": {"line": "id"}}), Some(b"id".as_slice())),
            (json!({"command": {"base64": "aWT/"}}), Some(b"id\xff")),
            (
                json!({"command": {"line": {"base64": "aWT/"}}}),
                Some(b"id\xff"),
            ),
            (json!({"command": {"base64": "no!"}}), Some(b"no!")),
            (json!({"command": 7}), None),
            (json!(null), None),
        ] {
            assert_eq!(command(&entry).as_deref(), bytes, "{entry}");
        }
    }

    #[test]
    fn a_text_is_found_byte_for_byte_and_an_empty_one_everywhere() {
        assert!(says(b"psql -c 'DROP TABLE x'", "", "DROP TABLE"));
        assert!(!says(b"psql -c 'drop table x'", "", "DROP TABLE"));
        assert!(says(b"", "no window's open", "window's"));
        assert!(says(b"", "", ""));
        assert!(!says(b"a", "", "%"));
    }

    #[test]
    fn a_kind_of_action_has_its_siblings_and_no_stranger() {
        assert!(is_within("sudo.request", "sudo"));
        assert!(is_within("sudo", "sudo"));
        assert!(!is_within("sudoku", "sudo"));
        assert!(!is_within("sudo.request", "sudo."));
    }
}
