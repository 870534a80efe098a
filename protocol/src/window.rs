//! The window: who may come in, where, as whom, when, and what they may do there.
//!
//! The format is in `docs/formats/documents.md`.

mod frozen;
mod id;

pub use frozen::{Error, FrozenWindow, MAX_DOCUMENT};
pub use id::{InvalidWindowId, WindowId};

use crate::cidr::Cidr;
use crate::digest::Pin;
use crate::hours::Hours;
use crate::key::Fingerprint;
use crate::line::Line;
use crate::name::{Account, HostName, Name};
use crate::sudo_item::SudoItem;
use crate::time::Time;
use crate::version::Version;
use serde::{Deserialize, Serialize};

/// The document's content. A value of this type is a draft like any other until [`FrozenWindow`] holds it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// Always 1.
    pub v: Version<1>,
    /// The window's own name, and the only principal of its certificates.
    pub id: WindowId,
    /// The CA that it is for.
    pub ca: Pin,
    /// Who comes in.
    pub contractor: Name,
    /// The contractor's keys at the time of freezing; 1 to 16.
    pub keys: Vec<Fingerprint>,
    /// Hosts, groups resolved; 1 to 256, sorted, without doubles.
    pub hosts: Vec<HostName>,
    /// Unix accounts on those hosts; 1 to 16, without doubles.
    pub accounts: Vec<Account>,
    /// What sudo may run; 0 to 256.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sudo: Vec<SudoItem>,
    /// The first second of it.
    pub starts: Time,
    /// The first second after it.
    pub ends: Time,
    /// When, within `starts` and `ends`; absent means always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<Hours>,
    /// Where logins may come from; absent means anywhere; 1 to 64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sources: Option<Vec<Cidr>>,
    /// What a session may use besides running commands.
    pub permit: Vec<Permit>,
    /// Run in place of whatever is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub force_command: Option<Line<1024>>,
    /// The longest life of one certificate in seconds; 60 to 31,536,000.
    pub max_certificate_ttl: u64,
    /// Why, for the approver.
    pub reason: Line<1024>,
    /// The reference of the order or incident.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<Line<128>>,
    /// The window that this one prolongs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extends: Option<WindowId>,
}

/// What a certificate permits, by the names of OpenSSH's `permit-…` extensions. There is no `user-rc`: it would run
/// the account's files before anything is watched.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub enum Permit {
    /// A terminal.
    #[serde(rename = "pty")]
    Pty,
    /// TCP and socket forwarding.
    #[serde(rename = "port-forwarding")]
    PortForwarding,
    /// The contractor's ssh-agent on the host.
    #[serde(rename = "agent-forwarding")]
    AgentForwarding,
    /// X11.
    #[serde(rename = "X11-forwarding")]
    X11Forwarding,
}

impl Permit {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Pty,
        Self::PortForwarding,
        Self::AgentForwarding,
        Self::X11Forwarding,
    ];

    /// The word in a window.
    pub fn as_str(self) -> &'static str {
        &self.extension()["permit-".len()..]
    }

    /// The certificate extension.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Pty => "permit-pty",
            Self::PortForwarding => "permit-port-forwarding",
            Self::AgentForwarding => "permit-agent-forwarding",
            Self::X11Forwarding => "permit-X11-forwarding",
        }
    }
}

impl std::str::FromStr for Permit {
    type Err = InvalidPermit;

    fn from_str(text: &str) -> Result<Self, InvalidPermit> {
        Self::ALL
            .into_iter()
            .find(|permit| permit.as_str() == text)
            .ok_or(InvalidPermit)
    }
}

impl std::fmt::Display for Permit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// Why a text is not a [`Permit`].
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected pty, port-forwarding, agent-forwarding or X11-forwarding")]
pub struct InvalidPermit;

impl Window {
    /// Whether the document's time, hours not considered, has begun and not ended: `starts ≤ now < ends`.
    pub fn spans(&self, now: Time) -> bool {
        self.starts <= now && now < self.ends
    }

    /// Whether who is in by `old` may stay in by this: it names it, ends later, and allows no less of what a session was
    /// given. What it allows beyond that, a running session does not get.
    pub fn prolongs(&self, old: &Self) -> bool {
        self.extends == Some(old.id)
            && self.ca == old.ca
            && self.contractor == old.contractor
            && self.ends > old.ends
            && old.sudo.iter().all(|item| self.sudo.contains(item))
            && old.permit.iter().all(|permit| self.permit.contains(permit))
            && self.force_command == old.force_command
            && (self.sources.is_none() || self.sources == old.sources)
    }

    /// From beginning to end, in seconds.
    pub fn length(&self) -> u64 {
        self.ends.since(self.starts).unsigned_abs()
    }
}
