//! The types of the CA's HTTPS API; routes and rules are in `docs/formats/api.md`.

mod enroll;
mod invitations;
mod wish;

pub use enroll::{Enrolled, Enrolment, JournalKeys, Renewal, Renewed, Retired, Retirement};
pub use invitations::{
    AcceptInvitation, Accepted, Invitation, Invitations, Invite, Invited, WithdrawInvitation,
    Withdrawn,
};
pub use wish::{HostOrGroup, InvalidHostOrGroup, Wish};

use crate::digest::Pin;
use crate::key::Key;
use crate::name::{Account, HostName, Name};
use crate::narrowing::SignedNarrowing;
use crate::roster::SignedRoster;
use crate::statement::SignedStatement;
use crate::time::Time;
use crate::window::WindowId;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Bytes in a request's body, at most.
pub const MAX_BODY: usize = 64 * 1024;
/// How long the CA holds back the answer to `GET /v1/state?after=NUMBER` while it has nothing newer: less than what
/// clients and middleboxes wait for.
pub const STATE_WAIT: std::time::Duration = std::time::Duration::from_secs(25);
/// Bytes in the body of `POST /v1/roster`, at most.
pub const MAX_ROSTER_BODY: usize = 512 * 1024;

/// Any answer that is not 2xx.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// What went wrong.
    pub error: Problem,
}

/// What went wrong.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Problem {
    /// A stable word in kebab-case.
    pub code: String,
    /// What happened, and what to do.
    pub message: String,
}

/// `GET /v1/about`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// The CA's name.
    pub ca: Pin,
    /// Of the program.
    pub version: String,
    /// By the CA's clock.
    pub time: Time,
    /// Whether roster 1 has been signed.
    pub active: bool,
    /// The newest roster's number; 1 before it is signed.
    pub roster: u64,
}

/// `GET /v1/ready`; when the CA is not ready, the answer is 503.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Ready {
    /// Always true.
    pub ready: bool,
}

/// `GET /v1/roster`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rosters {
    /// From roster 1 to the newest; before activation roster 1 alone, without signatures.
    pub chain: Vec<SignedRoster>,
}

/// The answer to `POST /v1/roster`, whose body is a [`SignedRoster`].
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RosterNumber {
    /// The roster now in force.
    pub number: u64,
}

/// `GET /v1/hosts`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Hosts {
    /// All enrolled hosts.
    pub hosts: Vec<Host>,
    /// The keys that sign host certificates, for `@cert-authority` lines.
    pub host_ca: Vec<Key>,
    /// The X.509 roots that are trusted, in PEM, the one that issues first; none until the first rotation begins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub x509: Vec<String>,
}

/// An enrolled host.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Host {
    /// Its name.
    pub name: HostName,
    /// Other names that windows may use for it.
    pub aliases: Vec<HostName>,
    /// The groups that it belongs to.
    pub groups: Vec<Name>,
    /// Since when.
    pub enrolled: Time,
    /// When its client certificate ends.
    pub expires: Time,
}

/// `POST /v1/hosts/tokens`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TokenWish {
    /// The name that the host gets; absent where machines name themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<HostName>,
    /// Other names that windows may use for it.
    #[serde(default)]
    pub aliases: Vec<HostName>,
    /// The groups that it will belong to.
    #[serde(default)]
    pub groups: Vec<Name>,
    /// How many machines it enrols; more than one only where they name themselves.
    #[serde(default = "once")]
    pub uses: u32,
    /// How long the token can be used, in seconds.
    pub ttl: u64,
    /// Whether the machine takes the place of the host that is enrolled under this name, which then is none any more. It keeps
    /// the aliases and groups of that one where none are given here.
    #[serde(default, skip_serializing_if = "is_not")]
    pub replace: bool,
}

fn is_not(word: &bool) -> bool {
    !*word
}

fn once() -> u32 {
    1
}

/// The answer to it.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// A [`crate::token::JoinToken`] as text.
    pub token: String,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// The answer to `POST /v1/windows/draft`, whose body is a [`Wish`].
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    /// The document's exact bytes, to be shown, hashed and signed.
    pub window: String,
}

/// `POST /v1/windows`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Submission {
    /// The document's exact bytes.
    pub window: String,
    /// A request or a grant.
    pub statement: SignedStatement,
}

/// What the CA says of a window.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct WindowView {
    /// The document's exact bytes.
    pub window: String,
    /// Where it stands.
    pub state: WindowState,
    /// What was said of it, in the order in which it came.
    pub statements: Vec<SignedStatement>,
    /// How it was narrowed since, in the order in which it came.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub narrowings: Vec<SignedNarrowing>,
}

/// Where a window stands.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum WindowState {
    /// Asked for.
    Requested,
    /// Approved, and not begun.
    Approved,
    /// Approved, between its beginning and its end.
    Open,
    /// Approved, and over.
    Closed,
    /// Denied.
    Denied,
    /// Ended early by its contractor or an approver.
    Ended,
    /// Revoked.
    Revoked,
    /// Not approved before its end.
    Lapsed,
}

impl WindowState {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Requested,
        Self::Approved,
        Self::Open,
        Self::Closed,
        Self::Denied,
        Self::Ended,
        Self::Revoked,
        Self::Lapsed,
    ];

    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Approved => "approved",
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Denied => "denied",
            Self::Ended => "ended",
            Self::Revoked => "revoked",
            Self::Lapsed => "lapsed",
        }
    }
}

impl fmt::Display for WindowState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl std::str::FromStr for WindowState {
    type Err = UnknownState;

    fn from_str(text: &str) -> Result<Self, UnknownState> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or(UnknownState)
    }
}

/// Why a text is not a [`WindowState`].
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected requested, approved, open, closed, denied, ended, revoked or lapsed")]
pub struct UnknownState;

/// `GET /v1/windows`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Windows {
    /// The newest first.
    pub windows: Vec<WindowView>,
}

/// `POST /v1/certificates`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateWish {
    /// A name or alias of the host.
    pub host: HostName,
    /// The Unix account there.
    pub account: Account,
    /// The key to certify.
    pub key: Key,
    /// Which window, where several would do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<WindowId>,
}

/// The answer to it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Issued {
    /// The line of a `-cert.pub` file.
    pub certificate: String,
    /// By which window.
    pub window: WindowId,
    /// The host's enrolled name.
    pub host: HostName,
    /// The first instant at which it opens no new session.
    pub valid_before: Time,
    /// The first instant after the window.
    pub window_ends: Time,
}

/// `GET /v1/journal`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Journal {
    /// Lines of the CA's journal, exactly.
    pub entries: Vec<String>,
}

/// The answer to a revocation.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Revoked {
    /// The number of the state that announces it.
    pub state: u64,
}
