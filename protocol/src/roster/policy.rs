//! The rules that a roster sets.
//!
//! What stands at the top holds for every window; each rule asks for more where it applies, never for less; what is
//! approved in advance needs no approvals and must keep every other rule.

mod demand;
mod rule;
mod standing;

pub use demand::{By, Demand, Unmet, demands};
pub use rule::{InvalidRule, Require, Rule, SudoScope};
pub use standing::{InvalidStanding, Standing};

use crate::sshsig::Presence;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Rules, and approvals in advance, in one policy; names in one list.
pub(crate) const MAX_ENTRIES: usize = 64;

/// Every key is optional in the document and has the default named here.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// How many people must approve a window: 1 to 10, default 1.
    #[serde(deserialize_with = "one_to_ten")]
    pub approvals: u8,
    /// How many admins must sign the next roster: 1 to 10, default 1.
    #[serde(deserialize_with = "one_to_ten")]
    pub roster_signatures: u8,
    /// How many admins must sign the next roster when it changes the policy, where that is more than
    /// `roster_signatures`: 1 to 10, default 1.
    #[serde(deserialize_with = "one_to_ten", skip_serializing_if = "is_one")]
    pub policy_signatures: u8,
    /// The longest window in seconds: 60 to ten years, default 30 days.
    #[serde(deserialize_with = "bounded_seconds")]
    pub max_window: u64,
    /// The longest life of a certificate in seconds: 60 to ten years, default one hour.
    #[serde(deserialize_with = "bounded_seconds")]
    pub max_certificate_ttl: u64,
    /// What an approval must be signed with, default any enrolled key.
    #[serde(skip_serializing_if = "ApprovalKeys::is_any")]
    pub approval_keys: ApprovalKeys,
    /// What some windows need besides; at most 64, of different names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
    /// Windows that are approved in advance; at most 64, of different names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub standing: Vec<Standing>,
}

/// What an approval must be signed with; each includes those after it.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(rename_all = "lowercase")]
pub enum ApprovalKeys {
    /// Any key that the roster lists.
    #[default]
    Any,
    /// A security key that somebody touched.
    Touched,
    /// A security key that verified its user, by PIN or fingerprint.
    Verified,
}

/// Why a policy cannot be one.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidPolicy {
    /// Too many rules or approvals in advance.
    #[error("the policy has {found} {list}, at most 64 are allowed")]
    TooMany {
        /// The key in the document.
        list: &'static str,
        /// How many.
        found: usize,
    },
    /// Two entries of one name.
    #[error("the policy has two {list} called {name}")]
    NameTwice {
        /// The key in the document.
        list: &'static str,
        /// The name.
        name: crate::name::Name,
    },
    /// A rule.
    #[error("the policy's rule {name}: {source}")]
    Rule {
        /// Its name.
        name: crate::name::Name,
        /// What is wrong with it.
        source: InvalidRule,
    },
    /// An approval in advance.
    #[error("the policy's standing window {name}: {source}")]
    Standing {
        /// Its name.
        name: crate::name::Name,
        /// What is wrong with it.
        source: InvalidStanding,
    },
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            approvals: 1,
            roster_signatures: 1,
            policy_signatures: 1,
            max_window: 30 * 86_400,
            max_certificate_ttl: 3600,
            approval_keys: ApprovalKeys::Any,
            rules: Vec::new(),
            standing: Vec::new(),
        }
    }
}

impl Policy {
    /// Whether the rules and the approvals in advance can be read in one way only.
    pub fn check(&self) -> Result<(), InvalidPolicy> {
        named_once("rules", self.rules.iter().map(|rule| &rule.name))?;
        named_once("standing", self.standing.iter().map(|entry| &entry.name))?;
        for rule in &self.rules {
            rule.check().map_err(|source| InvalidPolicy::Rule {
                name: rule.name.clone(),
                source,
            })?;
        }
        for entry in &self.standing {
            entry.check().map_err(|source| InvalidPolicy::Standing {
                name: entry.name.clone(),
                source,
            })?;
        }
        Ok(())
    }
}

impl ApprovalKeys {
    fn is_any(&self) -> bool {
        *self == Self::Any
    }

    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Touched => "touched",
            Self::Verified => "verified",
        }
    }
}

impl fmt::Display for ApprovalKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl From<Presence> for ApprovalKeys {
    fn from(presence: Presence) -> Self {
        match presence {
            Presence::Unknown => Self::Any,
            Presence::Touched => Self::Touched,
            Presence::Verified => Self::Verified,
        }
    }
}

fn named_once<'a>(
    list: &'static str,
    names: impl Iterator<Item = &'a crate::name::Name>,
) -> Result<(), InvalidPolicy> {
    let names: Vec<_> = names.collect();
    if names.len() > MAX_ENTRIES {
        return Err(InvalidPolicy::TooMany {
            list,
            found: names.len(),
        });
    }
    match (1..names.len()).find(|&at| names[..at].contains(&names[at])) {
        Some(at) => Err(InvalidPolicy::NameTwice {
            list,
            name: names[at].clone(),
        }),
        None => Ok(()),
    }
}

fn is_one(number: &u8) -> bool {
    *number == 1
}

pub(super) fn one_to_ten<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<u8, D::Error> {
    match u8::deserialize(deserializer)? {
        number @ 1..=10 => Ok(number),
        _ => Err(serde::de::Error::custom("expected 1 to 10")),
    }
}

pub(super) fn bounded_seconds<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<u64, D::Error> {
    match u64::deserialize(deserializer)? {
        seconds @ 60..=315_360_000 => Ok(seconds),
        _ => Err(serde::de::Error::custom("expected 60 seconds to ten years")),
    }
}
