//! The CA's word that a host is enrolled, and with which journal keys.

use crate::digest::{Incarnation, Pin};
use crate::key::{Fingerprint, Key};
use crate::name::{HostName, Name};
use crate::sshsig::{self, Signature};
use crate::strict_json;
use crate::time::Time;
use crate::version::Version;
use serde::{Deserialize, Serialize};
use ssh_key::SshSig;

/// Bytes in a record, at most.
pub const MAX_DOCUMENT: usize = 16 * 1024;

/// The document's content.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Always 1.
    pub v: Version<1>,
    /// Which CA enrolled it.
    pub ca: Pin,
    /// The name by which it is known from now on.
    pub host: HostName,
    /// Other names that windows may use for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<HostName>,
    /// The groups that it belongs to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Name>,
    /// Which life of its journal.
    pub incarnation: Incarnation,
    /// The journal's origin: `daypass/PIN16/host/HOST/INCARNATION`; of the CA's own, whose `host` is
    /// [`CA_HOST`], `daypass/PIN16/ca/INCARNATION`.
    pub origin: String,
    /// The journal's log key, as a C2SP vkey.
    pub log_key: String,
    /// Its first epoch key, as a C2SP vkey.
    pub epoch_key: String,
    /// When.
    pub time: Time,
    /// Whether the machine may go for good by its own word, as one of a group that grows and shrinks does.
    #[serde(default, skip_serializing_if = "is_not")]
    pub ephemeral: bool,
}

fn is_not(word: &bool) -> bool {
    !*word
}

/// A record's exact bytes and the signature over them, in namespace [`sshsig::ENROLMENT`].
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SignedRecord {
    /// The bytes.
    pub record: String,
    /// By the CA's state key.
    pub signature: Signature,
}

/// A record that the CA signed. Only [`SignedRecord::check`] makes one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct VerifiedRecord(Record);

/// Why a record does not count.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not the JSON of a record.
    #[error("not an enrolment record: {0}")]
    Json(#[from] strict_json::Error),
    /// The signature itself.
    #[error("the signature on the enrolment record does not count: {0}")]
    Signature(#[from] sshsig::Error),
    /// By another key than the CA's.
    #[error("the enrolment record is signed with {found}, the CA's key is {expected}")]
    ForeignKey {
        /// The trusted key.
        expected: Fingerprint,
        /// The one that signed.
        found: Fingerprint,
    },
    /// Of another CA.
    #[error("the enrolment record is of the CA {found}, this is {expected}")]
    OtherCa {
        /// This CA.
        expected: Pin,
        /// The one named.
        found: Pin,
    },
    /// The origin is not the one that host and incarnation give.
    #[error("the journal's origin is {found:?}, it should be {expected:?}")]
    Origin {
        /// What CA, host and incarnation give.
        expected: String,
        /// What the record says.
        found: String,
    },
}

/// The origin of a host's journal.
pub fn host_origin(ca: Pin, host: &HostName, incarnation: Incarnation) -> String {
    format!("daypass/{}/host/{host}/{incarnation}", ca.short())
}

/// The name under which the CA's own journal is enrolled; no host may have it.
pub const CA_HOST: &str = "ca";

/// The origin of a CA's journal.
pub fn ca_origin(ca: Pin, incarnation: Incarnation) -> String {
    format!("daypass/{}/ca/{incarnation}", ca.short())
}

/// The origin of a collector's own journal.
pub fn collector_origin(ca: Pin, incarnation: Incarnation) -> String {
    format!("daypass/{}/collector/{incarnation}", ca.short())
}

impl Record {
    /// Writes the record down and has it signed; see [`sshsig::sign`] for the signer.
    pub fn sign<E>(
        &self,
        signer: impl FnOnce(&str, &[u8]) -> Result<SshSig, E>,
    ) -> Result<SignedRecord, E> {
        let text = strict_json::write(self);
        let signature = sshsig::sign(sshsig::ENROLMENT, text.as_bytes(), signer)?;
        Ok(SignedRecord {
            record: text,
            signature,
        })
    }
}

impl SignedRecord {
    /// Checks that `state_key` signed this for the CA `pin`.
    pub fn check(&self, pin: Pin, state_key: &Key) -> Result<VerifiedRecord, Error> {
        let signed_by = self
            .signature
            .verify(sshsig::ENROLMENT, self.record.as_bytes())?;
        if signed_by != *state_key {
            return Err(Error::ForeignKey {
                expected: state_key.fingerprint(),
                found: signed_by.fingerprint(),
            });
        }
        let record: Record = strict_json::parse_document(&self.record, MAX_DOCUMENT)?;
        if record.ca != pin {
            return Err(Error::OtherCa {
                expected: pin,
                found: record.ca,
            });
        }
        let expected = match record.host.as_str() {
            CA_HOST => ca_origin(pin, record.incarnation),
            _ => host_origin(pin, &record.host, record.incarnation),
        };
        if record.origin != expected {
            return Err(Error::Origin {
                expected,
                found: record.origin,
            });
        }
        Ok(VerifiedRecord(record))
    }
}

impl VerifiedRecord {
    /// What it says.
    pub fn record(&self) -> &Record {
        &self.0
    }
}
