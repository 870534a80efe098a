//! Examples in rules: what is said in a few words becomes whole entries.

use std::fmt;

use daypass_protocol::name::HostName;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Rule;
use super::bursts::Bursts;
use super::period::Period;
use crate::alerts::subject::Subject;

/// When examples happen that do not say when: a Monday morning, in microseconds since 1970.
const MONDAY: i64 = 1_795_428_000_000_000;

/// Something that happens once or several times.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Example {
    /// A command line as typed, asked of sudo by a contractor on db1.
    command: Option<String>,
    /// Parts of an entry; what is not said of a command is as above, other entries have nothing more.
    entry: Option<Map<String, Value>>,
    /// Whose journal it stands in.
    #[serde(default)]
    journal: Journal,
    /// Which host's journal, and the host that is spoken of: db1 when nothing is said.
    host: Option<HostName>,
    /// How often; once when nothing is said.
    times: Option<u16>,
    /// With what time between; a second when nothing is said.
    every: Option<Period>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Journal {
    #[default]
    Host,
    Ca,
    Collector,
}

impl Journal {
    fn origin(self, host: &str) -> String {
        let owner = match self {
            Self::Host => format!("host/{host}"),
            Self::Ca => "ca".to_owned(),
            Self::Collector => "collector".to_owned(),
        };
        format!("daypass/0123456789abcdef/{owner}/00000000000000ff")
    }
}

impl Example {
    /// Whether the rule, and it alone, fires for it.
    pub(super) fn fires(&self, rule: &Rule) -> bool {
        let mut bursts = Bursts::default();
        let step = self.every.map_or(1_000_000, Period::micros);
        let origin = self.journal.origin(self.host());
        let mut has_fired = false;
        for number in 0..i64::from(self.times.unwrap_or(1)) {
            let line = self
                .line(MONDAY.saturating_add(number.saturating_mul(step)))
                .to_string();
            let subject = Subject::new(&origin, line.as_bytes());
            has_fired |= rule.fires(&subject, &mut bursts);
        }
        has_fired
    }

    fn host(&self) -> &str {
        self.host.as_ref().map_or("db1", HostName::as_str)
    }

    fn line(&self, micros: i64) -> Value {
        let time = chrono::DateTime::from_timestamp_micros(micros).unwrap_or_default();
        let mut entry =
            json!({"seq": 7, "time": time.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)});
        if let Some(command) = &self.command {
            merge(
                &mut entry,
                json!({
                    "action": "sudo.request",
                    "outcome": "allowed",
                    "identity": {"person": "carol", "account": "deploy", "window": "w-example"},
                    "resource": {"host": self.host(), "service": "daypass-sudo"},
                    "origin": {"session": "s-0123456789abcdef"},
                    "command": {"line": command},
                }),
            );
        }
        merge(
            &mut entry,
            Value::Object(self.entry.clone().unwrap_or_default()),
        );
        entry
    }
}

fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}

impl fmt::Display for Example {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        parts.extend(self.command.clone());
        parts.extend(
            self.entry
                .as_ref()
                .map(|entry| Value::Object(entry.clone()).to_string()),
        );
        parts.extend(self.times.map(|times| format!("{times} times")));
        f.write_str(&daypass_protocol::inert::inert(&parts.join(", ")))
    }
}
