//! What people sign about a window.

use crate::digest::{Digest, Pin};
use crate::key::Fingerprint;
use crate::name::Name;
use crate::roster::{ApprovalKeys, Person, VerifiedRoster};
use crate::sshsig::{self, Signature};
use crate::strict_json;
use crate::time::{SKEW, Time};
use crate::version::Version;
use serde::{Deserialize, Serialize};
use ssh_key::SshSig;
use std::fmt;

/// Bytes in a statement, at most.
pub const MAX_DOCUMENT: usize = 2 * 1024;

/// What a statement says.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// "I ask for this window."
    Request,
    /// "It may be."
    Approve,
    /// "It may not be."
    Deny,
    /// Request and approval at once, by an approver who was asked by word of mouth.
    Grant,
    /// "I am done with it."
    End,
    /// "It must stop."
    Revoke,
}

impl Verb {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Request,
        Self::Approve,
        Self::Deny,
        Self::Grant,
        Self::End,
        Self::Revoke,
    ];

    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Approve => "approve",
            Self::Deny => "deny",
            Self::Grant => "grant",
            Self::End => "end",
            Self::Revoke => "revoke",
        }
    }

    /// The SSHSIG namespace, one for each verb, so that no signature serves as another.
    pub fn namespace(self) -> &'static str {
        match self {
            Self::Request => "daypass-request@v1",
            Self::Approve => "daypass-approve@v1",
            Self::Deny => "daypass-deny@v1",
            Self::Grant => "daypass-grant@v1",
            Self::End => "daypass-end@v1",
            Self::Revoke => "daypass-revoke@v1",
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One person's word about one window.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// Always 1.
    pub v: Version<1>,
    /// What is said.
    pub verb: Verb,
    /// About which document: the hash of its bytes.
    pub window: Digest,
    /// Towards which CA.
    pub ca: Pin,
    /// By whom.
    pub signer: Name,
    /// When.
    pub time: Time,
    /// Until when it counts, exclusive.
    pub expires: Time,
}

/// A statement's exact bytes and the signature over them.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SignedStatement {
    /// The bytes.
    pub statement: String,
    /// By one of the signer's keys, in the verb's namespace.
    pub signature: Signature,
}

/// A statement whose signature was made by a key that the roster lists for its signer. Only
/// [`SignedStatement::check`] makes one. What it is about, whether it counts now, and whether the signer may say it,
/// is still to be judged.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct VerifiedStatement {
    statement: Statement,
    key: Fingerprint,
    signed_with: ApprovalKeys,
}

/// Why a statement does not count.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not the JSON of a statement.
    #[error("not a statement: {0}")]
    Json(#[from] strict_json::Error),
    /// Made for another CA.
    #[error("{signer}'s statement is for the CA {found}, this one is {expected}")]
    OtherCa {
        /// By whom.
        signer: Name,
        /// This CA.
        expected: Pin,
        /// The one named.
        found: Pin,
    },
    /// The roster has no such person.
    #[error("{0} is not in the roster")]
    UnknownSigner(Name),
    /// The signature itself.
    #[error("{signer}'s signature under \"{verb}\" does not count: {source}")]
    Signature {
        /// By whom, as the statement says.
        signer: Name,
        /// What it says.
        verb: Verb,
        /// What is wrong with it.
        source: sshsig::Error,
    },
    /// Signed with a key that is not the signer's.
    #[error(
        "{signer}'s statement is signed with {key}, which the roster does not list for {signer}"
    )]
    ForeignKey {
        /// By whom, as the statement says.
        signer: Name,
        /// The key that made the signature.
        key: Fingerprint,
    },
}

impl Error {
    /// A stable word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Json(_) => "statement-invalid",
            Self::OtherCa { .. } => "wrong-ca",
            Self::UnknownSigner(_) => "signer-unknown",
            Self::Signature { .. } => "signature-invalid",
            Self::ForeignKey { .. } => "signature-foreign-key",
        }
    }
}

/// Why a statement does not count at this time.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Untimely {
    /// Dated more than [`SKEW`] seconds ahead.
    #[error("it is dated {time}, which is still to come; check the clocks")]
    Early {
        /// Its date.
        time: Time,
    },
    /// Not any more.
    #[error("it counted until {expires}")]
    Expired {
        /// The first instant at which it did not.
        expires: Time,
    },
}

impl Statement {
    /// Writes the statement down and has it signed; see [`sshsig::sign`] for the signer.
    pub fn sign<E>(
        &self,
        signer: impl FnOnce(&str, &[u8]) -> Result<SshSig, E>,
    ) -> Result<SignedStatement, E> {
        let text = strict_json::write(self);
        let signature = sshsig::sign(self.verb.namespace(), text.as_bytes(), signer)?;
        Ok(SignedStatement {
            statement: text,
            signature,
        })
    }

    /// Whether it counts now: `time − SKEW ≤ now < expires`.
    pub fn is_timely(&self, now: Time) -> Result<(), Untimely> {
        if now < self.time.minus(SKEW) {
            Err(Untimely::Early { time: self.time })
        } else if self.expires <= now {
            Err(Untimely::Expired {
                expires: self.expires,
            })
        } else {
            Ok(())
        }
    }
}

impl SignedStatement {
    /// What it says, taken at its word: to show it, or to learn which window it is about.
    pub fn read_unverified(&self) -> Result<Statement, strict_json::Error> {
        strict_json::parse_document(&self.statement, MAX_DOCUMENT)
    }

    /// Checks that the person named as signer, as the roster knows them, signed this for this CA.
    pub fn check(&self, roster: &VerifiedRoster) -> Result<VerifiedStatement, Error> {
        let statement = self.read_unverified()?;
        let signer = &statement.signer;
        if statement.ca != roster.pin() {
            return Err(Error::OtherCa {
                signer: signer.clone(),
                expected: roster.pin(),
                found: statement.ca,
            });
        }
        let person = roster
            .person(signer)
            .ok_or_else(|| Error::UnknownSigner(signer.clone()))?;
        let key = self.verify(&statement, person)?;
        let signed_with = self.signature.presence().into();
        Ok(VerifiedStatement {
            statement,
            key,
            signed_with,
        })
    }

    fn verify(&self, statement: &Statement, person: &Person) -> Result<Fingerprint, Error> {
        let Statement {
            verb, ref signer, ..
        } = *statement;
        let key = self
            .signature
            .verify(verb.namespace(), self.statement.as_bytes())
            .map_err(|source| Error::Signature {
                signer: signer.clone(),
                verb,
                source,
            })?;
        if person.keys.contains(&key) {
            Ok(key.fingerprint())
        } else {
            Err(Error::ForeignKey {
                signer: signer.clone(),
                key: key.fingerprint(),
            })
        }
    }
}

impl VerifiedStatement {
    /// What it says.
    pub fn statement(&self) -> &Statement {
        &self.statement
    }

    /// What it says to do.
    pub fn verb(&self) -> Verb {
        self.statement.verb
    }

    /// Who says it.
    pub fn signer(&self) -> &Name {
        &self.statement.signer
    }

    /// The key that signed it.
    pub fn key(&self) -> Fingerprint {
        self.key
    }

    /// The strictest demand on keys that the signature meets.
    pub fn signed_with(&self) -> ApprovalKeys {
        self.signed_with
    }
}
