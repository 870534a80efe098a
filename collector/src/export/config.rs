//! `[export]` in `collector.toml`: where entries go as they come in.

use std::path::PathBuf;

use daypass_protocol::export::syslog::Body;
use serde::Deserialize;

use crate::alerts::rules::Period;

/// Destinations, at most.
pub(crate) const MOST_DESTINATIONS: usize = 8;

/// All of it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportConfig {
    /// Receivers of RFC 5424 over TLS.
    #[serde(default)]
    pub tls: Vec<TlsConfig>,
    /// The machine's own syslog.
    #[serde(default)]
    pub syslog: Vec<LocalConfig>,
}

/// Where a new export begins.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Begin {
    /// With what comes in from now on.
    #[default]
    Now,
    /// With the first entry that is stored.
    Beginning,
}

/// One receiver of RFC 5424 over TLS (RFC 5425).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    /// What it is called; how far it is is kept under this name.
    pub name: String,
    /// `HOST:PORT`.
    pub address: String,
    /// The name in its certificate; the host of `address` unless said.
    pub server_name: Option<String>,
    /// Roots that its certificate may have, PEM; the system's when none is named.
    pub ca_file: Option<PathBuf>,
    /// Our own certificate for it, PEM; with `key_file`.
    pub certificate_file: Option<PathBuf>,
    /// Its key, PEM, readable by nobody else.
    pub key_file: Option<PathBuf>,
    /// What a message carries.
    #[serde(default)]
    pub format: Body,
    /// The facility.
    #[serde(default = "usual_facility")]
    pub facility: String,
    /// The private enterprise number in the name of the structured data.
    #[serde(default = "usual_enterprise")]
    pub enterprise: u32,
    /// So long what was sent may go without being confirmed.
    #[serde(default = "usual_patience")]
    pub confirm_after: Period,
    /// Where a new export begins.
    #[serde(default)]
    pub from: Begin,
}

/// The local syslog.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LocalConfig {
    /// What it is called; how far it is is kept under this name.
    pub name: String,
    /// The socket.
    #[serde(default = "usual_socket")]
    pub socket: PathBuf,
    /// What a message carries.
    #[serde(default)]
    pub format: Body,
    /// The facility.
    #[serde(default = "usual_facility")]
    pub facility: String,
    /// Where a new export begins.
    #[serde(default)]
    pub from: Begin,
}

fn usual_facility() -> String {
    "authpriv".to_owned()
}

/// The number that RFC 5612 keeps for documentation: daypass has none of its own.
fn usual_enterprise() -> u32 {
    32473
}

fn usual_patience() -> Period {
    Period::seconds(10)
}

fn usual_socket() -> PathBuf {
    "/dev/log".into()
}
