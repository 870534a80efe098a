//! Entry lines: the head that the journal writes, and the event after it.

use std::fmt;

use serde::Serialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::blob;
use crate::clock::Stamp;
use crate::encoding::hex;
use crate::error::EventFault;
use crate::inert;

/// The longest entry line, newline not counted, in bytes.
pub const LINE_LIMIT: usize = 65_535;

/// More than any head takes: five keys, two 20-digit numbers, 27 + 32 + 32 bytes of values.
const HEAD_LIMIT: usize = 192;

/// The prefix of the actions that the journal itself writes.
const OWN: &str = "journal.";

/// Keys of the head, which no event may use.
const HEAD_KEYS: [&str; 5] = ["seq", "time", "boot", "mono", "salt"];

/// An event, checked and serialized, ready to follow a head.
#[derive(Debug)]
pub(crate) struct Event {
    /// The object without its opening brace.
    rest: Vec<u8>,
    salt: [u8; 16],
}

impl Event {
    /// Checks and serializes an event of a caller.
    pub(crate) fn of_caller(event: &impl Serialize) -> Result<Self, EventFault> {
        let json = inert::to_vec(event).map_err(|source| EventFault::Json { source })?;
        check_keys(&json)?;
        let length = json.len() + HEAD_LIMIT;
        if length > LINE_LIMIT {
            return Err(EventFault::TooLong {
                length,
                limit: LINE_LIMIT,
            });
        }
        Ok(Self::of_object(json))
    }

    /// Takes a JSON object that is known to be one, and short.
    pub(crate) fn of_object(mut json: Vec<u8>) -> Self {
        json.remove(0);
        let mut salt = [0; 16];
        // A kernel without random bytes stops at the keys already; a zero salt only weakens erasure.
        let _ = getrandom::fill(&mut salt);
        Self { rest: json, salt }
    }

    /// The long texts that it names.
    pub(crate) fn blobs(&self) -> impl Iterator<Item = &str> {
        blob::named(&self.rest)
    }

    /// Writes the line, without its newline.
    pub(crate) fn write(&self, seq: u64, stamp: &Stamp, boot: &str, line: &mut Vec<u8>) {
        let head = format!(
            "{{\"seq\":{seq},\"time\":\"{}\",\"boot\":\"{boot}\",\"mono\":{},\"salt\":\"{}\"",
            stamp.text(),
            stamp.mono,
            hex(&self.salt)
        );
        line.extend_from_slice(head.as_bytes());
        // An event without keys leaves nothing but the closing brace.
        if self.rest != b"}" {
            line.push(b',');
        }
        line.extend_from_slice(&self.rest);
    }
}

/// Refuses duplicate keys, keys of the head and actions of the journal.
fn check_keys(json: &[u8]) -> Result<(), EventFault> {
    if json.first() != Some(&b'{') {
        return Err(EventFault::NotAnObject);
    }
    let mut reader = serde_json::Deserializer::from_slice(json);
    let keys = reader
        .deserialize_map(Keys)
        .map_err(|source| EventFault::Json { source })?;
    let mut seen: Vec<&str> = Vec::with_capacity(keys.names.len());
    for key in &keys.names {
        if HEAD_KEYS.contains(&key.as_str()) {
            return Err(EventFault::ReservedKey { key: key.clone() });
        }
        if seen.contains(&key.as_str()) {
            return Err(EventFault::DuplicateKey { key: key.clone() });
        }
        seen.push(key);
    }
    match keys.action {
        Some(action) if action.starts_with(OWN) => Err(EventFault::ReservedAction { action }),
        _ => Ok(()),
    }
}

#[derive(Default)]
struct Found {
    names: Vec<String>,
    action: Option<String>,
}

struct Keys;

impl<'de> Visitor<'de> for Keys {
    type Value = Found;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Found, M::Error> {
        let mut found = Found::default();
        while let Some(name) = map.next_key::<String>()? {
            if name == "action" {
                let value: serde_json::Value = map.next_value()?;
                found.action = value.as_str().map(str::to_owned);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
            found.names.push(name);
        }
        Ok(found)
    }
}

/// The head of an entry line, and what follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head<'a> {
    /// Sequence number; the first is 0.
    pub seq: u64,
    /// UTC, microseconds: `2026-11-23T06:35:41.123456Z`.
    pub time: &'a str,
    /// The kernel's boot id, 32 hexadecimal digits.
    pub boot: &'a str,
    /// Microseconds since that boot, by the clock that cannot be set.
    pub mono: u64,
    /// 32 hexadecimal digits, random.
    pub salt: &'a str,
    /// The event's members as they stand in the line: without the brace before, with the one after.
    pub event: &'a str,
}

impl<'a> Head<'a> {
    /// Reads the head of an entry line, which has one spelling only; `None` when it is no entry.
    #[must_use]
    pub fn parse(line: &'a [u8]) -> Option<Self> {
        let line = std::str::from_utf8(line).ok()?;
        if line.len() > LINE_LIMIT || !line.ends_with('}') {
            return None;
        }
        let rest = line.strip_prefix("{\"seq\":")?;
        let (seq, rest) = number(rest)?;
        let (time, rest) = quoted(rest.strip_prefix(",\"time\":\"")?, 27)?;
        let (boot, rest) = quoted(rest.strip_prefix(",\"boot\":\"")?, 32)?;
        let (mono, rest) = number(rest.strip_prefix(",\"mono\":")?)?;
        let (salt, rest) = quoted(rest.strip_prefix(",\"salt\":\"")?, 32)?;
        let event = match rest {
            "}" => rest,
            _ => rest.strip_prefix(',')?,
        };
        (!time.contains('"') && is_hex(boot) && is_hex(salt)).then_some(Self {
            seq,
            time,
            boot,
            mono,
            salt,
            event,
        })
    }

    /// The event as an object of its own, when it is one of the journal's own.
    pub(crate) fn own_event(&self) -> Option<String> {
        self.event
            .starts_with("\"action\":\"journal.")
            .then(|| format!("{{{}", self.event))
    }
}

/// So many bytes, and what follows their closing quote.
fn quoted(text: &str, length: usize) -> Option<(&str, &str)> {
    let (inner, rest) = text.split_at_checked(length)?;
    Some((inner, rest.strip_prefix('"')?))
}

/// Looks at every byte whatever comes first, which a machine does to many at once.
fn is_hex(text: &str) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_digit() | matches!(byte, b'a'..=b'f');
    text.bytes().fold(true, |all, byte| all & is_digit(byte))
}

/// A decimal number without leading zeros, and what follows it.
fn number(text: &str) -> Option<(u64, &str)> {
    let end = text
        .bytes()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    if digits.len() > 1 && digits.starts_with('0') {
        return None;
    }
    Some((digits.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn line_of(event: &Event) -> Vec<u8> {
        let mut line = Vec::new();
        event.write(7, &Stamp::now(), &"ab".repeat(16), &mut line);
        line
    }

    #[test]
    fn a_line_is_json_with_the_head_first() {
        let event = Event::of_caller(&json!({"action": "login.denied", "reason": "\u{1b}[2J"}));
        let line = line_of(&event.unwrap());
        let head = Head::parse(&line).unwrap();
        assert_eq!(head.seq, 7);
        assert_eq!(
            head.event,
            "\"action\":\"login.denied\",\"reason\":\"\\u001b[2J\"}"
        );
        let value: serde_json::Value = serde_json::from_slice(&line).unwrap();
        assert_eq!(value["seq"], 7);
        assert_eq!(value["salt"].as_str().unwrap().len(), 32);
    }

    #[test]
    fn an_event_without_members_is_a_line_too() {
        let line = line_of(&Event::of_caller(&json!({})).unwrap());
        assert!(serde_json::from_slice::<serde_json::Value>(&line).is_ok());
        assert_eq!(Head::parse(&line).unwrap().event, "}");
    }

    #[test]
    fn events_that_would_confuse_the_journal_are_refused() {
        let fault = |value| Event::of_caller(&value).unwrap_err();
        assert!(matches!(fault(json!([])), EventFault::NotAnObject));
        assert!(matches!(fault(json!("x")), EventFault::NotAnObject));
        assert!(matches!(
            fault(json!({"action": "x", "seq": 1})),
            EventFault::ReservedKey { .. }
        ));
        assert!(matches!(
            fault(json!({"action": "journal.epoch"})),
            EventFault::ReservedAction { .. }
        ));
        assert!(matches!(
            fault(json!({"action": "x", "reason": "r".repeat(LINE_LIMIT)})),
            EventFault::TooLong { .. }
        ));
    }

    #[test]
    fn two_salts_differ() {
        let salt = || Event::of_caller(&json!({})).unwrap().salt;
        assert_ne!(salt(), salt());
    }

    #[test]
    fn heads_of_another_spelling_are_refused() {
        let line = line_of(&Event::of_caller(&json!({"action": "x"})).unwrap());
        let line = String::from_utf8(line).unwrap();
        assert!(Head::parse(line.as_bytes()).is_some());
        for (from, to) in [
            ("\"seq\":7", "\"seq\":07"),
            ("\"seq\":7", "\"seq\":-7"),
            ("\"seq\":7", "\"seq\": 7"),
            ("\"seq\":7", "\"seq\":99999999999999999999"),
            ("\"boot\":\"ab", "\"boot\":\"AB"),
            ("\"x\"}", "\"x\"} "),
            ("\"x\"}", "\"x\""),
        ] {
            let other = line.replacen(from, to, 1);
            assert_eq!(Head::parse(other.as_bytes()), None, "{other}");
        }
    }
}
