//! The vocabulary of journal entries.
//!
//! The journal puts the head of each line (`seq`, `time`, `boot`, `mono`, `salt`) before what stands here; see
//! `docs/formats/events.md`.

mod action;
mod command;
pub mod reading;

pub use action::{Action, UnknownAction};
pub use command::{Command, MAX_LINE, Typed, spell};

use crate::key::Fingerprint;
use crate::name::{HostName, Name};
use crate::window::WindowId;
use serde::Serialize;
use serde_json::{Map, Value};
use std::net::IpAddr;

/// Something that happened. Build it from [`Event::new`]; what is not known stays absent.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Event {
    action: Action,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<Outcome>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<Identity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<Resource>,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<Origin>,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<Command>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    detail: Map<String, Value>,
}

/// How it ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Somebody asked, and may.
    Allowed,
    /// Somebody asked, and may not.
    Denied,
    /// It has been done.
    Done,
    /// It was tried in vain.
    Failed,
}

/// Who did it.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Identity {
    /// The person, by the roster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<Name>,
    /// The Unix account; any text, since not every account of a host has a name that we would give.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Its number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// By which window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<WindowId>,
    /// With which certificate; a decimal string in JSON, since many readers round large numbers.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_text")]
    pub serial: Option<u64>,
    /// With which key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Fingerprint>,
}

/// What it was done to.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Resource {
    /// The host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<HostName>,
    /// The PAM service, or the route of an API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The target account of a sudo.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
}

/// Where it came from.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Origin {
    /// The client's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// The client's port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The terminal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tty: Option<String>,
    /// The agent's session: `s-` and 16 hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// What it came through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub via: Option<String>,
}

impl Event {
    /// An event of which only this is known yet.
    pub fn new(action: Action) -> Self {
        Self {
            action,
            outcome: None,
            code: None,
            reason: None,
            identity: None,
            resource: None,
            origin: None,
            command: None,
            detail: Map::new(),
        }
    }

    /// How it ended.
    #[must_use]
    pub fn outcome(self, outcome: Outcome) -> Self {
        Self {
            outcome: Some(outcome),
            ..self
        }
    }

    /// Why: a stable word in kebab-case for programs, a sentence for people.
    #[must_use]
    pub fn because(self, code: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            code: Some(code.into()),
            reason: Some(reason.into()),
            ..self
        }
    }

    /// Who did it.
    #[must_use]
    pub fn by(self, identity: Identity) -> Self {
        Self {
            identity: Some(identity),
            ..self
        }
    }

    /// What it was done to.
    #[must_use]
    pub fn on(self, resource: Resource) -> Self {
        Self {
            resource: Some(resource),
            ..self
        }
    }

    /// Where it came from.
    #[must_use]
    pub fn from(self, origin: Origin) -> Self {
        Self {
            origin: Some(origin),
            ..self
        }
    }

    /// The command line.
    #[must_use]
    pub fn command(self, command: Command) -> Self {
        Self {
            command: Some(command),
            ..self
        }
    }

    /// The same, of which the whole command line is kept beside the journal.
    #[must_use]
    pub fn with_command_kept(self) -> Self {
        Self {
            command: self.command.map(Command::kept),
            ..self
        }
    }

    /// One more thing to know, under a key that the action defines.
    #[must_use]
    pub fn detail(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.detail.insert(key.to_owned(), value.into());
        self
    }

    /// What happened.
    pub fn action(&self) -> Action {
        self.action
    }
}

fn as_text<S: serde::Serializer>(serial: &Option<u64>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&serial.unwrap_or_default())
}
