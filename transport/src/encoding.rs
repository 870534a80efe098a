//! PEM in, DER out.

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Why a text does not hold what is looked for.
#[derive(Debug, thiserror::Error)]
pub enum PemError {
    /// No certificate in it, or a damaged one.
    #[error("no X.509 certificate in PEM form: {0}")]
    Certificate(pem::Error),
    /// No private key in it, or a damaged one.
    #[error("no private key in PEM form: {0}")]
    Key(pem::Error),
}

/// All certificates of a text; at least one.
pub(crate) fn certificates(text: &str) -> Result<Vec<CertificateDer<'static>>, PemError> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    match all.map_err(PemError::Certificate)? {
        none if none.is_empty() => Err(PemError::Certificate(pem::Error::NoItemsFound)),
        some => Ok(some),
    }
}

/// The first certificate of a text.
pub(crate) fn certificate(text: &str) -> Result<CertificateDer<'static>, PemError> {
    CertificateDer::from_pem_slice(text.as_bytes()).map_err(PemError::Certificate)
}

/// The first private key of a text.
pub(crate) fn private_key(text: &str) -> Result<PrivateKeyDer<'static>, PemError> {
    PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(PemError::Key)
}
