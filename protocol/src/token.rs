//! The lines that people paste: one enrols a host, one sets a client up, one invites a person.

mod url;

pub use url::{CaUrl, InvalidUrl};

use crate::digest::{Digest, Pin};
use crate::name::{HostName, Name};
use crate::strict_json;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

const JOIN: &str = "daypass-join-1.";
const SETUP: &str = "daypass-setup-1.";
const INVITE: &str = "daypass-invite-1.";
/// Bytes in the JSON of any of the lines, at most.
const MAX_DOCUMENT: usize = 2048;

/// Enrols one host, once, or machines of a group as often as its maker said. Whoever reads it before the host does can enrol in its place: it is not shown by `Debug`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct JoinToken {
    /// Where the CA answers.
    pub url: CaUrl,
    /// Hash of the DER of its X.509 root.
    pub root: Digest,
    /// The CA's name, from which the chain of rosters is checked.
    pub ca: Pin,
    /// The name that the host gets; absent where machines name themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<HostName>,
    /// What the CA knows the hash of.
    pub secret: Secret,
}

/// Tells a client which CA to talk to; nothing in it is secret.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SetupLine {
    /// Where the CA answers.
    pub url: CaUrl,
    /// Hash of the DER of its X.509 root.
    pub root: Digest,
    /// The CA's name, from which the chain of rosters is checked.
    pub ca: Pin,
}

/// Invites one person: sets their client up, and lets it hand in a key for them. Whoever reads it before that person
/// does can hand in another key, which no admin who compares fingerprints signs into the roster: the secret is not shown
/// by `Debug`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct InviteLine {
    /// Where the CA answers.
    pub url: CaUrl,
    /// Hash of the DER of its X.509 root.
    pub root: Digest,
    /// The CA's name, from which the chain of rosters is checked.
    pub ca: Pin,
    /// Under which name they are to be in the roster.
    pub person: Name,
    /// What the CA knows the hash of.
    pub secret: Secret,
}

/// 32 random bytes; base64url without padding in text.
#[derive(Clone, Eq, PartialEq)]
pub struct Secret([u8; 32]);

/// Why a line is not the one expected.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It begins differently.
    #[error("expected a line that begins with {expected}")]
    Prefix {
        /// `daypass-join-1.`, `daypass-setup-1.` or `daypass-invite-1.`
        expected: &'static str,
    },
    /// Cut off or altered.
    #[error("the line is damaged; copy the whole of it, without line breaks")]
    Base64,
    /// Not the JSON of the line.
    #[error("the line cannot be used: {0}")]
    Json(#[from] strict_json::Error),
}

/// Why a text is not a [`Secret`].
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected 32 bytes in base64url")]
pub struct InvalidSecret;

impl Secret {
    /// Takes 32 fresh random bytes.
    pub fn from_bytes(random: [u8; 32]) -> Self {
        Self(random)
    }

    /// What the CA stores in its place.
    pub fn digest(&self) -> Digest {
        Digest::of(self.0)
    }
}

impl FromStr for Secret {
    type Err = InvalidSecret;

    fn from_str(text: &str) -> Result<Self, InvalidSecret> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidSecret)?;
        bytes.try_into().map(Self).map_err(|_| InvalidSecret)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

serde_as_text!(Secret);

macro_rules! line {
    ($type:ty, $prefix:ident) => {
        impl FromStr for $type {
            type Err = Error;

            fn from_str(line: &str) -> Result<Self, Error> {
                let encoded = line
                    .trim()
                    .strip_prefix($prefix)
                    .ok_or(Error::Prefix { expected: $prefix })?;
                if encoded.len() > 2 * MAX_DOCUMENT {
                    return Err(Error::Base64);
                }
                let json = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| Error::Base64)?;
                Ok(strict_json::parse(json, MAX_DOCUMENT)?)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let json = serde_json::to_vec(self).map_err(|_| fmt::Error)?;
                write!(f, "{}{}", $prefix, URL_SAFE_NO_PAD.encode(json))
            }
        }
    };
}

line!(JoinToken, JOIN);
line!(SetupLine, SETUP);
line!(InviteLine, INVITE);
