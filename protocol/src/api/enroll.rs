//! `POST /v1/hosts/enroll` and `POST /v1/hosts/renew`.

use crate::digest::Incarnation;
use crate::enrolment::SignedRecord;
use crate::key::Key;
use crate::name::{HostName, Name};
use crate::roster::SignedRoster;
use crate::sshsig::Signature;
use crate::state::SignedState;
use crate::token::Secret;
use serde::{Deserialize, Serialize};

/// What a host sends.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Enrolment {
    /// From the join token.
    pub secret: Secret,
    /// From the join token, or the machine's own where the token has none.
    pub host: HostName,
    /// The certificate signing request for mTLS, in PEM.
    pub csr: String,
    /// sshd's host keys.
    pub host_keys: Vec<Key>,
    /// By each of them, in their order: see [`crate::host_proof`].
    #[serde(default)]
    pub proofs: Vec<Signature>,
    /// The keys of its journal.
    pub journal: JournalKeys,
    /// Whether it will go for good when it is powered off.
    #[serde(default, skip_serializing_if = "is_not")]
    pub ephemeral: bool,
}

/// The keys of a host's journal.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct JournalKeys {
    /// `daypass/PIN16/host/HOST/INCARNATION`.
    pub origin: String,
    /// A C2SP vkey.
    pub log_key: String,
    /// A C2SP vkey.
    pub epoch_key: String,
    /// As in the origin.
    pub incarnation: Incarnation,
}

/// What it gets.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Enrolled {
    /// For mTLS, in PEM.
    pub client_certificate: String,
    /// One OpenSSH host certificate for each host key, in the order of the keys.
    pub host_certificates: Vec<String>,
    /// As fixed by the token.
    pub aliases: Vec<HostName>,
    /// As fixed by the token.
    pub groups: Vec<Name>,
    /// From roster 1 to the newest.
    pub chain: Vec<SignedRoster>,
    /// The CA's newest.
    pub state: SignedState,
    /// What the host shows to others.
    pub enrolment: SignedRecord,
    /// Keys that sign user certificates, as in the state.
    pub user_ca: Vec<Key>,
}

/// `POST /v1/hosts/renew`: what an enrolled host sends before its certificates end.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Renewal {
    /// The certificate signing request for mTLS, in PEM, of a new key.
    pub csr: String,
    /// sshd's host keys as they are now.
    pub host_keys: Vec<Key>,
    /// By each of them, in their order: see [`crate::host_proof`].
    #[serde(default)]
    pub proofs: Vec<Signature>,
}

/// What it gets.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Renewed {
    /// For mTLS, in PEM; the certificate used before counts until this one is used.
    pub client_certificate: String,
    /// One OpenSSH host certificate for each host key, in the order of the keys.
    pub host_certificates: Vec<String>,
}

/// `POST /v1/hosts/retire`: what an ephemeral host says last.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Retirement {
    /// How many entries its journal has: no more will come.
    pub entries: u64,
}

/// What it gets.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Retired {
    /// The name that is free now.
    pub host: HostName,
}

fn is_not(word: &bool) -> bool {
    !*word
}
