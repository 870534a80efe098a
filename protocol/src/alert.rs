//! Alerts, as receivers and readers get them; `docs/formats/alerts.md`.

use serde::{Deserialize, Serialize};

use crate::time::Time;

/// How bad it is.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    #[default]
    Info,
    /// To be looked at some day.
    Low,
    /// To be looked at today.
    Medium,
    /// To be looked at now.
    High,
    /// Somebody works against you, or something is broken that must not be.
    Critical,
}

impl Severity {
    /// All of them, the least first.
    pub const ALL: [Self; 5] = [
        Self::Info,
        Self::Low,
        Self::Medium,
        Self::High,
        Self::Critical,
    ];

    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// What a rule found. Texts of hosts and contractors stand in it inert; what is not known is absent.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Alert {
    /// Always 1.
    pub v: u32,
    /// `a-` and 16 hexadecimal digits; the same for the same entry and rule.
    pub id: String,
    /// Which rule.
    pub rule: String,
    /// What happened.
    pub title: String,
    /// How bad it is.
    pub severity: Severity,
    /// How often the same came since, this one included.
    pub count: u64,
    /// By the collector's clock.
    pub raised: Time,
    /// By the writer's clock, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// What two alerts of the rule share that are the same.
    pub subject: String,
    /// Who did it.
    pub who: Who,
    /// What was done.
    pub what: What,
    /// Where.
    #[serde(rename = "where")]
    pub place: Place,
    /// By which window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<String>,
    /// Who let them in.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub approved_by: Vec<String>,
    /// The entry that it is about.
    pub entry: EntryName,
    /// The command that shows more.
    pub see: String,
    /// A URL that shows more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// All of it in a few sentences.
    pub text: String,
}

/// Who did it.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Who {
    /// By the roster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// The Unix account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// With which key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// With which certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
}

/// What was done.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct What {
    /// The entry's word.
    pub action: String,
    /// How it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// The command line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// The entry's sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Where it was done.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Place {
    /// The host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The PAM service, or the route of an API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The target account of a sudo.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The client's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The terminal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tty: Option<String>,
    /// The agent's session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
}

/// One entry of one journal.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct EntryName {
    /// The journal.
    pub origin: String,
    /// The number in it.
    pub seq: u64,
}

/// `GET /v1/alerts`.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Alerts {
    /// Newest first.
    pub alerts: Vec<Listed>,
    /// Where the next page goes on; absent when there is no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

/// One alert, and what became of its letters.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Listed {
    /// Its place in the list.
    pub number: u64,
    /// As it was first told.
    pub alert: Alert,
    /// How often it came.
    pub count: u64,
    /// By the collector's clock, of the last that was counted.
    pub last: Time,
    /// One for each destination and each time that it was told.
    pub letters: Vec<LetterState>,
}

/// What became of one letter.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct LetterState {
    /// For whom.
    pub destination: String,
    /// `waiting`, `delivered` or `dead`.
    pub state: String,
}

/// `GET /v1/alerts/dead`.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct DeadLetters {
    /// Newest first.
    pub letters: Vec<DeadLetter>,
    /// Where the next page goes on; absent when there is no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

/// A letter that was given up.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct DeadLetter {
    /// Its number.
    pub letter: u64,
    /// For whom.
    pub destination: String,
    /// What stands in it.
    pub alert: Alert,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was given up.
    pub since: Time,
    /// Why it was not taken.
    pub error: String,
}

/// `POST /v1/alerts/dead/retry`; all when there are none.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// Which.
    #[serde(default)]
    pub letters: Vec<u64>,
}

/// What it answers.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Retried {
    /// How many are tried again.
    pub retried: u64,
}

/// `POST /v1/alerts/test`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Test {
    /// Inclusive, RFC 3339.
    pub since: String,
    /// Exclusive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// The text of a site's file of rules, in place of the one in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<String>,
}

/// What rules would have told.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Replay {
    /// Rules that were tried.
    pub rules: u64,
    /// Entries that were judged.
    pub entries: u64,
    /// Whether all were; else the time was up, or there were too many alerts.
    pub complete: bool,
    /// In the order of their time.
    pub alerts: Vec<Alert>,
}

/// `GET /v1/alerts/destinations`.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Destinations {
    /// In the order of the configuration.
    pub destinations: Vec<Destination>,
}

/// Where alerts go, and how that stands.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Destination {
    /// As it is configured.
    pub name: String,
    /// `webhook`, `syslog` or `mail`.
    pub kind: String,
    /// What is less severe is not sent.
    pub severity: Severity,
    /// Letters that wait.
    pub waiting: u64,
    /// Letters that were given up.
    pub dead: u64,
    /// Letters that were taken.
    pub delivered: u64,
    /// Why the one that waits longest was not taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// `GET /v1/exports`.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Exports {
    /// In the order of the configuration.
    pub exports: Vec<Export>,
}

/// Where entries go as they come in, and how far that is.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Export {
    /// As it is configured.
    pub name: String,
    /// The address, or the socket.
    pub to: String,
    /// Entries that the receiver has, since the export was set up.
    pub confirmed: u64,
    /// When that was last said.
    pub last: Time,
    /// Stored segments that it does not have.
    pub segments_behind: u64,
    /// What keeps it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strict_json;

    #[test]
    fn the_last_page_is_read_as_strictly_as_every_other_answer() {
        let last = Alerts {
            alerts: Vec::new(),
            next: None,
        };
        let read: Alerts = strict_json::parse_document(&strict_json::write(&last), 1024).unwrap();
        assert_eq!(read.next, None);
        let dead = DeadLetters {
            letters: Vec::new(),
            next: None,
        };
        let read: DeadLetters =
            strict_json::parse_document(&strict_json::write(&dead), 1024).unwrap();
        assert_eq!(read.next, None);
    }
}
