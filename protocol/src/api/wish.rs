//! `POST /v1/windows/draft`.

use crate::cidr::Cidr;
use crate::hours::Hours;
use crate::line::Line;
use crate::name::{Account, HostName, InvalidName, Name};
use crate::sudo_item::SudoItem;
use crate::time::Time;
use crate::window::{Permit, WindowId};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A window before the CA has resolved groups and keys, and given it an id.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    /// For whom; absent means the caller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contractor: Option<Name>,
    /// Names, aliases and groups of hosts.
    pub hosts: Vec<HostOrGroup>,
    /// Unix accounts on them.
    pub accounts: Vec<Account>,
    /// What sudo may run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sudo: Vec<SudoItem>,
    /// The first second of it.
    pub starts: Time,
    /// The first second after it.
    pub ends: Time,
    /// When, within these; absent means always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<Hours>,
    /// Where logins may come from; absent means anywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sources: Option<Vec<Cidr>>,
    /// What a session may use besides running commands.
    pub permit: Vec<Permit>,
    /// Run in place of whatever is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub force_command: Option<Line<1024>>,
    /// The longest life of one certificate in seconds; absent means as long as the policy allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_certificate_ttl: Option<u64>,
    /// Why, for the approver.
    pub reason: Line<1024>,
    /// The reference of the order or incident.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<Line<128>>,
    /// The window that this one prolongs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extends: Option<WindowId>,
}

/// `db1`, or `@db-prod` for every host of a group.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum HostOrGroup {
    /// A name or alias.
    Host(HostName),
    /// A group.
    Group(Name),
}

/// Why a text is not a [`HostOrGroup`].
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(transparent)]
pub struct InvalidHostOrGroup(#[from] InvalidName);

impl FromStr for HostOrGroup {
    type Err = InvalidHostOrGroup;

    fn from_str(text: &str) -> Result<Self, InvalidHostOrGroup> {
        Ok(match text.strip_prefix('@') {
            Some(group) => Self::Group(group.parse()?),
            None => Self::Host(text.parse()?),
        })
    }
}

impl fmt::Display for HostOrGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(host) => host.fmt(f),
            Self::Group(group) => write!(f, "@{group}"),
        }
    }
}

serde_as_text!(HostOrGroup);
