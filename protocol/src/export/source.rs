//! An entry as exports read it.

use std::borrow::Cow;
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::DateTime;
use serde_json::Value;

use crate::inert::inert_bytes;

/// One entry: where it stands, its exact line, and what can be read in it.
#[derive(Clone, Debug)]
pub struct Source<'a> {
    origin: Option<&'a str>,
    line: Cow<'a, str>,
    entry: Value,
}

impl<'a> Source<'a> {
    /// Reads `line`, which stands in the journal `origin`, if that is known.
    pub fn new(origin: Option<&'a str>, line: &'a [u8]) -> Self {
        Self {
            origin,
            entry: serde_json::from_slice(line).unwrap_or(Value::Null),
            // What is not UTF-8 is damage, and shown as such.
            line: match std::str::from_utf8(line) {
                Ok(line) => Cow::Borrowed(line),
                Err(_) => Cow::Owned(inert_bytes(line)),
            },
        }
    }

    /// The journal that it stands in.
    pub fn origin(&self) -> Option<&str> {
        self.origin
    }

    /// The exact line; bytes that are not UTF-8 as `\xff`.
    pub fn line(&self) -> &str {
        &self.line
    }

    /// The value at a JSON pointer.
    pub fn value(&self, pointer: &str) -> Option<&Value> {
        self.entry.pointer(pointer)
    }

    /// The text at a JSON pointer, unless it is empty.
    pub fn text(&self, pointer: &str) -> Option<&str> {
        self.value(pointer)?
            .as_str()
            .filter(|text| !text.is_empty())
    }

    /// What happened; empty when it is not said.
    pub fn action(&self) -> &str {
        self.text("/action").unwrap_or_default()
    }

    /// Its number in the journal.
    pub fn seq(&self) -> Option<u64> {
        self.value("/seq")?.as_u64()
    }

    /// Microseconds since 1970 by its writer's clock.
    pub fn micros(&self) -> Option<i64> {
        let time = DateTime::parse_from_rfc3339(self.text("/time")?).ok()?;
        Some(time.timestamp_micros())
    }

    /// `ORIGIN#SEQ`: what no other entry has.
    pub fn uid(&self) -> Option<String> {
        Some(format!("{}#{}", self.origin?, self.seq()?))
    }

    /// The host that it is about: of a host's journal that host and no other, else the one that it names.
    pub fn host(&self) -> Option<&str> {
        match self
            .origin
            .map(|origin| origin.split('/').collect::<Vec<_>>())
        {
            Some(parts) if parts.len() == 5 && parts[2] == "host" => Some(parts[3]),
            _ => self.text("/resource/host"),
        }
    }

    /// The client's address, if it is one.
    pub fn address(&self) -> Option<&str> {
        let address = self.text("/origin/address")?;
        address.parse::<IpAddr>().ok().map(|_| address)
    }

    /// The client's port, if it is one.
    pub fn port(&self) -> Option<u16> {
        let port = self.value("/origin/port")?.as_u64()?;
        u16::try_from(port).ok()
    }

    /// The command's exact bytes, as far as the entry keeps them.
    pub fn command_bytes(&self) -> Option<Vec<u8>> {
        match (self.text("/command/line"), self.text("/command/base64")) {
            (Some(line), _) => Some(line.as_bytes().to_vec()),
            (None, Some(encoded)) => STANDARD.decode(encoded).ok(),
            (None, None) => None,
        }
    }

    /// The command as typed; bytes that are not UTF-8 as `\xff`.
    pub fn command(&self) -> Option<String> {
        if let Some(line) = self.text("/command/line") {
            return Some(line.to_owned());
        }
        self.command_bytes().map(|bytes| inert_bytes(&bytes))
    }

    /// For people: the reason, else the command, else the action.
    pub fn message(&self) -> String {
        match (self.text("/reason"), self.command()) {
            (Some(reason), _) => reason.to_owned(),
            (None, Some(command)) => command,
            (None, None) => self.action().to_owned(),
        }
    }
}
