//! RFC 5425: syslog over TLS, octets counted.
//!
//! The protocol has no acknowledgement. But a receiver that has read up to our close_notify closes, too; so a connection
//! that we end first, and that then ends in order, was read to its end. Every so often one is ended for that alone.

use std::fmt;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use daypass_protocol::export::Source;
use daypass_protocol::export::syslog::{Head, framed};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::config::TlsConfig;
use super::confirm::{self, Ended, Pair};
use super::destination::{Carrier, Connection, Form, Trouble, outlet};
use crate::outlet::OutletError;

/// How long connecting, a write that does not move, and the other end's close may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);
/// Bytes that are gathered before they are written.
const GATHERED: usize = 32 * 1024;

/// Whom to connect to, and how.
pub(super) struct Tls {
    address: String,
    server: ServerName<'static>,
    config: Arc<ClientConfig>,
    form: Form,
}

struct Open {
    stream: StreamOwned<ClientConnection, TcpStream>,
    pair: Pair,
    gathered: Vec<u8>,
    form: Form,
}

impl Tls {
    pub(super) fn new(config: &TlsConfig) -> Result<Self, OutletError> {
        let unfit = |reason: String| outlet(&config.name).unfit(reason);
        let host = config
            .address
            .rsplit_once(':')
            .filter(|(_, port)| port.parse::<u16>().is_ok());
        let (host, _) = host.ok_or_else(|| {
            unfit("address must be HOST:PORT, as in siem.example.org:6514".to_owned())
        })?;
        let name = config
            .server_name
            .as_deref()
            .unwrap_or_else(|| host.trim_matches(['[', ']']));
        let server = ServerName::try_from(name.to_owned()).map_err(|_| {
            unfit("server_name must be the name in the receiver's certificate".to_owned())
        })?;
        Ok(Self {
            address: config.address.clone(),
            server,
            config: Arc::new(client(config)?),
            form: Form {
                head: Head {
                    facility: (outlet(&config.name).facility(&config.facility)? as u32 / 8) as u8,
                    enterprise: config.enterprise,
                },
                body: config.format,
            },
        })
    }

    fn connect(&self) -> Result<TcpStream, Trouble> {
        let addresses = self
            .address
            .to_socket_addrs()
            .map_err(Trouble::Unreachable)?;
        let mut last = io::Error::new(ErrorKind::NotFound, "the name has no address");
        for address in addresses {
            match TcpStream::connect_timeout(&address, PATIENCE) {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(Trouble::Unreachable(last))
    }
}

fn client(config: &TlsConfig) -> Result<ClientConfig, OutletError> {
    let wrong = |path: &Path, reason: String| outlet(&config.name).wrong(path, reason);
    let unfit = |reason: String| outlet(&config.name).unfit(reason);
    let certificates = |path: &PathBuf| -> Result<Vec<CertificateDer<'static>>, OutletError> {
        let read =
            CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        match read {
            Ok(found) if !found.is_empty() => Ok(found),
            Ok(_) => Err(wrong(path, "holds no certificate in PEM".to_owned())),
            Err(error) => Err(wrong(path, format!("cannot be read as PEM: {error}"))),
        }
    };
    let mut roots = RootCertStore::empty();
    match &config.ca_file {
        Some(path) => {
            for root in certificates(path)? {
                roots
                    .add(root)
                    .map_err(|error| wrong(path, format!("holds what is no root: {error}")))?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let builder = ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into())
        .with_safe_default_protocol_versions()
        .map_err(|error| unfit(error.to_string()))?
        .with_root_certificates(roots);
    match (&config.certificate_file, &config.key_file) {
        (None, None) => Ok(builder.with_no_client_auth()),
        (Some(certificate), Some(key)) => {
            let private = PrivateKeyDer::from_pem_slice(&outlet(&config.name).secret(key)?)
                .map_err(|error| wrong(key, format!("holds no private key in PEM: {error}")))?;
            builder
                .with_client_auth_cert(certificates(certificate)?, private)
                .map_err(|error| wrong(certificate, format!("does not fit its key: {error}")))
        }
        _ => Err(unfit(
            "certificate_file and key_file go together".to_owned(),
        )),
    }
}

impl fmt::Display for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.address)
    }
}

impl Carrier for Tls {
    fn open(&self) -> Result<Box<dyn Connection>, Trouble> {
        let mut socket = self.connect()?;
        socket.set_nodelay(true).map_err(Trouble::Unreachable)?;
        socket
            .set_read_timeout(Some(PATIENCE))
            .map_err(Trouble::Unreachable)?;
        socket
            .set_write_timeout(Some(PATIENCE))
            .map_err(Trouble::Unreachable)?;
        let pair = Pair::of(&socket).map_err(Trouble::Unreachable)?;
        let mut session = ClientConnection::new(Arc::clone(&self.config), self.server.clone())
            .map_err(Trouble::Tls)?;
        while session.is_handshaking() {
            session
                .complete_io(&mut socket)
                .map_err(|error| of_tls(error, Trouble::Unreachable))?;
        }
        Ok(Box::new(Open {
            stream: StreamOwned::new(session, socket),
            pair,
            gathered: Vec::with_capacity(GATHERED),
            form: self.form,
        }))
    }
}

/// What rustls says inside an error of the system's is said as such.
fn of_tls(error: io::Error, otherwise: fn(io::Error) -> Trouble) -> Trouble {
    match error
        .get_ref()
        .and_then(|source| source.downcast_ref::<rustls::Error>())
    {
        Some(error) => Trouble::Tls(error.clone()),
        None => otherwise(error),
    }
}

impl Connection for Open {
    fn send(&mut self, source: &Source<'_>) -> Result<(), Trouble> {
        self.gathered
            .extend(framed(&self.form.head.message(source, self.form.body)));
        match self.gathered.len() < GATHERED {
            true => Ok(()),
            false => self.flush(),
        }
    }

    fn flush(&mut self) -> Result<(), Trouble> {
        self.look()?;
        let written = self
            .stream
            .write_all(&self.gathered)
            .and_then(|()| self.stream.flush());
        self.gathered.clear();
        written.map_err(|error| of_tls(error, Trouble::Broken))
    }

    fn finish(mut self: Box<Self>) -> Result<(), Trouble> {
        self.flush()?;
        self.look()?;
        let (session, socket) = (&mut self.stream.conn, &mut self.stream.sock);
        session.send_close_notify();
        let mut last = Vec::new();
        while session.wants_write() {
            session.write_tls(&mut last).map_err(Trouble::Broken)?;
        }
        confirm::end_with(socket, &last).map_err(Trouble::Broken)?;
        let deadline = Instant::now() + PATIENCE;
        let mut rest = [0; 4096];
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Trouble::Unconfirmed);
            }
            socket
                .set_read_timeout(Some(left))
                .map_err(Trouble::Broken)?;
            // Its own close_notify, or tickets that it sent meanwhile: only the end counts.
            match socket.read(&mut rest) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
                {
                    return Err(Trouble::Unconfirmed);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(Trouble::Broken(error)),
            }
        }
        match confirm::ended(socket, self.pair).map_err(Trouble::Broken)? {
            Ended::ByUs | Ended::Unknown => Ok(()),
            Ended::ByThem => Err(Trouble::Closed),
        }
    }
}

impl Open {
    /// Whether the other end is still there: what it sends is read, and its end is noticed before more is sent.
    fn look(&mut self) -> Result<(), Trouble> {
        let (session, socket) = (&mut self.stream.conn, &mut self.stream.sock);
        socket.set_nonblocking(true).map_err(Trouble::Broken)?;
        let seen = loop {
            match session.read_tls(socket) {
                Ok(0) => break Err(Trouble::Closed),
                Ok(_) => match session.process_new_packets() {
                    Ok(state) if state.peer_has_closed() => break Err(Trouble::Closed),
                    Ok(_) => {}
                    Err(error) => break Err(Trouble::Tls(error)),
                },
                Err(error) if error.kind() == ErrorKind::WouldBlock => break Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => break Err(Trouble::Broken(error)),
            }
        };
        socket.set_nonblocking(false).map_err(Trouble::Broken)?;
        seen
    }
}
