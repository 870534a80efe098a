//! Where entries go: one trait, two ways.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use daypass_protocol::export::Source;
use daypass_protocol::export::syslog::{Body, Head};
use syslog::Facility;

use super::config::{Begin, ExportConfig, MOST_DESTINATIONS};
use super::{local, tls};

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

/// Why a destination cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// More than anybody needs.
    #[error("there are more than {MOST_DESTINATIONS} exports")]
    TooMany,
    /// Two of one name.
    #[error("two exports are called {name:?}; give each a name of its own")]
    Twice {
        /// The name.
        name: String,
    },
    /// A value that cannot work.
    #[error("export {name:?}: {reason}")]
    Unfit {
        /// Which export.
        name: String,
        /// What is wrong, and what would be right.
        reason: String,
    },
    /// A file that cannot be used.
    #[error("export {name:?}: {} {reason}", path.display())]
    File {
        /// Which export.
        name: String,
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// How entries become messages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    pub(super) head: Head,
    pub(super) body: Body,
}

/// All destinations of a configuration.
pub(super) fn all(config: &ExportConfig) -> Result<Vec<Destination>, ExportError> {
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
    if all.len() > MOST_DESTINATIONS {
        return Err(ExportError::TooMany);
    }
    for (place, one) in all.iter().enumerate() {
        if all[..place].iter().any(|other| other.name == one.name) {
            return Err(ExportError::Twice {
                name: one.name.clone(),
            });
        }
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if one.name.is_empty() || one.name.len() > 64 || !one.name.bytes().all(is_name) {
            return Err(ExportError::Unfit {
                name: one.name.chars().take(64).collect(),
                reason: "a name has 1 to 64 letters, digits, dots, dashes and underscores"
                    .to_owned(),
            });
        }
    }
    Ok(all)
}

/// A facility by its name.
pub(super) fn facility(name: &str, text: &str) -> Result<Facility, ExportError> {
    text.parse().map_err(|()| ExportError::Unfit {
        name: name.to_owned(),
        reason: format!(
            "no facility of syslog is called {:?}; authpriv, daemon and local0 to local7 are some",
            text.chars().take(32).collect::<String>()
        ),
    })
}
