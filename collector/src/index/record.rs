//! What the index knows of an entry. Hosts write entries: nothing in one is trusted to be there, or of its type.

use chrono::DateTime;
use daypass_protocol::event::reading;
use serde_json::Value;

use crate::origin::{Origin, Owner};

/// An entry, with what it can be found by. What an entry does not say is empty.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Record {
    /// Whose journal it stands in.
    pub log: Origin,
    /// Its sequence number there.
    pub seq: u64,
    /// Microseconds since 1970, by the clock of its writer; 0 when it cannot be read.
    pub time: i64,
    /// The host that it is about: of a host's journal, that host and no other; of the CA's and the collector's, the one it names.
    pub host: String,
    /// `action`.
    pub action: String,
    /// `outcome`.
    pub outcome: String,
    /// `identity.person`.
    pub person: String,
    /// `identity.account`.
    pub account: String,
    /// `resource.account`.
    pub target: String,
    /// `identity.window`.
    pub window: String,
    /// `origin.session`.
    pub session: String,
    /// `reason`.
    pub reason: String,
    /// The command's bytes.
    pub command: Vec<u8>,
    /// The exact line.
    pub line: String,
}

impl Record {
    /// Reads the entry `seq` of `log`.
    pub fn of(log: &Origin, seq: u64, line: &str) -> Self {
        let entry: Value = serde_json::from_str(line).unwrap_or(Value::Null);
        let text = |pointer: &str| reading::text(&entry, pointer).to_owned();
        let host = match log.owner() {
            Owner::Host(name) => name.to_string(),
            Owner::Ca | Owner::Collector => text("/resource/host"),
        };
        Self {
            log: log.clone(),
            seq,
            time: micros(&text("/time")),
            host,
            action: text("/action"),
            outcome: text("/outcome"),
            person: text("/identity/person"),
            account: text("/identity/account"),
            target: text("/resource/account"),
            window: text("/identity/window"),
            session: text("/origin/session"),
            reason: text("/reason"),
            command: reading::command(&entry).unwrap_or_default(),
            line: line.to_owned(),
        }
    }
}

fn micros(time: &str) -> i64 {
    DateTime::parse_from_rfc3339(time).map_or(0, |time| time.timestamp_micros())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(owner: &str, line: &str) -> Record {
        let log = format!("daypass/0123456789abcdef/{owner}/00000000000000ff");
        Record::of(&log.parse().unwrap(), 4, line)
    }

    #[test]
    fn an_entry_is_found_by_what_it_says() {
        let record = of(
            "host/db1",
            r#"{"seq":4,"time":"2026-11-23T10:00:00.000001Z","action":"sudo.request",
            "identity":{"person":"carol","account":"deploy","window":"w-1"},
            "resource":{"host":"db1","account":"root"},"outcome":"allowed","origin":{"session":"s-1"},"command":{"line":"id -u"}}"#,
        );
        assert_eq!(record.time, 1_795_428_000_000_001);
        assert_eq!(record.action, "sudo.request");
        assert_eq!(
            [
                &record.person,
                &record.account,
                &record.target,
                &record.window
            ],
            ["carol", "deploy", "root", "w-1"]
        );
        assert_eq!((&*record.outcome, &*record.session), ("allowed", "s-1"));
        assert_eq!(record.command, b"id -u");
    }

    #[test]
    fn bytes_that_are_not_utf_8_are_found_as_they_were_typed() {
        let record = of("host/db1", r#"{"command":{"base64":"cm3/"}}"#);
        assert_eq!(record.command, b"rm\xff");
    }

    #[test]
    fn a_host_speaks_for_itself_only() {
        let line = r#"{"resource":{"host":"db2"}}"#;
        assert_eq!(of("host/db1", line).host, "db1");
        assert_eq!(of("ca", line).host, "db2");
    }

    #[test]
    fn what_cannot_be_read_is_kept_and_found_by_nothing() {
        for line in [
            "",
            "null",
            "[]",
            r#"{"time":7,"action":{},"identity":"x"}"#,
            "{\"a\":",
        ] {
            let record = of("host/db1", line);
            assert_eq!((record.time, record.action.as_str()), (0, ""), "{line}");
            assert_eq!(record.line, line);
        }
    }
}
