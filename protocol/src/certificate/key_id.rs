//! The key id, which sshd writes to its log.

use crate::name::Name;
use crate::window::WindowId;
use std::fmt;
use std::str::FromStr;

/// `daypass/WINDOW-ID/CONTRACTOR`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeyId {
    /// The window.
    pub window: WindowId,
    /// Whose certificate it is.
    pub contractor: Name,
}

/// Why a text is not a [`KeyId`].
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected a key id of the form daypass/WINDOW/CONTRACTOR")]
pub struct InvalidKeyId;

impl FromStr for KeyId {
    type Err = InvalidKeyId;

    fn from_str(text: &str) -> Result<Self, InvalidKeyId> {
        let (window, contractor) = text
            .strip_prefix("daypass/")
            .and_then(|rest| rest.split_once('/'))
            .ok_or(InvalidKeyId)?;
        Ok(Self {
            window: window.parse().map_err(|_| InvalidKeyId)?,
            contractor: contractor.parse().map_err(|_| InvalidKeyId)?,
        })
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "daypass/{}/{}", self.window, self.contractor)
    }
}
