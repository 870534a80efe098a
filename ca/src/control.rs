//! The control socket: what root on this machine may have the running service do (`docs/formats/control.md`).
//!
//! The journal has one writer and the keys are open in the service alone, so commands ask it instead of doing the work
//! beside it. Who asks is told by the kernel: root and the service's own user are answered, nobody else.

mod answer;
pub mod client;
pub mod server;

use std::sync::Arc;

use daypass_protocol::api::TokenWish;
use serde::{Deserialize, Serialize};

use crate::authority::Authority;
use crate::forwarding::Forwarding;

/// Bytes in a question, at most.
pub const MAX_QUESTION: usize = 64 * 1024;
/// Bytes in an answer, at most.
pub const MAX_ANSWER: usize = 1024 * 1024;

/// What can be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "do",
    content = "with",
    rename_all = "kebab-case",
    deny_unknown_fields
)]
pub enum Question {
    /// How the CA fares.
    Status(Nothing),
    /// Admit a collector: the request's text.
    CollectorAdd(String),
    /// Tell of the collector at this address no longer.
    CollectorRemove(String),
    /// Make a join token.
    HostToken(TokenWish),
    /// Hand the CA's own journal over to a new log key.
    RenewLogKey(Nothing),
    /// Erase entries of the CA's own journal, or tell how many it would be.
    Erase(Erasure),
}

/// What is to be erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Erasure {
    /// All entries that name this person …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// … or entries by their numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entries: Vec<u64>,
    /// Why; it is kept. 1 to [`LONGEST_REASON`] bytes.
    pub reason: String,
    /// Whether it is meant; otherwise nothing is done.
    pub confirmed: bool,
}

/// The longest reason of an erasure, bytes.
pub const LONGEST_REASON: usize = 500;

/// The answer to [`Question::Erase`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Erased {
    /// How many entries.
    pub entries: usize,
    /// The entries that say so; none when nothing was done.
    pub said_by: Vec<u64>,
}

/// The answer to [`Question::RenewLogKey`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RenewedLogKey {
    /// The entry that says so, sealed by the key before.
    pub entry: u64,
    /// The new key, as a vkey.
    pub key: String,
}

/// An empty object.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Answer {
    /// It was done; what came of it.
    Done(serde_json::Value),
    /// It was not.
    Refused(Problem),
}

/// Why it was not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Problem {
    /// A stable word in kebab-case.
    pub code: String,
    /// What happened, and what to do.
    pub message: String,
}

/// The answer to [`Question::Status`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Status {
    /// The pin.
    pub ca: String,
    /// The line for `daypass setup`.
    pub setup: String,
    /// Whether roster 1 was signed.
    pub active: bool,
    /// The newest roster's number.
    pub roster: u64,
    /// Who may sign the next roster, while roster 1 is unsigned: its admins.
    pub admins: Vec<String>,
    /// The collectors.
    pub collectors: Vec<CollectorView>,
    /// How the CA's own journal gets there.
    pub forwarding: ForwardingView,
}

/// How the forwarding of the CA's own journal fares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForwardingView {
    /// In one line, for people.
    pub standing: String,
    /// Entries that are sealed here.
    pub sealed: u64,
    /// Entries that a collector has cosigned.
    pub cosigned: u64,
}

/// What the control socket works with.
#[derive(Clone)]
pub struct Service {
    /// The CA.
    pub authority: Arc<Authority>,
    /// The forwarder of its journal.
    pub forwarding: Arc<Forwarding>,
}

/// A collector.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CollectorView {
    /// Where it answers.
    pub url: String,
    /// The key that it cosigns with.
    pub witness: String,
    /// The one that comes after it, while that is being renewed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heir: Option<String>,
    /// The names in its certificate.
    pub names: Vec<String>,
    /// Since when.
    pub added: String,
    /// When its certificate ends.
    pub expires: String,
}
