//! Where entries go: one trait, two ways.

use std::fmt;
use std::io;
use std::time::Duration;

use daypass_protocol::export::Source;
use daypass_protocol::export::syslog::{Body, Head};

use super::config::{Begin, ExportConfig, MOST_DESTINATIONS};
use super::{local, tls};
use crate::outlet::{self, Kind, Outlet, OutletError};

/// A way out.
pub(super) trait Carrier: fmt::Display + Send + Sync {
    /// Opens it.
    fn open(&self) -> Result<Box<dyn Connection>, Trouble>;
}

/// A way out that is open.
pub(super) trait Connection {
    /// Hands one entry over.
    fn send(&mut self, source: &Source<'_>) -> Result<(), Trouble>;

    /// What was handed over leaves.
    fn flush(&mut self) -> Result<(), Trouble>;

    /// Ends it; when that succeeds, the other end has read everything.
    fn finish(self: Box<Self>) -> Result<(), Trouble>;
}

/// Why entries do not get through.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// The address, the connection, or the socket.
    #[error("it cannot be reached: {0}")]
    Unreachable(#[source] io::Error),
    /// TLS.
    #[error("no secure connection: {0}")]
    Tls(#[source] rustls::Error),
    /// It went away while we were sending.
    #[error("the connection broke: {0}")]
    Broken(#[source] io::Error),
    /// It closed before we did, so nobody knows what it has read.
    #[error("it closed the connection; what was not confirmed is sent again")]
    Closed,
    /// It does not close when we do, so nobody knows what it has read.
    #[error("it did not close the connection within {} s of our own end, so nothing is confirmed; is it a syslog receiver?", tls::PATIENCE.as_secs())]
    Unconfirmed,
}

/// One destination.
pub(super) struct Destination {
    pub(super) name: String,
    pub(super) from: Begin,
    /// So long what was sent may go without being confirmed.
    pub(super) confirm_after: Duration,
    pub(super) carrier: Box<dyn Carrier>,
}

/// How entries become messages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    pub(super) head: Head,
    pub(super) body: Body,
}

/// All destinations of a configuration.
pub(super) fn all(config: &ExportConfig) -> Result<Vec<Destination>, OutletError> {
    let mut all = Vec::new();
    for one in &config.tls {
        all.push(Destination {
            name: one.name.clone(),
            from: one.from,
            confirm_after: one.confirm_after.duration(),
            carrier: Box::new(tls::Tls::new(one)?),
        });
    }
    for one in &config.syslog {
        all.push(Destination {
            name: one.name.clone(),
            from: one.from,
            // Every message is taken or refused at once.
            confirm_after: Duration::ZERO,
            carrier: Box::new(local::Local::new(one)?),
        });
    }
    let names = all.iter().map(|one| one.name.as_str());
    outlet::check(Kind::Export, MOST_DESTINATIONS, names)?;
    Ok(all)
}

/// As messages call it.
pub(super) fn outlet(name: &str) -> Outlet<'_> {
    Outlet {
        kind: Kind::Export,
        name,
    }
}
