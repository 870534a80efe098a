//! Getting a root of which only the hash is known.

mod verifier;

use crate::provider;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};
use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;
use verifier::HashPinned;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// Why there is no root.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody answers.
    #[error("{address} cannot be reached: {source}")]
    Unreachable {
        /// `HOST:PORT`.
        address: String,
        /// What the system says.
        source: io::Error,
    },
    /// A name that no certificate can be for.
    #[error("{0:?} is neither a host name nor an address")]
    Name(String),
    /// The server showed no certificate with the hash that was given.
    #[error(
        "{address} does not show the root that the line names: this is another server, or somebody is in between"
    )]
    OtherRoot {
        /// `HOST:PORT`.
        address: String,
    },
    /// It showed the root, but its own certificate does not hold under it.
    #[error("{address} shows the root, but its own certificate does not hold under it: {source}")]
    Untrusted {
        /// `HOST:PORT`.
        address: String,
        /// What does not hold.
        source: rustls::Error,
    },
    /// The connection broke while it was being set up.
    #[error("the connection with {address} broke: {source}")]
    Handshake {
        /// `HOST:PORT`.
        address: String,
        /// What the system says.
        source: io::Error,
    },
}

/// Connects once and returns the root in PEM whose DER has this SHA-256, if the server shows it and its own
/// certificate holds under it for `host`. Nothing is sent. Blocks: some seconds for connecting, and ten for each
/// answer.
pub fn root(host: &str, port: u16, hash: [u8; 32]) -> Result<String, Error> {
    let address = format!("{host}:{port}");
    let name = ServerName::try_from(host.to_owned()).map_err(|_| Error::Name(host.to_owned()))?;
    let verifier = Arc::new(HashPinned::new(hash, provider()));
    let untrusted = |source| Error::Untrusted {
        address: address.clone(),
        source,
    };
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(untrusted)?
        .dangerous()
        .with_custom_certificate_verifier(verifier.clone())
        .with_no_client_auth();
    let mut tls = ClientConnection::new(Arc::new(config), name).map_err(untrusted)?;
    let mut stream = connect(host, port).map_err(|source| Error::Unreachable {
        address: address.clone(),
        source,
    })?;
    while tls.is_handshaking() {
        if let Err(broken) = tls.complete_io(&mut stream) {
            return Err(explain(broken, &verifier, address));
        }
    }
    verifier.root().ok_or(Error::OtherRoot { address })
}

fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
            Ok(stream) => {
                stream.set_read_timeout(Some(READ_TIMEOUT))?;
                stream.set_write_timeout(Some(READ_TIMEOUT))?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn explain(broken: io::Error, verifier: &HashPinned, address: String) -> Error {
    let tls = broken
        .get_ref()
        .and_then(|source| source.downcast_ref::<rustls::Error>());
    match tls {
        Some(rustls::Error::InvalidCertificate(_)) if verifier.root().is_none() => {
            Error::OtherRoot { address }
        }
        Some(source @ rustls::Error::InvalidCertificate(_)) => Error::Untrusted {
            address,
            source: source.clone(),
        },
        _ => Error::Handshake {
            address,
            source: broken,
        },
    }
}
