//! Reading certificates that the other side, or we ourselves, hold.

use crate::encoding::PemError;
use rustls::pki_types::CertificateDer;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;

/// Why a certificate does not say what is asked of it.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// No certificate at all.
    #[error("no client certificate was shown")]
    None,
    /// Not in PEM.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// Not X.509.
    #[error("the certificate cannot be read")]
    Unreadable,
    /// Not exactly one common name.
    #[error("the certificate must have one common name")]
    CommonName,
}

/// The host that a client certificate names: its only common name. Give it the chain that the TLS connection has
/// verified (`peer_certificates()`), never one from elsewhere.
pub fn host_name(chain: Option<&[CertificateDer<'_>]>) -> Result<String, PeerError> {
    let leaf = chain.and_then(<[_]>::first).ok_or(PeerError::None)?;
    let leaf = parse(leaf)?;
    let mut names = leaf.subject().iter_common_name();
    match (names.next(), names.next()) {
        (Some(only), None) => only
            .as_str()
            .map(str::to_owned)
            .map_err(|_| PeerError::CommonName),
        _ => Err(PeerError::CommonName),
    }
}

/// The certificate's last second.
pub(crate) fn expires(certificate: &CertificateDer<'_>) -> Result<SystemTime, PeerError> {
    let seconds = parse(certificate)?.validity().not_after.timestamp();
    Ok(UNIX_EPOCH + Duration::from_secs(seconds.try_into().unwrap_or(0)))
}

/// Whether `leaf` names the key of `root` as the one that signed it. Nobody is trusted for that.
pub(crate) fn is_issued_by(
    leaf: &CertificateDer<'_>,
    root: &CertificateDer<'_>,
) -> Result<bool, PeerError> {
    let (leaf, root) = (parse(leaf)?, parse(root)?);
    let issuer = leaf
        .iter_extensions()
        .find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::AuthorityKeyIdentifier(named) => named.key_identifier.clone(),
            _ => None,
        });
    let own = root
        .iter_extensions()
        .find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::SubjectKeyIdentifier(own) => Some(own.clone()),
            _ => None,
        });
    Ok(issuer.is_some() && issuer == own)
}

fn parse<'a>(certificate: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, PeerError> {
    match x509_parser::parse_x509_certificate(certificate) {
        Ok(([], certificate)) => Ok(certificate),
        _ => Err(PeerError::Unreadable),
    }
}
