//! The types of the collector's HTTPS API; routes and rules are in `docs/formats/forwarding.md`.

use crate::digest::Pin;
use crate::time::Time;
use serde::{Deserialize, Serialize};

/// Bytes of lines in one upload, at most.
pub const MAX_LINES: usize = 4 * 1024 * 1024;

/// What a collector holds of a journal.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Standing {
    /// So many entries.
    pub size: u64,
    /// The root of their tree, in base64.
    pub root: String,
    /// Checkpoint and cosignature, a signed note; absent while nothing is held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cosignature: Option<String>,
}

/// `GET /v1/about`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// The CA whose journals it takes.
    pub ca: Pin,
    /// Of the program.
    pub version: String,
    /// By the collector's clock.
    pub time: Time,
    /// The key that it cosigns with, as a C2SP vkey.
    pub witness: String,
}

/// `GET /v1/entries`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Entries {
    /// What was found, in the order asked for.
    pub entries: Vec<Found>,
    /// With which the question goes on; absent when there is no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// An entry, and whose journal it stands in.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Found {
    /// The journal's origin.
    pub origin: String,
    /// The line, exactly.
    pub entry: String,
}

/// The path at which a collector keeps the journal `origin`.
pub fn log_path(origin: &str) -> String {
    format!("/v1/logs/{}", origin.replace('/', "%2F"))
}
