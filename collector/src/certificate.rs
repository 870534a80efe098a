//! The collector's certificate: read at the start, renewed by itself in time.
//!
//! Key and certificate are two files, so a renewal stages both, the certificate last: once that is durable the new pair
//! counts, and whoever reads next finishes moving them into place.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use daypass_protocol::collector::{Renewal, Renewed};
use daypass_protocol::token::SetupLine;
use daypass_transport::PeerError;
use daypass_transport::authority::{SERVER_LIFETIME, expires, is_issued_by};
use daypass_transport::client::{self, Client, Request, SetupError};
use daypass_transport::request::SigningRequest;
use daypass_transport::server;
use rustls::ServerConfig;

use crate::durable;
use crate::layout::Layout;
use crate::refresh::Refresh;

/// Certificate, key and root, in PEM; during a rotation two roots, the one that issues first.
pub struct Papers {
    chain: String,
    key: String,
    root: String,
}

/// Why there is no certificate, or no new one.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// The CA has not answered yet.
    #[error("{} is not there: the CA's answer has not been taken in; see daypass-collector(8), SETTING UP", path.display())]
    NotAccepted {
        /// The file that is missing.
        path: PathBuf,
    },
    /// A file.
    #[error("{} cannot be read or written", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The certificate is none.
    #[error("the collector's certificate cannot be read")]
    Unreadable(#[from] PeerError),
    /// Certificate, key and root do not fit one another.
    #[error(transparent)]
    Tls(#[from] server::Error),
    /// The client towards the CA.
    #[error(transparent)]
    Client(#[from] SetupError),
    /// No new key.
    #[error(transparent)]
    Request(#[from] daypass_transport::request::Error),
    /// The CA does not answer, or refuses.
    #[error("the CA gives no new certificate")]
    Call(#[from] client::Error),
}

impl Papers {
    /// Reads them, after finishing a renewal that was cut off.
    ///
    /// # Errors
    /// When a file is missing or cannot be read.
    pub fn read(layout: &Layout) -> Result<Self, CertificateError> {
        settle(layout)?;
        Ok(Self {
            chain: read(&layout.tls_chain())?,
            key: read(&layout.tls_key())?,
            root: read(&layout.tls_root())?,
        })
    }

    /// What the server shows.
    ///
    /// # Errors
    /// When they do not fit one another.
    pub fn server(&self) -> Result<Arc<ServerConfig>, CertificateError> {
        Ok(server::config(&self.chain, &self.key, &self.root)?)
    }

    /// A connection to the CA, as this collector.
    ///
    /// # Errors
    /// When they cannot be used.
    pub fn refresh(&self, ca: &SetupLine) -> Result<Refresh, CertificateError> {
        Ok(Refresh::new(
            ca.url.as_str(),
            &self.root,
            &self.chain,
            &self.key,
        )?)
    }

    /// Trusts these roots from now on; none where they are those of before.
    ///
    /// # Errors
    /// When they are no roots, or cannot be kept.
    pub fn under(&self, roots: &str, layout: &Layout) -> Result<Option<Self>, CertificateError> {
        if self.root == roots {
            return Ok(None);
        }
        server::config(&self.chain, &self.key, roots)?;
        write(&layout.tls_root(), 0o644, roots)?;
        Ok(Some(Self {
            chain: self.chain.clone(),
            key: self.key.clone(),
            root: roots.to_owned(),
        }))
    }

    /// Whether two thirds of the certificate's life are over, or another root issues now.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn are_due(&self, now: SystemTime) -> Result<bool, CertificateError> {
        if !is_issued_by(&self.chain, &self.root)? {
            return Ok(true);
        }
        let left = expires(&self.chain)?
            .duration_since(now)
            .unwrap_or(Duration::ZERO);
        Ok(left <= SERVER_LIFETIME / 3)
    }

    /// Has the CA certify a new key, and puts both in place.
    ///
    /// # Errors
    /// When the CA gives none, or gives one that does not fit; what there is stays.
    pub fn renew(&self, layout: &Layout, ca: &Client) -> Result<Self, CertificateError> {
        let SigningRequest { key, csr } = SigningRequest::create("daypass-collector")?;
        // A text only: this cannot fail.
        let body = serde_json::to_vec(&Renewal { csr }).unwrap_or_default();
        let Renewed { certificate } = ca.call(&Request::post("/v1/collectors/renew", &body))?;
        let chain = format!("{certificate}{}", self.root);
        server::config(&chain, &key, &self.root)?;
        write(&staged(&layout.tls_key()), 0o600, &key)?;
        write(&staged(&layout.tls_chain()), 0o644, &chain)?;
        settle(layout)?;
        Ok(Self {
            chain,
            key,
            root: self.root.clone(),
        })
    }
}

/// Moves a staged pair into place; a key that is staged alone is of no use to anybody.
fn settle(layout: &Layout) -> Result<(), CertificateError> {
    let (key, chain) = (staged(&layout.tls_key()), staged(&layout.tls_chain()));
    if !chain.exists() {
        return match std::fs::remove_file(&key) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(CertificateError::File { path: key, source })
            }
            _ => Ok(()),
        };
    }
    if key.exists() {
        rename(&key, &layout.tls_key())?;
    }
    rename(&chain, &layout.tls_chain())
}

fn staged(path: &Path) -> PathBuf {
    path.with_extension("next")
}

fn rename(from: &Path, to: &Path) -> Result<(), CertificateError> {
    durable::rename(from, to).map_err(|source| CertificateError::File {
        path: to.to_owned(),
        source,
    })
}

fn write(path: &Path, mode: u32, text: &str) -> Result<(), CertificateError> {
    durable::replace(path, mode, text.as_bytes()).map_err(|source| CertificateError::File {
        path: path.to_owned(),
        source,
    })
}

fn read(path: &Path) -> Result<String, CertificateError> {
    std::fs::read_to_string(path).map_err(|source| {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::NotFound => CertificateError::NotAccepted { path },
            _ => CertificateError::File { path, source },
        }
    })
}
