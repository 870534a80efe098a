//! The server's certificate: kept in files, renewed by itself under the X.509 root.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use daypass_transport::authority::{self, SERVER_LIFETIME};
use daypass_transport::{PeerError, server};
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject as _};
use sha2::{Digest as _, Sha256};

use crate::layout::Layout;

/// Why the server has no certificate to show.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A certificate could not be made.
    #[error("the server's certificate could not be made")]
    Issue(#[from] authority::Error),
    /// A file.
    #[error("{path} cannot be read or written")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The stored certificate is none.
    #[error("the server's certificate cannot be read")]
    Unreadable(#[from] PeerError),
    /// rustls does not take it.
    #[error("the server's certificate cannot be used")]
    Config(#[from] server::Error),
}

/// Whether the stored certificate was replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewal {
    /// It was, and is to be taken into use.
    Renewed,
    /// It serves for longer.
    NotDue,
}

/// Renews the server's certificate when there is none, when another root issued it, or when two thirds of its life are over.
///
/// # Errors
/// When it cannot be made or stored.
pub fn renew(
    root: &authority::Authority,
    layout: &Layout,
    names: &[String],
    now: SystemTime,
) -> Result<Renewal, TlsError> {
    let path = layout.tls_server();
    if path.exists() {
        let chain = read(&path)?;
        let left = authority::expires(&chain)?
            .duration_since(now)
            .unwrap_or(Duration::ZERO);
        let is_ours = authority::is_issued_by(&chain, root.certificate())?;
        if is_ours && left > SERVER_LIFETIME / 3 {
            return Ok(Renewal::NotDue);
        }
    }
    let leaf = root.issue_server(names, now)?;
    // The key first: between the two renames a restart finds a pair that does not fit, and says so.
    replace(&layout.tls_server_key(), &leaf.key)?;
    replace(&path, &leaf.chain)?;
    Ok(Renewal::Renewed)
}

/// rustls' view of the stored certificate; hosts may show certificates of these roots (PEM).
///
/// # Errors
/// When the files cannot be read or do not fit.
pub fn config(roots: &[String], layout: &Layout) -> Result<Arc<ServerConfig>, TlsError> {
    let chain = read(&layout.tls_server())?;
    let key = read(&layout.tls_server_key())?;
    Ok(server::config(&chain, &key, &roots.concat())?)
}

/// SHA-256 of a certificate's DER: by this the database knows whose it is.
///
/// # Errors
/// When it is not in PEM.
pub fn fingerprint(certificate: &str) -> Result<[u8; 32], pem::Error> {
    let der = CertificateDer::from_pem_slice(certificate.as_bytes())?;
    Ok(Sha256::digest(&der).into())
}

/// Writes a file of the `tls` directory, 0600, whole or not at all.
///
/// # Errors
/// When the disk refuses.
pub fn replace(path: &Path, text: &str) -> Result<(), TlsError> {
    let failed = |source| TlsError::File {
        path: path.to_owned(),
        source,
    };
    let new = path.with_extension("new");
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&new)
        .map_err(failed)?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(failed)?;
    std::fs::rename(&new, path).map_err(failed)
}

fn read(path: &Path) -> Result<String, TlsError> {
    std::fs::read_to_string(path).map_err(|source| TlsError::File {
        path: path.to_owned(),
        source,
    })
}
