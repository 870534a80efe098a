//! Judges a server by a root that it brings along itself, if that root has the right hash.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use sha2::{Digest, Sha256};
use std::sync::{Arc, OnceLock};

/// Finds the certificate with the hash in what the server shows, and then demands of the rest what rustls demands
/// under any other root: chain, name, dates, and possession of the key.
#[derive(Debug)]
pub(super) struct HashPinned {
    hash: [u8; 32],
    provider: Arc<CryptoProvider>,
    found: OnceLock<CertificateDer<'static>>,
}

impl HashPinned {
    pub(super) fn new(hash: [u8; 32], provider: Arc<CryptoProvider>) -> Self {
        Self {
            hash,
            provider,
            found: OnceLock::new(),
        }
    }

    /// The root in PEM, once the server has shown it.
    pub(super) fn root(&self) -> Option<String> {
        let encoded = STANDARD.encode(self.found.get()?);
        let lines = encoded
            .as_bytes()
            .chunks(64)
            .map(|line| String::from_utf8_lossy(line) + "\n");
        Some(format!(
            "-----BEGIN CERTIFICATE-----\n{}-----END CERTIFICATE-----\n",
            lines.collect::<String>()
        ))
    }
}

impl ServerCertVerifier for HashPinned {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let is_root =
            |shown: &&CertificateDer<'_>| <[u8; 32]>::from(Sha256::digest(shown)) == self.hash;
        let root = others
            .iter()
            .find(is_root)
            .ok_or(CertificateError::UnknownIssuer)?
            .clone()
            .into_owned();
        let root = self.found.get_or_init(|| root);
        let mut roots = RootCertStore::empty();
        roots.add(root.clone())?;
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), self.provider.clone())
                .build()
                .map_err(|error| Error::General(error.to_string()))?;
        verifier.verify_server_cert(leaf, others, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(
            message,
            leaf,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            leaf,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
