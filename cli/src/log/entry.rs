//! One journal entry, as far as reading needs it: its exact bytes, and what can be found in them.

use std::path::Path;

use daypass_journal::blob::{self, Kept};
use daypass_protocol::digest::Digest;
use daypass_protocol::event::reading;
use daypass_protocol::export::Source;
use jiff::Timestamp;
use serde_json::Value;

use crate::output::inert::{inert, inert_bytes};

/// The longest detail that a table shows, bytes: names and fingerprints are shorter, hashes in hexadecimal and public keys are longer.
const LONGEST_DETAIL: usize = 60;
/// How many of them a table shows.
const MOST_DETAILS: usize = 8;

/// An entry. What cannot be read stays in as bytes: a reader must see that there is something odd.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// The journal that it stands in, where that is known.
    origin: Option<String>,
    /// The exact bytes of the line, without its newline.
    pub(crate) bytes: Vec<u8>,
    event: Value,
    time: Option<Timestamp>,
    /// What is kept beside the journal of a command line of which the entry has the beginning, where it was looked for.
    whole: Option<Kept>,
}

impl Entry {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        let event = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        let time = reading::text(&event, "/time").parse().ok();
        Self {
            origin: None,
            bytes,
            event,
            time,
            whole: None,
        }
    }

    /// An entry of the journal `origin`.
    pub(crate) fn of(origin: String, bytes: Vec<u8>) -> Self {
        Self {
            origin: Some(origin),
            ..Self::new(bytes)
        }
    }

    /// The entry with its whole command line, if that is kept beside the journal in `directory`.
    pub(crate) fn beside(self, directory: &Path) -> Self {
        if self.is_cut() {
            // Why it cannot be read makes no difference to whoever reads the entry.
            let kept = blob::read(directory, self.text("/command/sha256"));
            let whole = Some(kept.unwrap_or(Kept::Nothing));
            return Self { whole, ..self };
        }
        self
    }

    /// The hash of its whole command line, where it says that this is kept.
    pub(crate) fn kept_text(&self) -> Option<Digest> {
        let is_kept = self.value("/command/blob").and_then(Value::as_bool);
        is_kept.filter(|is_kept| *is_kept)?;
        self.text("/command/sha256").parse().ok()
    }

    /// Whether the entry has the beginning of its command line only.
    fn is_cut(&self) -> bool {
        let kept = reading::command(&self.event).map_or(0, |command| command.len() as u64);
        self.length().is_some_and(|length| length > kept)
    }

    fn length(&self) -> Option<u64> {
        self.value("/command/length")?.as_u64()
    }

    /// As exports read it.
    pub(crate) fn source(&self) -> Source<'_> {
        Source::new(self.origin.as_deref(), &self.bytes)
    }

    /// When it was written, by the clock of the machine that wrote it.
    pub(crate) fn time(&self) -> Option<Timestamp> {
        self.time
    }

    /// The number in its journal.
    pub(crate) fn seq(&self) -> Option<u64> {
        self.event.pointer("/seq")?.as_u64()
    }

    /// The value at a JSON pointer.
    pub(crate) fn value(&self, pointer: &str) -> Option<&Value> {
        self.event.pointer(pointer)
    }

    /// The text at a JSON pointer, exact; empty where there is none.
    pub(crate) fn text(&self, pointer: &str) -> &str {
        reading::text(&self.event, pointer)
    }

    /// The first of these that says something.
    pub(crate) fn first(&self, pointers: &[&str]) -> &str {
        pointers
            .iter()
            .map(|pointer| self.text(pointer))
            .find(|text| !text.is_empty())
            .unwrap_or_default()
    }

    /// The command's exact bytes: as many as the entry keeps, or all that were found beside the journal.
    pub(crate) fn command(&self) -> Option<Vec<u8>> {
        match &self.whole {
            Some(Kept::Whole(line)) => Some(line.clone()),
            _ => reading::command(&self.event),
        }
    }

    /// What happened, for reading: the command, or the reason and what else the entry says in few words; inert.
    pub(crate) fn what(&self) -> String {
        let reason = inert(self.text("/reason"));
        let shown = self.command().map(|command| {
            let shown = inert_bytes(&command);
            match self.length() {
                Some(length) if length > command.len() as u64 => {
                    let rest = match &self.whole {
                        Some(Kept::Nothing) => "; the whole is not here",
                        Some(Kept::Another) => {
                            "; what is kept as the whole is NOT what the entry names"
                        }
                        Some(Kept::Whole(_)) | None => "",
                    };
                    format!("{shown}… ({length} bytes{rest})")
                }
                _ => shown,
            }
        });
        match (shown, reason.is_empty()) {
            (Some(command), true) => command,
            (Some(command), false) => format!("{command}  ({reason})"),
            (None, _) if !self.event.is_object() => inert_bytes(&self.bytes),
            (None, is_silent) => match (self.details(), is_silent) {
                (details, true) => details,
                (details, false) if details.is_empty() => reason.into_owned(),
                (details, false) => format!("{reason}  ({details})"),
            },
        }
    }

    /// What the entry's details say in few words, as `name=value`. What is long, and what is made of parts, is for whoever
    /// reads the entry itself.
    fn details(&self) -> String {
        let named = self.value("/detail").and_then(Value::as_object);
        let said = named.into_iter().flatten().filter_map(|(name, value)| {
            let value = match value {
                Value::String(text) => short(text)?,
                Value::Number(_) | Value::Bool(_) => value.to_string(),
                Value::Array(items) => {
                    let texts: Option<Vec<_>> =
                        items.iter().map(|item| short(item.as_str()?)).collect();
                    texts.filter(|texts| !texts.is_empty())?.join(",")
                }
                Value::Null | Value::Object(_) => return None,
            };
            let name = short(name)?;
            (value.len() <= LONGEST_DETAIL).then(|| format!("{name}={value}"))
        });
        said.take(MOST_DETAILS).collect::<Vec<_>>().join(" ")
    }
}

/// A word, or several in quotation marks; `None` where that is too long to be read at a glance, or empty.
fn short(text: &str) -> Option<String> {
    if text.is_empty() || text.len() > LONGEST_DETAIL {
        return None;
    }
    let shown = inert(text);
    Some(match shown.contains([' ', '"', '=', ',']) {
        true => format!("\"{}\"", shown.replace('"', "\\\"")),
        false => shown.into_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_command_is_read_in_each_of_its_forms() {
        for (entry, what) in [
            (r#"{"command":{"line":"id\u001b[2J"}}"#, "id\\x1b[2J"),
            (r#"{"command":{"base64":"aWT/"}}"#, "id\\xff"),
            (r#"{"command":{"line":{"base64":"aWT/"}}}"#, "id\\xff"),
            (
                r#"{"command":{"line":"id","length":9},"reason":"cut"}"#,
                "id… (9 bytes)  (cut)",
            ),
            (r#"{"reason":"no window"}"#, "no window"),
            (
                r#"{"detail":{"person":"dave","roles":["approver","admin"],"uses":2,"is\u001b":true}}"#,
                "is\\x1b=true person=dave roles=approver,admin uses=2",
            ),
            (
                r#"{"reason":"it is over","detail":{"killed":[{"pid":7}],"killed_count":1,"says":"a \"b","none":""}}"#,
                "it is over  (killed_count=1 says=\"a \\\"b\")",
            ),
            (
                r#"{"detail":{"hash":"0123456789012345678901234567890123456789012345678901234567890123"}}"#,
                "",
            ),
            (r#"{"command":{"line":"id"},"detail":{"uid":7}}"#, "id"),
            (
                r#"{"detail":{"a name that is longer than anything that a reader can take in at a glance":7,"uid":7}}"#,
                "uid=7",
            ),
            ("garbage\u{1b}", "garbage\\x1b"),
        ] {
            assert_eq!(Entry::new(entry.into()).what(), what);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_read(bytes in any::<Vec<u8>>()) {
            let entry = Entry::new(bytes);
            prop_assert!(!entry.what().contains(crate::output::inert::is_active));
        }
    }
}
