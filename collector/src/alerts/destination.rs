//! Where alerts go: one trait, three ways.

mod mail;
mod signature;
mod syslog;
mod webhook;

use std::path::PathBuf;
use std::time::Duration;

use super::config::{AlertsConfig, MOST_DESTINATIONS};
use super::rules::Severity;
use daypass_protocol::alert::Alert;

pub use signature::signature;

/// How long one delivery may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A way out. A delivery that succeeded was taken by the other end.
pub(crate) trait Carrier: Send + Sync {
    /// Delivers one alert; `body` is its JSON.
    fn deliver(&self, alert: &Alert, body: &str) -> Result<(), Undelivered>;
}

/// Why the other end did not take a letter.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Undelivered {
    /// The other end is away, or overloaded: nothing gets through for now. The pause, if it asked for one.
    Away(String, Option<Duration>),
    /// It is there, and does not take this letter.
    Refused(String),
}

/// One destination.
pub(crate) struct Destination {
    pub(crate) name: String,
    pub(crate) kind: &'static str,
    /// What is less severe is not sent.
    pub(crate) severity: Severity,
    pub(crate) carrier: Box<dyn Carrier>,
}

/// Why a destination cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DestinationError {
    /// More than anybody needs.
    #[error("there are more than {MOST_DESTINATIONS} destinations for alerts")]
    TooMany,
    /// Two of one name.
    #[error("two destinations for alerts are called {name:?}; give each a name of its own")]
    Twice {
        /// The name.
        name: String,
    },
    /// A value that cannot work.
    #[error("alerts to {name:?}: {reason}")]
    Unfit {
        /// Which destination.
        name: String,
        /// What is wrong, and what would be right.
        reason: String,
    },
    /// A file that cannot be used.
    #[error("alerts to {name:?}: {} {reason}", path.display())]
    File {
        /// Which destination.
        name: String,
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// All destinations of a configuration.
///
/// # Errors
/// At the first that cannot be used.
pub(crate) fn all(config: &AlertsConfig) -> Result<Vec<Destination>, DestinationError> {
    let mut all = Vec::new();
    for webhook in &config.webhook {
        all.push(Destination {
            name: webhook.name.clone(),
            kind: "webhook",
            severity: webhook.severity,
            carrier: Box::new(webhook::Webhook::new(webhook)?),
        });
    }
    for syslog in &config.syslog {
        all.push(Destination {
            name: syslog.name.clone(),
            kind: "syslog",
            severity: syslog.severity,
            carrier: Box::new(syslog::Syslog::new(syslog)?),
        });
    }
    for mail in &config.mail {
        all.push(Destination {
            name: mail.name.clone(),
            kind: "mail",
            severity: mail.severity,
            carrier: Box::new(mail::Mail::new(mail)?),
        });
    }
    if all.len() > MOST_DESTINATIONS {
        return Err(DestinationError::TooMany);
    }
    for (place, one) in all.iter().enumerate() {
        if all[..place].iter().any(|other| other.name == one.name) {
            return Err(DestinationError::Twice {
                name: one.name.clone(),
            });
        }
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if one.name.is_empty() || one.name.len() > 64 || !one.name.bytes().all(is_name) {
            return Err(DestinationError::Unfit {
                name: one.name.chars().take(64).collect(),
                reason: "a name has 1 to 64 letters, digits, dots, dashes and underscores"
                    .to_owned(),
            });
        }
    }
    Ok(all)
}

/// A secret in a file that others cannot read, without the line's end.
fn secret(name: &str, path: &std::path::Path) -> Result<Vec<u8>, DestinationError> {
    use std::os::unix::fs::MetadataExt as _;
    let wrong = |reason: String| DestinationError::File {
        name: name.to_owned(),
        path: path.to_owned(),
        reason,
    };
    let unreadable = |error: std::io::Error| wrong(format!("cannot be read: {error}"));
    let mode = std::fs::metadata(path).map_err(unreadable)?.mode();
    if mode & 0o007 != 0 {
        return Err(wrong(format!(
            "holds a secret and can be read by everybody (mode {:o}): chmod 0640 it, group daypass-collector",
            mode & 0o777
        )));
    }
    let mut secret = std::fs::read(path).map_err(unreadable)?;
    while secret.last().is_some_and(u8::is_ascii_whitespace) {
        secret.pop();
    }
    Ok(secret)
}

/// Whether a host's name means this very machine.
fn is_local(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "::1" | "[::1]")
}
