//! A host that was away for longer than its client certificate lived: its enrolled SSH host key asks for the next one.

use serde::{Deserialize, Serialize};

use crate::digest::Pin;
use crate::key::{Fingerprint, Key};
use crate::name::HostName;
use crate::sshsig::{self, Signature};
use crate::strict_json;
use crate::time::{SKEW, Time};
use crate::version::Version;

/// Bytes in a comeback, at most.
pub const MAX_DOCUMENT: usize = 32 * 1024;
/// The namespace of its signature.
pub const NAMESPACE: &str = "daypass-host-comeback@v1";

/// What the host asks for: a renewal, without the certificate that would say who asks.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Comeback {
    /// Always 1.
    pub v: Version<1>,
    /// Of which CA.
    pub ca: Pin,
    /// Under which name it is enrolled.
    pub host: HostName,
    /// By the host's clock.
    pub time: Time,
    /// The certificate signing request for mTLS, in PEM, of a new key.
    pub csr: String,
    /// sshd's host keys as they are now.
    pub host_keys: Vec<Key>,
}

/// A comeback's exact bytes and the signature over them, in [`NAMESPACE`].
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SignedComeback {
    /// The bytes.
    pub comeback: String,
    /// By one of the SSH host keys that the CA knows of the host.
    pub signature: Signature,
    /// By each of the host keys that it has now, in their order: see [`crate::host_proof`].
    #[serde(default)]
    pub proofs: Vec<Signature>,
}

/// Why a comeback does not count.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not the JSON of a comeback.
    #[error("not a comeback: {0}")]
    Json(#[from] strict_json::Error),
    /// To another CA.
    #[error("the comeback is to the CA {found}, this one is {expected}")]
    OtherCa {
        /// This CA.
        expected: Pin,
        /// The one named.
        found: Pin,
    },
    /// Clocks differ, or it is an old one.
    #[error("the host's clock is {seconds} seconds off; set it, and try again")]
    Untimely {
        /// The CA's time minus the comeback's.
        seconds: i64,
    },
    /// The signature itself.
    #[error("the signature on the comeback does not count: {0}")]
    Signature(#[from] sshsig::Error),
    /// Signed with a key that is not the host's.
    #[error(
        "the comeback is signed with {0}, which is no SSH host key that the host was enrolled with"
    )]
    ForeignKey(Fingerprint),
}

impl Comeback {
    /// The bytes to sign.
    ///
    /// # Errors
    /// When they cannot be written, which texts and lists of them always can.
    pub fn to_text(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }
}

impl SignedComeback {
    /// What it says, taken at its word: to find out whose keys it is to be checked with.
    ///
    /// # Errors
    /// [`Error::Json`].
    pub fn read_unverified(&self) -> Result<Comeback, Error> {
        Ok(strict_json::parse_document(&self.comeback, MAX_DOCUMENT)?)
    }

    /// Checks that one of these keys signed this for the CA `pin`, within a minute of `now`.
    ///
    /// # Errors
    /// See [`enum@Error`].
    pub fn check(&self, pin: Pin, keys: &[Key], now: Time) -> Result<Comeback, Error> {
        let comeback = self.read_unverified()?;
        if comeback.ca != pin {
            return Err(Error::OtherCa {
                expected: pin,
                found: comeback.ca,
            });
        }
        let key = self.signature.verify(NAMESPACE, self.comeback.as_bytes())?;
        if !keys.contains(&key) {
            return Err(Error::ForeignKey(key.fingerprint()));
        }
        let seconds = now.since(comeback.time);
        if seconds.unsigned_abs() > SKEW {
            return Err(Error::Untimely { seconds });
        }
        Ok(comeback)
    }
}
