//! The X.509 root and what it signs.

use crate::encoding::{self, PemError};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName,
    DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType,
};
use sha2::{Digest, Sha256};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const DAY: Duration = Duration::from_secs(86_400);
/// How long a root lives.
pub const ROOT_LIFETIME: Duration = DAY.saturating_mul(3650);
/// How long a server certificate lives.
pub const SERVER_LIFETIME: Duration = DAY.saturating_mul(90);
/// How long a host's client certificate lives.
pub const HOST_LIFETIME: Duration = DAY.saturating_mul(30);
/// Certificates begin so much before they are made, for clocks that are behind.
const SKEW: Duration = Duration::from_secs(300);
/// Bytes in a certificate signing request, at most.
const MAX_CSR: usize = 16 * 1024;

/// The CA's X.509 root with its private key (ECDSA P-256).
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
    hash: [u8; 32],
}

/// A server's certificate with its private key, both in PEM.
pub struct ServerLeaf {
    /// The leaf, then the root.
    pub chain: String,
    /// Secret.
    pub key: String,
}

/// Why the root could not be made, read or used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The stored root is not in PEM.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// The stored root or its key cannot be used.
    #[error("the X.509 root or its key cannot be used: {0}")]
    Root(rcgen::Error),
    /// A key or certificate could not be made.
    #[error("the X.509 certificate could not be made: {0}")]
    Make(rcgen::Error),
    /// A name that no certificate can hold.
    #[error("{name:?} cannot stand in a server certificate: {source}")]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        source: rcgen::Error,
    },
    /// A request that is too long, damaged, or not signed by its own key.
    #[error("the certificate signing request cannot be used: {0}")]
    Request(rcgen::Error),
    /// A request of absurd length.
    #[error("a certificate signing request of {0} bytes is not looked at")]
    RequestTooLong(usize),
}

impl Authority {
    /// Makes a root that lives from `now` on; `name` is for people only.
    pub fn create(name: &str, now: SystemTime) -> Result<Self, Error> {
        let key = KeyPair::generate().map_err(Error::Make)?;
        let mut params = parameters(name, now, ROOT_LIFETIME);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key).map_err(Error::Make)?;
        Self::from_pem(&certificate.pem(), &key.serialize_pem())
    }

    /// Reads a stored root.
    pub fn from_pem(certificate: &str, key: &str) -> Result<Self, Error> {
        let key = KeyPair::from_pem(key).map_err(Error::Root)?;
        let hash = root_hash(certificate)?;
        let issuer = Issuer::from_ca_cert_pem(certificate, key).map_err(Error::Root)?;
        Ok(Self {
            issuer,
            certificate: certificate.to_owned(),
            hash,
        })
    }

    /// The root in PEM; not secret.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// The root's private key in PEM; secret.
    pub fn key(&self) -> String {
        self.issuer.key().serialize_pem()
    }

    /// SHA-256 of the root's DER: what clients pin.
    pub fn hash(&self) -> [u8; 32] {
        self.hash
    }

    /// A certificate for a server that answers to these names and addresses; the first is its common name.
    pub fn issue_server(&self, names: &[String], now: SystemTime) -> Result<ServerLeaf, Error> {
        let key = KeyPair::generate().map_err(Error::Make)?;
        let mut params = parameters(
            names.first().map_or("daypass", String::as_str),
            now,
            SERVER_LIFETIME,
        );
        params.subject_alt_names = alternative_names(names)?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let leaf = params.signed_by(&key, &self.issuer).map_err(Error::Make)?;
        Ok(ServerLeaf {
            chain: leaf.pem() + &self.certificate,
            key: key.serialize_pem(),
        })
    }

    /// A certificate in PEM for the key of a collector's certificate signing request: it serves under these names, and
    /// identifies the collector towards the CA. Its common name is no host's, so that nobody takes it for a host that is
    /// called alike. Nothing but the key is taken from the request.
    pub fn issue_collector(
        &self,
        csr: &str,
        names: &[String],
        now: SystemTime,
    ) -> Result<String, Error> {
        let mut request = request(csr)?;
        let common_name = names.first().map_or("", String::as_str);
        let common_name = format!("daypass-collector {common_name}");
        request.params = parameters(&common_name, now, SERVER_LIFETIME);
        request.params.subject_alt_names = alternative_names(names)?;
        request.params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        request.params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        Ok(request.signed_by(&self.issuer).map_err(Error::Make)?.pem())
    }

    /// A client certificate in PEM for the key of a certificate signing request, whose own signature is checked.
    /// Nothing else of the request is taken over: `host` becomes the common name, whatever it asks for.
    pub fn issue_host(&self, csr: &str, host: &str, now: SystemTime) -> Result<String, Error> {
        let mut request = request(csr)?;
        request.params = parameters(host, now, HOST_LIFETIME);
        request.params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        request.params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        Ok(request.signed_by(&self.issuer).map_err(Error::Make)?.pem())
    }
}

fn request(csr: &str) -> Result<CertificateSigningRequestParams, Error> {
    if csr.len() > MAX_CSR {
        return Err(Error::RequestTooLong(csr.len()));
    }
    CertificateSigningRequestParams::from_pem(csr).map_err(Error::Request)
}

fn alternative_names(names: &[String]) -> Result<Vec<SanType>, Error> {
    let mut all = Vec::new();
    for name in names {
        let alone = CertificateParams::new([name.clone()]);
        let alone = alone.map_err(|source| Error::Name {
            name: name.clone(),
            source,
        })?;
        all.extend(alone.subject_alt_names);
    }
    Ok(all)
}

/// SHA-256 of the DER of a root in PEM.
pub fn root_hash(certificate: &str) -> Result<[u8; 32], PemError> {
    Ok(Sha256::digest(encoding::certificate(certificate)?).into())
}

/// When the first certificate of a PEM text ends; for renewal.
pub fn expires(certificate: &str) -> Result<SystemTime, crate::PeerError> {
    crate::peer::expires(&encoding::certificate(certificate)?)
}

/// Whether the first certificate of a PEM text was issued by the first root of another, as both say by their key identifiers:
/// for those who ask whether it is time for another one.
pub fn is_issued_by(certificate: &str, root: &str) -> Result<bool, crate::PeerError> {
    let (leaf, root) = (
        encoding::certificate(certificate)?,
        encoding::certificate(root)?,
    );
    crate::peer::is_issued_by(&leaf, &root)
}

fn parameters(common_name: &str, now: SystemTime, lifetime: Duration) -> CertificateParams {
    let mut params = CertificateParams::default();
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, common_name);
    params.distinguished_name = subject;
    params.use_authority_key_identifier_extension = true;
    let since_epoch = |time: SystemTime| time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before = epoch + since_epoch(now).saturating_sub(SKEW);
    params.not_after = epoch + since_epoch(now) + lifetime;
    params
}
