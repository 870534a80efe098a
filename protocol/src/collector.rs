//! How a collector is made known to its CA, and what it is given: two documents that root carries by hand, once; and
//! how it renews its certificate by itself afterwards.

use crate::digest::Pin;
use crate::strict_json;
use crate::token::CaUrl;
use crate::version::Version;
use serde::{Deserialize, Serialize};

/// Bytes in a request, at most.
pub const MAX_REQUEST: usize = 32 * 1024;
/// Bytes in an admission, at most.
pub const MAX_ADMISSION: usize = 32 * 1024;
/// Collectors of one CA, at most.
pub const MOST_COLLECTORS: usize = 8;
/// Names in a collector's certificate, at most.
pub const MOST_NAMES: usize = 16;

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

/// What `daypass-ca collector add` answers, for `daypass-collector accept`. Nothing in it is secret. Rosters and state
/// are not in it: the collector asks the CA for them, so that it can be made before the first roster is signed.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Admission {
    /// Always 1.
    pub v: Version<1>,
    /// The certificate for the request's key, PEM.
    pub certificate: String,
    /// The CA's X.509 root, PEM; the collector compares its hash with that of the setup line.
    pub root: String,
}

/// `POST /v1/collectors/renew`: what an admitted collector sends before its certificate ends.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Renewal {
    /// Of a new key, PEM.
    pub csr: String,
}

/// What it gets.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Renewed {
    /// For the names that the collector was admitted with, PEM; the one before counts until this one is first used.
    pub certificate: String,
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
