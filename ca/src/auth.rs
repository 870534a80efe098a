//! Who asks: a person by a signature over this very request, or a host or collector by its client certificate.

use daypass_protocol::http_auth::{self, Caller as Signer, Credential, Target};
use daypass_protocol::name::{HostName, InvalidName};
use daypass_protocol::roster::VerifiedRoster;
use daypass_protocol::time::{SKEW, Time};
use sha2::{Digest as _, Sha256};

use crate::authority::Authority;
use crate::store::{AdmittedCollector, NonceError, StoreError};

/// Why a caller is not taken for who they say they are.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// The signature, or what it is over.
    #[error(transparent)]
    Credential(#[from] http_auth::Error),
    /// Seen before.
    #[error("this very request was made before; every request is signed anew")]
    Replay(Box<Signer>),
    /// A certificate of our root that no enrolled host has any more.
    #[error(
        "the client certificate belongs to no enrolled host and no collector: it was replaced, removed or retired"
    )]
    UnknownCertificate,
    /// The replay cache; the request is refused then.
    #[error(transparent)]
    Nonces(#[from] NonceError),
    /// Somebody said that this key is not to be believed.
    #[error("the key {} was revoked; use another key of yours, or ask an admin to enrol one", .0.key())]
    RevokedKey(Box<Signer>),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A stored host name that is none.
    #[error("the database holds a damaged host name")]
    Damaged(#[from] InvalidName),
}

/// The person who signed this request, which was not seen before and will not be taken again.
///
/// # Errors
/// When the signature does not count, clocks differ by more than a minute, or the request is a replay.
pub fn person(
    authority: &Authority,
    roster: &VerifiedRoster,
    header: &str,
    target: &Target<'_>,
    now: Time,
) -> Result<Signer, AuthError> {
    let signer = Credential::from_header(header)?.check(target, roster, now)?;
    if authority.revoked().names_key(signer.key()) {
        return Err(AuthError::RevokedKey(Box::new(signer)));
    }
    // Remembered for as long as the same bytes would pass the check above.
    let expires = signer.time().plus(SKEW + 1);
    if !authority
        .nonces()
        .remember(signer.nonce().as_bytes(), expires.unix(), now.unix())?
    {
        return Err(AuthError::Replay(Box::new(signer)));
    }
    Ok(signer)
}

/// A machine that shows a certificate of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Machine {
    /// An enrolled host.
    Host {
        /// Its name.
        name: HostName,
        /// SHA-256 of the certificate that it shows.
        certificate: [u8; 32],
    },
    /// An admitted collector.
    Collector(Box<AdmittedCollector>),
}

/// The machine whose client certificate this is; the first use of a renewed one ends the one before. TLS has checked that
/// it chains to our root and has not ended.
///
/// # Errors
/// When it is nobody's.
pub fn machine(authority: &Authority, certificate: &[u8]) -> Result<Machine, AuthError> {
    let fingerprint: [u8; 32] = Sha256::digest(certificate).into();
    let store = authority.store();
    if let Some(host) = store.read(|tx| tx.host_with_certificate(&fingerprint))? {
        if host.certificate != fingerprint {
            store.write::<_, StoreError>(move |tx| tx.use_renewed(&fingerprint))?;
        } else if host.unconfirmed {
            store.write::<_, StoreError>(move |tx| tx.confirm_host(&fingerprint))?;
        }
        return Ok(Machine::Host {
            name: host.name.parse()?,
            certificate: fingerprint,
        });
    }
    let mut collector = store
        .read(|tx| tx.collector_with_certificate(&fingerprint))?
        .ok_or(AuthError::UnknownCertificate)?;
    if collector.certificate != fingerprint {
        store.write::<_, StoreError>(move |tx| tx.use_renewed_collector(&fingerprint))?;
        collector.certificate = fingerprint;
    }
    Ok(Machine::Collector(Box::new(collector)))
}
