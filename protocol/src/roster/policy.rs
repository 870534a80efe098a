//! The rules that a roster sets.

use serde::{Deserialize, Serialize};

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
    /// The longest window in seconds: 60 to ten years, default 30 days.
    #[serde(deserialize_with = "bounded_seconds")]
    pub max_window: u64,
    /// The longest life of a certificate in seconds: 60 to ten years, default one hour.
    #[serde(deserialize_with = "bounded_seconds")]
    pub max_certificate_ttl: u64,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            approvals: 1,
            roster_signatures: 1,
            max_window: 30 * 86_400,
            max_certificate_ttl: 3600,
        }
    }
}

fn one_to_ten<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    match u8::deserialize(deserializer)? {
        number @ 1..=10 => Ok(number),
        _ => Err(serde::de::Error::custom("expected 1 to 10")),
    }
}

fn bounded_seconds<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    match u64::deserialize(deserializer)? {
        seconds @ 60..=315_360_000 => Ok(seconds),
        _ => Err(serde::de::Error::custom("expected 60 seconds to ten years")),
    }
}
