//! Somebody who was invited hands in the public key that is to be theirs, and shows that the private one is in their
//! hands: the key signs what it is handed in with. Whether it is the right person's is for the admin who compares the
//! fingerprint with them; see `docs/decisions/0048-invitations.md`.

use serde::{Deserialize, Serialize};
use ssh_key::SshSig;

use crate::digest::{Digest, Pin};
use crate::key::{Fingerprint, Key};
use crate::name::Name;
use crate::sshsig::{self, Signature};
use crate::strict_json;
use crate::version::Version;

/// Bytes in an acceptance, at most.
pub const MAX_DOCUMENT: usize = 8 * 1024;
/// The namespace of its signature.
pub const NAMESPACE: &str = "daypass-invitation@v1";

/// "I am the one who was invited, and this key is mine." It names the invitation by the hash of its secret, so it
/// serves for no other, at no other CA, and who reads it learns nothing that could be used.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Acceptance {
    /// Always 1.
    pub v: Version<1>,
    /// Of which CA.
    pub ca: Pin,
    /// Under which name they were invited.
    pub person: Name,
    /// The hash of the invitation's secret.
    pub secret: Digest,
    /// What is to be their key.
    pub key: Key,
}

/// An acceptance's exact bytes and the signature over them, in [`NAMESPACE`].
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SignedAcceptance {
    /// The bytes.
    pub acceptance: String,
    /// By the key that is named in them.
    pub signature: Signature,
}

/// Why an acceptance does not count.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not the JSON of an acceptance.
    #[error("not the acceptance of an invitation: {0}")]
    Json(#[from] strict_json::Error),
    /// The signature itself.
    #[error("the signature on the acceptance does not count: {0}")]
    Signature(#[from] sshsig::Error),
    /// Another key signed.
    #[error("the acceptance hands in the key {expected}, and {found} signed it")]
    ForeignKey {
        /// The one that is handed in.
        expected: Fingerprint,
        /// The one that signed.
        found: Fingerprint,
    },
}

impl Error {
    /// A stable word for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Json(_) => "acceptance-invalid",
            Self::Signature(_) => "signature-invalid",
            Self::ForeignKey { .. } => "signature-foreign-key",
        }
    }
}

impl Acceptance {
    /// Writes the acceptance down and has it signed; see [`sshsig::sign`] for the signer.
    ///
    /// # Errors
    /// The signer's.
    pub fn sign<E>(
        &self,
        signer: impl FnOnce(&str, &[u8]) -> Result<SshSig, E>,
    ) -> Result<SignedAcceptance, E> {
        let text = strict_json::write(self);
        let signature = sshsig::sign(NAMESPACE, text.as_bytes(), signer)?;
        Ok(SignedAcceptance {
            acceptance: text,
            signature,
        })
    }
}

impl SignedAcceptance {
    /// What it says, once the key that it hands in is found to have signed it. Which CA, whom and which invitation it
    /// names is for the caller to compare.
    ///
    /// # Errors
    /// See [`enum@Error`].
    pub fn read(&self) -> Result<Acceptance, Error> {
        let acceptance: Acceptance = strict_json::parse_document(&self.acceptance, MAX_DOCUMENT)?;
        let signed_by = self
            .signature
            .verify(NAMESPACE, self.acceptance.as_bytes())?;
        if signed_by == acceptance.key {
            Ok(acceptance)
        } else {
            Err(Error::ForeignKey {
                expected: acceptance.key.fingerprint(),
                found: signed_by.fingerprint(),
            })
        }
    }
}
