//! Where alerts go: one trait, three ways.

mod mail;
mod signature;
mod syslog;
mod webhook;

use std::time::Duration;

use super::config::{AlertsConfig, MOST_DESTINATIONS};
use super::rules::Severity;
use crate::outlet::{self, Kind, Outlet, OutletError};
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

/// All destinations of a configuration.
///
/// # Errors
/// At the first that cannot be used.
pub(crate) fn all(config: &AlertsConfig) -> Result<Vec<Destination>, OutletError> {
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
    let names = all.iter().map(|one| one.name.as_str());
    outlet::check(Kind::Alerts, MOST_DESTINATIONS, names)?;
    Ok(all)
}

/// As messages call it.
fn outlet(name: &str) -> Outlet<'_> {
    Outlet {
        kind: Kind::Alerts,
        name,
    }
}

/// Whether a host's name means this very machine.
fn is_local(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "::1" | "[::1]")
}
