//! How a collector is made known to its CA, and what it is given: two documents that root carries by hand, once.

use crate::digest::Pin;
use crate::roster::SignedRoster;
use crate::state::SignedState;
use crate::strict_json;
use crate::token::CaUrl;
use crate::version::Version;
use serde::{Deserialize, Serialize};

/// Bytes in a request, at most.
pub const MAX_REQUEST: usize = 32 * 1024;
/// Bytes in an admission, at most: it carries the whole chain of rosters.
pub const MAX_ADMISSION: usize = 16 * 1024 * 1024;

/// What `daypass-collector init` prints, for `daypass-ca collector add`. Nothing in it is secret.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Always 1.
    pub v: Version<1>,
    /// The CA that it is meant for.
    pub ca: Pin,
    /// Where the collector will answer.
    pub url: CaUrl,
    /// DNS names for its certificate, 1 to 16; the first is the common name.
    pub names: Vec<String>,
    /// For a certificate that serves and, towards the CA, identifies; PEM.
    pub csr: String,
    /// The key that it will cosign with, as a C2SP vkey.
    pub witness: String,
}

/// What `daypass-ca collector add` answers, for `daypass-collector accept`. Nothing in it is secret.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Admission {
    /// Always 1.
    pub v: Version<1>,
    /// The certificate for the request's key, PEM.
    pub certificate: String,
    /// The CA's X.509 root, PEM; the collector compares its hash with that of the setup line.
    pub root: String,
    /// From roster 1 to the newest.
    pub chain: Vec<SignedRoster>,
    /// The state, which names the key that signs enrolment records.
    pub state: SignedState,
}

impl Request {
    /// Reads one.
    pub fn parse(text: &str) -> Result<Self, strict_json::Error> {
        strict_json::parse(text, MAX_REQUEST)
    }
}

impl Admission {
    /// Reads one.
    pub fn parse(text: &str) -> Result<Self, strict_json::Error> {
        strict_json::parse(text, MAX_ADMISSION)
    }
}
