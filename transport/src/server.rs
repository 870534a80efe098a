//! The CA's side of a connection.

use crate::encoding::{self, PemError};
use crate::provider;
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use std::sync::Arc;

/// Why a server cannot be configured.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A certificate or key that is not in PEM.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// A certificate and a key that do not fit each other, or a root that is none.
    #[error("the server's certificate, key or root cannot be used: {0}")]
    Tls(#[from] rustls::Error),
    /// Client certificates could not be judged.
    #[error("the root for client certificates cannot be used: {0}")]
    ClientRoot(#[from] VerifierBuilderError),
}

/// Serves under this chain (leaf and root in PEM) and key. Clients may show a certificate of `client_root` (PEM, or the
/// two roots of a rotation), and then it must be valid; people show none, and routes for hosts ask for the name in it ([`crate::host_name`]).
pub fn config(chain: &str, key: &str, client_root: &str) -> Result<Arc<ServerConfig>, Error> {
    let mut roots = RootCertStore::empty();
    for root in encoding::certificates(client_root)? {
        roots.add(root)?;
    }
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider())
        .allow_unauthenticated()
        .build()?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(clients)
        .with_single_cert(encoding::certificates(chain)?, encoding::private_key(key)?)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
