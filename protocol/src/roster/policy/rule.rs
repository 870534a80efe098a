//! One rule: where it applies, and what it asks for.

use super::{ApprovalKeys, MAX_ENTRIES, bounded_seconds, one_to_ten};
use crate::cidr::Cidr;
use crate::name::{Account, HostName, Name};
use crate::place::Place;
use crate::roster::Role;
use crate::sudo_item::SudoItem;
use crate::window::Window;
use serde::{Deserialize, Deserializer, Serialize};

/// Asks more of the windows to which it applies. A key that is absent does not narrow where it applies.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// By which it is named when it refuses something.
    pub name: Name,
    /// For windows of one of these hosts …
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<HostName>,
    /// … or of a host in one of these groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Name>,
    /// For windows of one of these accounts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<Account>,
    /// For windows with sudo of this kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sudo: Option<SudoScope>,
    /// What it asks for.
    pub require: Require,
}

/// Which sudo items a rule means.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SudoScope {
    /// Any item at all.
    Any,
    /// Items that are as good as root.
    Root,
}

/// What a rule asks for; at least one key is there.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Require {
    /// So many approvals, 1 to 10; 1 where only their signers are narrowed.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "some_one_to_ten"
    )]
    pub approvals: Option<u8>,
    /// Counted are those of approvers who also have one of these roles …
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub from_roles: Vec<Role>,
    /// … or who are one of these people.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub from_people: Vec<Name>,
    /// Nobody else may have such a window; an empty list means nobody at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contractors: Option<Vec<Name>>,
    /// The longest window, in seconds.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "some_seconds"
    )]
    pub max_window: Option<u64>,
    /// The longest life of a certificate, in seconds.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "some_seconds"
    )]
    pub max_certificate_ttl: Option<u64>,
    /// The window names sources, each within one of these networks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<Cidr>,
    /// What approvals must be signed with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval_keys: Option<ApprovalKeys>,
}

/// Why a rule cannot be one.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidRule {
    /// Nothing is asked for.
    #[error("it requires nothing")]
    Idle,
    /// A list that is too long.
    #[error("{list} has {found} entries, at most 64 are allowed")]
    TooMany {
        /// The key in the document.
        list: &'static str,
        /// How many.
        found: usize,
    },
}

impl Rule {
    pub(super) fn check(&self) -> Result<(), InvalidRule> {
        if self.require == Require::default() {
            return Err(InvalidRule::Idle);
        }
        let require = &self.require;
        for (list, found) in [
            ("hosts", self.hosts.len()),
            ("groups", self.groups.len()),
            ("accounts", self.accounts.len()),
            ("from_roles", require.from_roles.len()),
            ("from_people", require.from_people.len()),
            (
                "contractors",
                require.contractors.as_ref().map_or(0, Vec::len),
            ),
            ("sources", require.sources.len()),
        ] {
            if found > MAX_ENTRIES {
                return Err(InvalidRule::TooMany { list, found });
            }
        }
        Ok(())
    }

    /// Whether it applies to `window` as far as these hosts are concerned.
    pub fn applies_to(&self, window: &Window, places: &[Place]) -> bool {
        self.is_about(places)
            && (self.accounts.is_empty()
                || window
                    .accounts
                    .iter()
                    .any(|account| self.accounts.contains(account)))
            && match self.sudo {
                None => true,
                Some(SudoScope::Any) => !window.sudo.is_empty(),
                Some(SudoScope::Root) => window.sudo.iter().any(SudoItem::is_root_equivalent),
            }
    }

    fn is_about(&self, places: &[Place]) -> bool {
        let everywhere = self.hosts.is_empty() && self.groups.is_empty();
        // Where nothing is known of the hosts, every rule might be about one of them.
        everywhere
            || places.is_empty()
            || places
                .iter()
                .any(|place| place.is_among(&self.hosts, &self.groups))
    }
}

impl Require {
    /// Whether anything is asked of approvals.
    pub(super) fn is_about_approvals(&self) -> bool {
        self.approvals.is_some() || !self.from_roles.is_empty() || !self.from_people.is_empty()
    }
}

fn some_one_to_ten<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u8>, D::Error> {
    one_to_ten(deserializer).map(Some)
}

fn some_seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    bounded_seconds(deserializer).map(Some)
}
