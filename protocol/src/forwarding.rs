//! The types of the collector's HTTPS API; routes and rules are in `docs/formats/forwarding.md`.

use crate::digest::Pin;
use crate::time::Time;
use serde::{Deserialize, Serialize};

/// Bytes of lines in one upload, at most.
pub const MAX_LINES: usize = 4 * 1024 * 1024;

/// What a collector holds of a journal.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Standing {
    /// So many entries.
    pub size: u64,
    /// The root of their tree, in base64.
    pub root: String,
    /// Checkpoint and cosignature, a signed note; absent while nothing is held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cosignature: Option<String>,
}

/// `GET /v1/about`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// The CA whose journals it takes.
    pub ca: Pin,
    /// Of the program.
    pub version: String,
    /// By the collector's clock.
    pub time: Time,
    /// The key that it cosigns with, as a C2SP vkey.
    pub witness: String,
}

/// `GET /v1/entries`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Entries {
    /// What was found, in the order asked for.
    pub entries: Vec<Found>,
    /// With which the question goes on; absent when there is no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// An entry, and whose journal it stands in.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Found {
    /// The journal's origin.
    pub origin: String,
    /// The line, exactly.
    pub entry: String,
}

/// `GET /v1/sessions`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Sessions {
    /// Those that go on, by the time of their beginning.
    pub sessions: Vec<Session>,
    /// With which the question goes on; absent when there is no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// `GET /v1/sessions/SESSION`: a session, and the entries that tell of it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Story {
    /// The session.
    pub session: Session,
    /// Of its host's journal and of the CA's, in the order of time.
    pub entries: Vec<Found>,
    /// With which the question goes on; absent when there is no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A session, as journals tell of it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    /// Its id.
    pub session: String,
    /// The origin of the journal that it stands in.
    pub origin: String,
    /// The host.
    pub host: String,
    /// The entry that opened it.
    pub seq: u64,
    /// Which service opened it.
    pub service: String,
    /// The contractor; absent for everybody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// The account.
    pub account: String,
    /// From where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// By which window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<String>,
    /// Who approved that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approved_by: Vec<String>,
    /// When it was opened.
    pub since: Time,
    /// When it will be ended, or should have been.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
    /// How it stands.
    pub state: SessionState,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Time>,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ending: Option<Ending>,
    /// When something of its host's journal came in last; absent once it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heard: Option<Time>,
}

/// How a session stands.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SessionState {
    /// It goes on.
    Live,
    /// Its time is up, and nothing is known of an end.
    Overdue,
    /// Nothing is heard of its host any more, so nothing is known of an end.
    Silent,
    /// Its host was enrolled anew since, without a word of an end.
    Lost,
    /// It is over.
    Over,
}

/// How a session ended.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// By itself.
    Closed,
    /// By force.
    Ended,
    /// With its host, which was started anew.
    Restarted,
    /// Nobody knows: the agent was started anew, and follows contractors' sessions only across that.
    Untracked,
}

impl Ending {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Closed, Self::Ended, Self::Restarted, Self::Untracked];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Ended => "ended",
            Self::Restarted => "restarted",
            Self::Untracked => "untracked",
        }
    }
}

/// The path at which a collector keeps the journal `origin`.
pub fn log_path(origin: &str) -> String {
    format!("/v1/logs/{}", origin.replace('/', "%2F"))
}
