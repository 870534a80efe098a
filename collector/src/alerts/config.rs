//! `[alerts]` in `collector.toml`: which rules, and where alerts go.

use std::path::PathBuf;

use serde::Deserialize;

use super::rules::{Period, SITE_PATH, Severity};

/// Destinations, at most.
pub(crate) const MOST_DESTINATIONS: usize = 16;

/// All of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlertsConfig {
    /// The site's rules; a file that is not there means the defaults alone.
    #[serde(default = "usual_rules")]
    pub rules: PathBuf,
    /// A URL for people, with `{origin}`, `{seq}`, `{host}`, `{window}`, `{session}` and `{id}` to be filled in.
    pub link: Option<String>,
    /// So long a letter is tried before it is given up.
    #[serde(default = "usual_patience")]
    pub give_up_after: Period,
    /// HTTP receivers.
    #[serde(default)]
    pub webhook: Vec<WebhookConfig>,
    /// The machine's own syslog.
    #[serde(default)]
    pub syslog: Vec<SyslogConfig>,
    /// Mailboxes.
    #[serde(default)]
    pub mail: Vec<MailConfig>,
}

impl Default for AlertsConfig {
    fn default() -> Self {
        Self {
            rules: usual_rules(),
            link: None,
            give_up_after: usual_patience(),
            webhook: Vec::new(),
            syslog: Vec::new(),
            mail: Vec::new(),
        }
    }
}

/// One HTTP receiver.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookConfig {
    /// What it is called in lists; unique.
    pub name: String,
    /// `https://…`; `http://` only to this machine itself.
    pub url: String,
    /// The secret that signs, 16 bytes or more; readable by nobody else.
    pub secret_file: PathBuf,
    /// Roots that its certificate may have, PEM; the system's when none is named.
    pub ca_file: Option<PathBuf>,
    /// What is less severe is not sent.
    #[serde(default)]
    pub severity: Severity,
}

/// The local syslog.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyslogConfig {
    /// What it is called in lists; unique.
    pub name: String,
    /// The socket.
    #[serde(default = "usual_socket")]
    pub socket: PathBuf,
    /// The facility.
    #[serde(default = "usual_facility")]
    pub facility: String,
    /// What is less severe is not sent.
    #[serde(default)]
    pub severity: Severity,
}

/// Mailboxes behind one server.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailConfig {
    /// What it is called in lists; unique.
    pub name: String,
    /// Who it is from.
    pub from: String,
    /// Who gets it, 1 to 32.
    pub to: Vec<String>,
    /// The server's name.
    #[serde(default = "usual_mail_server")]
    pub server: String,
    /// Its port: 25, 587 or 465 by `tls`, unless said.
    pub port: Option<u16>,
    /// How the connection is protected.
    #[serde(default)]
    pub tls: MailTls,
    /// The name to log in with.
    pub user: Option<String>,
    /// The file with the password.
    pub password_file: Option<PathBuf>,
    /// Roots that its certificate may have, PEM; the system's when none is named.
    pub ca_file: Option<PathBuf>,
    /// What is less severe is not sent.
    #[serde(default)]
    pub severity: Severity,
}

/// How a mail server is spoken to.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum MailTls {
    /// Not at all: only to this machine itself.
    #[default]
    None,
    /// By STARTTLS, or not at all.
    Starttls,
    /// From the first byte.
    Always,
}

fn usual_rules() -> PathBuf {
    SITE_PATH.into()
}

fn usual_patience() -> Period {
    Period::minutes(24 * 60)
}

fn usual_socket() -> PathBuf {
    "/dev/log".into()
}

fn usual_facility() -> String {
    "authpriv".to_owned()
}

fn usual_mail_server() -> String {
    "localhost".to_owned()
}
