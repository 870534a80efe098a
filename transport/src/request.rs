//! A host's side of getting a client certificate.

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};

/// A fresh private key (ECDSA P-256) and the request to certify it, both in PEM. The key never leaves the host.
pub struct SigningRequest {
    /// Secret.
    pub key: String,
    /// To be sent.
    pub csr: String,
}

/// Why no request could be made.
#[derive(Debug, thiserror::Error)]
#[error("no key or certificate signing request could be made: {0}")]
pub struct Error(#[from] rcgen::Error);

impl SigningRequest {
    /// Makes both; the CA sets the name itself, so `host` is a courtesy.
    pub fn create(host: &str) -> Result<Self, Error> {
        Self::with_key(&KeyPair::generate()?, host)
    }

    /// The request for a key (PEM) that was made before.
    pub fn again(key: &str, host: &str) -> Result<Self, Error> {
        Self::with_key(&KeyPair::from_pem(key)?, host)
    }

    fn with_key(key: &KeyPair, host: &str) -> Result<Self, Error> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, host);
        let csr = params.serialize_request(key)?.pem()?;
        Ok(Self {
            key: key.serialize_pem(),
            csr,
        })
    }
}
