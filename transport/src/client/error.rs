//! Why a request has no answer.

use super::MAX_ANSWER;
use std::io;

/// One cause each.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody answers.
    #[error("{address} cannot be reached: {reason}")]
    Unreachable {
        /// The server's base URL.
        address: String,
        /// What the system says.
        reason: io::Error,
    },
    /// The server, or what stands in its place, does not hold under the pinned root.
    #[error("{address} is not the server that was set up here: {source}")]
    Untrusted {
        /// The server's base URL.
        address: String,
        /// What does not hold.
        source: rustls::Error,
    },
    /// TLS failed otherwise; a server that does not take our client certificate says so here.
    #[error("no secure connection with {address}: {source}")]
    Tls {
        /// The server's base URL.
        address: String,
        /// What rustls says.
        source: rustls::Error,
    },
    /// It took too long.
    #[error("{address} did not answer in time ({what})")]
    Timeout {
        /// The server's base URL.
        address: String,
        /// Which part of the exchange.
        what: ureq::Timeout,
    },
    /// The answer is longer than any of ours.
    #[error("{address} answers with more than {MAX_ANSWER} bytes")]
    TooLong {
        /// The server's base URL.
        address: String,
    },
    /// The exchange broke off, or was not HTTP.
    #[error("the exchange with {address} failed: {source}")]
    Exchange {
        /// The server's base URL.
        address: String,
        /// What ureq says.
        source: ureq::Error,
    },
    /// The answer is not the JSON expected.
    #[error("the answer to {path} cannot be read: {source}; the server may be of another version")]
    NotJson {
        /// The request's path.
        path: String,
        /// Where it is wrong.
        source: serde_json::Error,
    },
    /// The API refused, and said why.
    #[error("{message}")]
    Api {
        /// The HTTP status.
        status: u16,
        /// A stable word in kebab-case.
        code: String,
        /// What happened and what to do.
        message: String,
    },
    /// Something refused without a word of the API's.
    #[error(
        "the answer to {path} has the status {status} and no explanation; is this a daypass CA?"
    )]
    Status {
        /// The HTTP status.
        status: u16,
        /// The request's path.
        path: String,
    },
}

impl Error {
    /// Whether the server does not take our client certificate: for one that was issued by a root that it trusts no more.
    #[must_use]
    pub fn is_certificate_refused(&self) -> bool {
        use rustls::AlertDescription::{
            BadCertificate, CertificateExpired, CertificateUnknown, DecryptError, UnknownCA,
        };
        let Self::Tls {
            source: rustls::Error::AlertReceived(alert),
            ..
        } = self
        else {
            return false;
        };
        matches!(
            alert,
            BadCertificate | CertificateExpired | CertificateUnknown | DecryptError | UnknownCA
        )
    }

    pub(super) fn from_ureq(address: &str, error: ureq::Error) -> Self {
        let address = address.to_owned();
        match error {
            ureq::Error::Io(error) => Self::from_io(address, error),
            ureq::Error::Rustls(source) => Self::from_tls(address, source),
            ureq::Error::Timeout(what) => Self::Timeout { address, what },
            ureq::Error::BodyExceedsLimit(_) => Self::TooLong { address },
            ureq::Error::HostNotFound => Self::Unreachable {
                address,
                reason: io::Error::new(io::ErrorKind::NotFound, "the name has no address"),
            },
            ureq::Error::ConnectionFailed => Self::Unreachable {
                address,
                reason: io::ErrorKind::ConnectionRefused.into(),
            },
            source => Self::Exchange { address, source },
        }
    }

    fn from_io(address: String, error: io::Error) -> Self {
        match error
            .get_ref()
            .and_then(|source| source.downcast_ref::<rustls::Error>())
        {
            Some(source) => Self::from_tls(address, source.clone()),
            None => Self::Unreachable {
                address,
                reason: error,
            },
        }
    }

    fn from_tls(address: String, source: rustls::Error) -> Self {
        match source {
            rustls::Error::InvalidCertificate(_) => Self::Untrusted { address, source },
            source => Self::Tls { address, source },
        }
    }
}
